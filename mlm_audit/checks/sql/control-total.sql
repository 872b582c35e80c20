-- code: control-total
-- title: Two figures of the platform that have to be equal differ
-- severity: high
-- needs: none
-- requires: control totals
-- optional: none
-- determines: none
-- about: issue
-- slices: none
-- local: no
-- causes: control-total-differs
-- follows: none
-- explains: none
-- proves: The control totals that the mapping of the platform declares are equal.
-- do: Follow the step that the finding states.
-- message: {title}: {expected_text} expected, {found_text} found, {off_text}. {do_text}.
select
    null::BIGINT as member_id,
    null::BIGINT as order_id,
    t.off_paisa as amount_paisa,
    t.title,
    t.expected_text,
    t.found_text,
    t.off_text,
    t.do as do_text,
    'control-total-differs' as cause,
    [{'table': 'control_totals', 'id': t.name}] as evidence,
    t.name as key
from control_totals as t
where not t.is_equal
