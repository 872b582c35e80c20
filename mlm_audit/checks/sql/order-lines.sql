-- code: order-lines
-- title: An order's lines differ from the plan
-- severity: high
-- needs: orders, commissions, ledger, matrix_nodes, users
-- requires: ledger.reference_id
-- optional: none
-- determines: ledger.user_id
-- about: order
-- slices: order
-- local: yes
-- causes: unexplained
-- follows: order
-- explains: none
-- proves: An order's lines have no difference from the plan that no other check names.
-- do: Compare the order's ledger rows and commission records with the plan one by one; look for a row with the wrong owner or level.
-- message: Order {order_id}: the lines differ from the plan, although the amounts and owners of the expected lines agree.
with named as (
    select order_id from level_faults
    union
    select order_id from company_faults
),

-- Rolled-up lines whose upline's activity is unknown: for these, a roll-up is as valid as a commission.
rolled_up as (
    select
        e.order_id,
        sum((e.rollup_line - e.member_line) * e.amount_paisa) as alternative
    from level_expected as e
    inner join level_actual as a on e.order_id = a.order_id and e.level = a.level
    where e.activity = 'unknown' and a.records + a.credits = 0 and a.rollups > 0
    group by e.order_id
),

-- Rows without an amount, which count with their hash (posted_lines), if a row DIFFERENCE_<ledger id> of the same line corrected them.
made_up as (
    select
        z.order_id,
        sum(z.line) as alternative
    from (
        select ledger_id, order_id, line
        from posted_lines
        where amount_paisa = 0 and ledger_id is not null and order_id in (select order_id from order_sums where differs)
    ) as z
    inner join (
        select distinct try_cast(split_part(l.ref, '_', 2) as BIGINT) as of_id, p.order_id, p.line
        from (
            select ledger_id, order_id, line
            from posted_lines
            where amount_paisa > 0 and order_id in (select order_id from order_sums where differs)
        ) as p
        inner join (
            select id, ref
            from ledger
            where ref like 'DIFFERENCE_%' and reference_id in (select order_id from order_sums where differs)
        ) as l
            on p.ledger_id = l.id
    ) as d
        on z.ledger_id = d.of_id and z.order_id = d.order_id and z.line = d.line
    group by z.order_id
)

select
    s.order_id,
    s.member_id,
    0::BIGINT as amount_paisa,
    'unexplained' as cause,
    [{'table': 'order', 'id': s.order_id}] as evidence,
    s.order_id as key
from order_sums as s
left join named as n on s.order_id = n.order_id
left join rolled_up as r on s.order_id = r.order_id
left join made_up as m on s.order_id = m.order_id
where
    s.stands and s.differs and n.order_id is null and s.signature + coalesce(r.alternative, 0) + coalesce(m.alternative, 0) <> 0
    -- The lines of larger orders may not fit into a signature. They are always compared one by one, as above.
    and s.commission_paisa <= 2147483647
