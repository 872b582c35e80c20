-- code: unsupported-entry
-- title: An adjustment or bonus without an authorisation
-- severity: high
-- needs: ledger, authorisations, users
-- requires: none
-- optional: none
-- determines: authorisations.amount_paisa, authorisations.kind, authorisations.reference, authorisations.user_id, ledger.(row), ledger.amount_paisa, ledger.ref, ledger.type, ledger.user_id
-- about: issue
-- slices: none
-- local: yes
-- causes: authorisation-differs, authorised-not-posted, history-edited, other-ledger-type, unsupported-entry
-- follows: row
-- explains: none
-- proves: Every adjustment and bonus in the ledger has one authorisation of its kind, member and amount, and every authorisation is posted.
-- do: Find out who made the entry; record the authorisation with `mlm-audit authorisations add`, or reverse the entry.
-- message: {what}: {posted_paisa} is posted, {approved_paisa} is authorised.
with grants as (
    select id, user_id, type, amount_paisa, coalesce(ref, 'LEDGER_' || id) as reference
    from noted_rows
    -- The source of a recovery or a reversal is the row that it names.
    where type in ('adjustment', 'bonus') and id not in (select ledger_id from corrections)
),

approved as (
    select
        a.*,
        coalesce(g.reference, a.reference) as row_reference
    from authorisations as a
    left join grants as g on a.reference = 'LEDGER_' || g.id
    -- The approval of a wallet correction has no ledger row.
    where a.kind <> 'wallet_correction'
),

-- Authorised entries that are in the ledger under another kind.
otherwise as (
    select
        ref as reference,
        max(id) as ledger_id,
        max_by(type, id) as type,
        max_by(user_id, id) as user_id,
        max_by(amount_paisa, id) as amount_paisa
    from ledger
    where type not in ('adjustment', 'bonus') and ref in (select reference from authorisations where kind <> 'wallet_correction')
    group by ref
),

-- Entries that were reversed in full.
reversed as (
    select c.of_id
    from corrections as c
    inner join grants as g on c.of_id = g.id
    group by c.of_id, g.amount_paisa
    having sum(c.amount_paisa) = -g.amount_paisa
),

compared as (
    select
        g.id as ledger_id,
        a.id as authorisation_id,
        coalesce(g.user_id, a.user_id) as member_id,
        g.amount_paisa as posted_amount,
        a.amount_paisa as approved_amount,
        coalesce(g.type, a.kind) as kind,
        coalesce(g.reference, a.reference) as reference,
        a.kind as approved_kind,
        a.user_id as approved_user_id,
        g.user_id as posted_user_id,
        o.ledger_id as other_id,
        o.type as other_type,
        case
            when a.id is null then 'unsupported-entry'
            when o.ledger_id is not null then 'other-ledger-type'
            when g.id is null then 'authorised-not-posted'
            when g.type <> a.kind or g.user_id is distinct from a.user_id or g.amount_paisa <> a.amount_paisa
                then 'authorisation-differs'
        end as cause
    from grants as g
    full outer join approved as a on g.reference = a.row_reference
    left join otherwise as o
        on a.reference = o.reference and a.user_id = o.user_id and a.amount_paisa = o.amount_paisa and g.id is null
    cross join rules as r
    where
        (a.id is null and (g.user_id is null or g.user_id in (select id from users)) and g.id not in (select of_id from reversed))
        or (g.id is null and (a.approved_at < r.overdue_before or o.ledger_id is not null))
        or (
            g.id is not null and a.id is not null
            and (g.type <> a.kind or g.user_id is distinct from a.user_id or g.amount_paisa <> a.amount_paisa)
        )
)

select
    c.member_id,
    coalesce(c.posted_amount, 0) - case when c.cause = 'unsupported-entry' then 0 else c.approved_amount end as amount_paisa,
    coalesce(c.posted_amount, 0) as posted_paisa,
    coalesce(c.approved_amount, 0) as approved_paisa,
    case
        when c.cause = 'unsupported-entry' then 'Ledger row ' || c.ledger_id || ' (' || c.kind || ') has no authorisation'
        when c.cause = 'authorised-not-posted' then 'Authorisation ' || c.authorisation_id || ' (' || c.kind || ') was never posted'
        else 'Ledger row ' || c.ledger_id || ' (' || c.kind || ') differs from authorisation ' || c.authorisation_id
    end as what,
    case
        when abs(coalesce(c.posted_amount, c.approved_amount)) > r.unsupported_critical_paisa and c.ledger_id is not null
            then 'critical'
        else 'high'
    end as severity,
    case when c.cause = 'authorisation-differs' and c.approved_kind = c.kind and e.is_edited then 'history-edited' else c.cause end as cause,
    [{'table': 'ledger', 'id': c.ledger_id, 'amount_paisa': c.posted_amount},
        {'table': 'AuditAuthorisation', 'id': c.authorisation_id, 'amount_paisa': c.approved_amount}] as evidence,
    {
        'ledger_id': c.ledger_id,
        'authorisation_id': c.authorisation_id,
        'kind': c.kind,
        'reference': c.reference,
        'posted_user_id': c.posted_user_id,
        'posted_paisa': c.posted_amount,
        'approved_kind': c.approved_kind,
        'approved_user_id': c.approved_user_id,
        'approved_paisa': c.approved_amount,
        'other_id': c.other_id,
        'other_type': c.other_type,
        'is_same_row': true,
        'holder_id': c.approved_user_id,
        'is_row_only': coalesce(c.cause = 'authorisation-differs' and c.approved_kind = c.kind and e.is_edited, false),
        'is_outside_wallet': coalesce(b.difference_paisa = -c.posted_amount, false)
    } as facts,
    case when c.ledger_id is null then 'authorisation/' || c.authorisation_id else 'ledger/' || c.ledger_id end as key
from compared as c
cross join rules as r
left join balances as b on c.posted_user_id = b.member_id
-- The wallets match the authorisation: only the ledger row differs.
left join (
    select
        c.ledger_id,
        c.authorisation_id,
        coalesce(case
            when c.posted_user_id = c.approved_user_id then a.difference_paisa = c.approved_amount - c.posted_amount
            else
                a.difference_paisa = c.approved_amount
                and (c.posted_user_id not in (select id from users) or p.difference_paisa = -c.posted_amount)
        end, false) as is_edited
    from compared as c
    left join balances as a on c.approved_user_id = a.member_id
    left join balances as p on c.posted_user_id = p.member_id
    where c.cause = 'authorisation-differs'
) as e on c.ledger_id = e.ledger_id and c.authorisation_id = e.authorisation_id
where c.cause is not null
