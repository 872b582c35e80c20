-- code: entry-form
-- title: A ledger row does not meet the rules of its kind
-- severity: high
-- needs: ledger, payout_schedule, commission_rollups
-- requires: ledger.level_depth
-- optional: commission_rollups
-- determines: ledger.level_depth, ledger.ref, ledger.reference_id, ledger.type, ledger.user_id
-- about: issue
-- slices: none
-- local: yes
-- causes: company-money-to-member, key-missing, key-untrimmed, key-wrong, level-missing, level-unexpected, member-money-without-member, other-ledger-type
-- follows: row
-- explains: none
-- proves: Rows of the company name no member and all other rows name one; only level lines name a level; where the keys have the toolkit's form, every row has one, and payouts and roll-ups have the prescribed key.
-- do: Find out whose money the row moved; then correct the row's owner, level or key, and record the reason.
-- message: Ledger row {ledger_id} ({kind}, {row_paisa}) {what}.
with formed as (
    select
        l.id,
        l.user_id,
        l.type,
        l.amount_paisa,
        l.reference_id,
        l.ref,
        l.level_depth,
        l.balance_after_paisa,
        case
            when l.is_company and l.user_id is not null then 'company-money-to-member'
            -- A row without a member that has the key of a roll-up: its kind was changed.
            when
                l.type = 'sponsor_commission' and l.user_id is null
                and upper(trim(l.ref)) = 'ORDER_' || l.reference_id || '_ROLLUP_L' || l.level_depth
                then 'other-ledger-type'
            when not l.is_company and l.user_id is null and c.ledger_id is null then 'member-money-without-member'
            when l.has_level and (l.level_depth is null or l.level_depth < 1) and c.ledger_id is null then 'level-missing'
            when not l.has_level and l.level_depth is not null and c.ledger_id is null then 'level-unexpected'
            when not r.has_own_keys then null
            when l.ref is null or trim(l.ref) = '' then 'key-missing'
            when l.ref <> trim(l.ref) then 'key-untrimmed'
            when
                l.type = 'self_payout' and l.amount_paisa > 0 and l.ref is distinct from 'SELF_PAYOUT_' || l.reference_id
                -- A second credit of an instalment has another key and is reported by its own check.
                and l.reference_id not in (select schedule_id from payout_faults where fault = 'credited-twice')
                -- A reversed row and the row that was posted in its place are not faults either.
                and l.id not in (select of_id from corrections)
                and not (
                    split_part(coalesce(l.ref, ''), '_', 1) = 'REPOST'
                    and coalesce(try_cast(split_part(l.ref, '_', 2) as BIGINT), -1) in (select of_id from corrections)
                )
                and split_part(coalesce(l.ref, ''), '_', 1) <> 'DIFFERENCE'
                then 'key-wrong'
            when
                l.type = 'commission_rollup' and l.amount_paisa > 0
                and (
                    l.ref is null
                    or try_cast(split_part(l.ref, '_', 2) as BIGINT) is null
                    or coalesce(try_cast(split_part(l.ref, '_', 3) as BIGINT) % 100, 0) not between 1 and 12
                )
                then 'key-wrong'
        end as cause
    from noted_rows as l
    cross join rules as r
    -- A correction repeats the kind, the owner and the level of the row that it corrects, right or wrong.
    left join (
        select ledger_id, of_user_id, level_depth from corrections where own_type = type
    ) as c
        on l.id = c.ledger_id and l.user_id is not distinct from c.of_user_id and l.level_depth is not distinct from c.level_depth
)

select
    coalesce(f.user_id, r.user_id) as member_id,
    case when f.type in ('sponsor_commission', 'company_share', 'rollup_to_company', 'remainder') then f.reference_id end as order_id,
    case when f.cause = 'company-money-to-member' then f.amount_paisa else 0 end as amount_paisa,
    f.amount_paisa as row_paisa,
    f.id as ledger_id,
    f.type as kind,
    case f.cause
        when 'company-money-to-member' then 'is the company''s money but is posted to member ' || f.user_id
        when 'member-money-without-member' then 'names no member'
        when 'other-ledger-type' then 'has the key of a roll-up to the company'
        when 'level-missing' then 'names no level'
        when 'level-unexpected' then 'names a level, which rows of this kind do not have'
        when 'key-missing' then 'has no idempotency key'
        when 'key-untrimmed' then 'has spaces around its idempotency key'
        else 'does not have the key that its kind requires'
    end as what,
    case when f.cause in ('company-money-to-member', 'member-money-without-member') then 'high' else 'medium' end as severity,
    f.cause,
    [{'table': 'ledger', 'id': f.id, 'amount_paisa': f.amount_paisa}] as evidence,
    {
        'user_id': f.user_id,
        'other_id': case when f.cause = 'other-ledger-type' then f.id end,
        'other_type': f.type,
        'is_same_row': true,
        'other_reference_id': f.reference_id,
        'level': f.level_depth,
        'ref': f.ref,
        'key': case
            when f.type = 'self_payout' then 'SELF_PAYOUT_' || f.reference_id
            when f.type = 'commission_rollup' then 'ROLLUP_' || r.user_id || '_' || (r.year::BIGINT * 100 + r.month)
            when f.cause = 'key-untrimmed' then trim(f.ref)
            else 'RESTORED_' || f.id
        end,
        'balance_paisa': f.balance_after_paisa
    } as facts,
    f.id as key
from formed as f
left join commission_rollups as r on f.type = 'commission_rollup' and f.reference_id = r.id
where f.cause is not null
