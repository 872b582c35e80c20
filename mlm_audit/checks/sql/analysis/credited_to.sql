-- The total ever credited to the members in `named`, net of reversals: level commission, self payouts, bonuses.
select
    n.member_id,
    coalesce(sum(l.amount_paisa), 0)::BIGINT as amount_paisa
from named as n
left join ledger as l
    on n.member_id = l.user_id
    and l.type in ('sponsor_commission', 'repurchase_commission', 'self_payout', 'bonus')
group by n.member_id
