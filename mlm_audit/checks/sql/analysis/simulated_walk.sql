-- The path up the matrix from every order's buyer, and the ancestor who takes each level.
-- Compression 'none': every ancestor takes a level, including inactive ones. 'standard': ancestors who were inactive when the order
-- was paid are skipped. 'dynamic': for repurchase, ancestors who were not eligible for the order's month are skipped as well.
-- A path that has not filled its levels after `most_hops` ancestors is kept as it is: it is a cycle or an implausibly long chain.
with recursive walk as (
    select
        order_id,
        member_id as upline_id,
        paid_at,
        month,
        is_joining,
        levels,
        0::BIGINT as level,
        0::BIGINT as hops,
        false as takes,
        false as is_known,
        false as is_active,
        false as is_eligible
    from sim_orders
    union all
    select
        order_id,
        upline_id,
        paid_at,
        month,
        is_joining,
        levels,
        level + case when takes then 1 else 0 end as level,
        hops,
        takes,
        is_known,
        is_active,
        is_eligible
    from (
        select
            *,
            case compression
                when 'none' then true
                when 'standard' then is_active
                else is_active and (is_joining or is_eligible)
            end as takes
        from (
            select
                w.order_id,
                n.parent_id as upline_id,
                w.paid_at,
                w.month,
                w.is_joining,
                w.levels,
                w.level,
                w.hops + 1 as hops,
                a.member_id is not null as is_known,
                coalesce(w.paid_at >= a.active_from and w.paid_at <= a.active_until, false) as is_active,
                e.member_id is not null as is_eligible,
                t.compression
            from walk as w
            inner join matrix_nodes as n on w.upline_id = n.user_id
            left join sim_activity as a on n.parent_id = a.member_id
            left join sim_eligible as e on n.parent_id = e.member_id and w.month = e.month
            cross join sim_terms as t
            where n.parent_id is not null and w.level < w.levels and w.hops < t.most_hops
        ) as met
    ) as judged
)

select
    w.order_id,
    w.upline_id,
    w.level,
    w.takes,
    w.is_known,
    w.is_active,
    w.is_eligible,
    w.hops = t.most_hops and w.level < w.levels as is_endless
from walk as w
cross join sim_terms as t
where w.takes or w.hops = t.most_hops
