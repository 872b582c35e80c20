-- code: sweep-overdue
-- title: A month's commission is undecided
-- severity: medium
-- needs: commissions, orders, monthly_stats
-- requires: repurchase_credited=by_sweep
-- optional: none
-- determines: monthly_stats.(row)
-- about: issue
-- slices: none
-- local: yes
-- causes: sweep-overdue
-- follows: none
-- explains: none
-- proves: Every month is swept within SWEEP_OVERDUE_DAYS of its end.
-- do: Run `mlm-audit run monthly-sweep --month` for that month, first with --dry-run.
-- message: Month {month}: {rows_text} with a total of {pending_paisa}, {days_text} after the month ended.
select
    null::BIGINT as member_id,
    -p.pending_paisa as amount_paisa,
    p.pending_paisa,
    p.month,
    case when p.rows = 1 then 'there is 1 undecided commission' else 'there are ' || p.rows || ' undecided commissions' end as rows_text,
    case
        when (epoch_us(r.read_at) - epoch_us(m.ends_at)) // 86400000000 = 1 then '1 day'
        else (epoch_us(r.read_at) - epoch_us(m.ends_at)) // 86400000000 || ' days'
    end as days_text,
    'sweep-overdue' as cause,
    [{'table': 'commissions', 'id': p.first_commission_id}] as evidence,
    p.month as key
from pending_months as p
inner join months as m on p.month = m.month
cross join rules as r
left join monthly_stats as s on p.month = s.year::BIGINT * 100 + s.month
where s.month is null and m.ends_at < r.sweep_overdue_before
