-- what: ledger lines of orders name an order that exists
-- needs: ledger, orders
-- next: compare the patterns of the mapping with the keys of the rows that do not match
select
    count(*) as total,
    coalesce(sum(case when o.id is not null then 1 else 0 end), 0) as good
from ledger as l
left join orders as o on l.reference_id = o.id
where l.type in ('sponsor_commission', 'rollup_to_company', 'company_share', 'remainder')
