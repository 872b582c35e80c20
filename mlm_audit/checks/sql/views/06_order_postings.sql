-- The postings and commission records of each order, in a few sums. order_levels is the expected side, and order_sums compares the two.
-- signature subtracts the amount of each line times a hash of its other fields (29 bits, never zero). A row and its reversal add up to
-- zero; a row without an amount counts with its hash, so that it is detected.
-- An amount of 2^31 paisa or more would not fit: it counts with its remainder after a division, and as one on the expected side. The two
-- never agree, so its order is always compared line by line; in a refund, only the same amount cancels it.
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
