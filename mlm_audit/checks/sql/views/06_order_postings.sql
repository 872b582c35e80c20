-- What the ledger and the commission records have for each order, in a few sums; the other side is order_levels, and order_sums compares.
-- signature takes away the amount of each line times a hash of what else it is (of 29 bits, and never zero). A row and its reversal come to
-- nothing; a row of no amount counts with its hash, so that it is seen.
-- An amount of 2^31 paisa or more would not fit: it counts with what is left of it after a division, and as one where it is expected. The
-- two never agree, so that its order is always compared line by line; of a refund only the same amount takes it back.
select
    order_id,
    -sum(line * case
        when amount_paisa = 0 then 1
        when amount_paisa > 2147483647 then 2 + amount_paisa % 2147483645
        when amount_paisa < -2147483647 then amount_paisa % 2147483645 - 2
        else amount_paisa
    end) as signature,
    min(created_at) as first_at,
    sum(posted_paisa)::BIGINT as posted_paisa
from posted_lines
where order_id is not null
group by order_id
