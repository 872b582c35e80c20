"""Variants of the facts: the members in the tree, and their orders."""

from dataclasses import replace

import numpy as np

from mlm_audit.demo.variants.variant import PLANS, Variant
from mlm_audit.demo.world import DAY, NEVER, Ints, Orders, World, micros

MILLISECOND = 1_000


def _tiny_commission(world: World) -> World:
    """Set the commissionable amount of every fifth order to 0, and of every order after those to 1 paisa."""
    commission = world.orders.commission_paisa.copy()
    commission[0::5], commission[1::5] = 0, 1
    return replace(world, orders=replace(world.orders, commission_paisa=commission))


def _at_boundaries(world: World, boundaries: list[int]) -> World:
    """Move repurchases of the five days after each boundary alternately to it and to the last millisecond before it."""
    paid_at, refunded_at = world.orders.paid_at.copy(), world.orders.refunded_at.copy()
    first = world.members.first_paid_at[world.orders.member]
    for boundary in boundaries:
        near = (
            (paid_at > boundary) & (paid_at < boundary + 5 * DAY) & ~world.orders.is_joining & (first < boundary - DAY)
        )
        chosen = np.flatnonzero(near)[:6]
        paid_at[chosen] = boundary - MILLISECOND * (np.arange(len(chosen)) % 2)
        refunded_at[chosen] = NEVER
    return replace(world, orders=_sorted(replace(world.orders, paid_at=paid_at, refunded_at=refunded_at)))


def _sorted(orders: Orders) -> Orders:
    """Sort orders by time of payment, with joining orders first, because ids follow this order."""
    index: Ints = np.lexsort((~orders.is_joining, orders.paid_at))
    return Orders(
        orders.member[index],
        orders.total_paisa[index],
        orders.commission_paisa[index],
        orders.is_joining[index],
        orders.paid_at[index],
        orders.refunded_at[index],
    )


def _month_boundary(world: World) -> World:
    return _at_boundaries(world, [micros(month.start) for month in world.months[1:]])


def _plan_boundary(world: World) -> World:
    return _at_boundaries(world, [micros(start) for _, start, _ in world.plan.periods(world.tz)[1:]])


def _admin(world: World) -> World:
    """Make admins of three members who have others below them."""
    admin = np.zeros(world.members.count, np.bool_)
    admin[[1, 4, 7]] = True
    return replace(world, members=replace(world.members, admin=admin))


def _several_roots(world: World) -> World:
    """Remove the parent and the sponsor of two further members."""
    parent, sponsor = world.members.parent.copy(), world.members.sponsor.copy()
    parent[[2, 9]] = sponsor[[2, 9]] = -1
    return replace(world, members=replace(world.members, parent=parent, sponsor=sponsor))


def _activated_by_hand(world: World) -> World:
    """Activate the members who never ordered: half of them at registration, and half of them later."""
    members = world.members
    later = members.created_at + (world.end - members.created_at) // 2
    since = np.where(np.arange(members.count) % 2 == 0, members.created_at, later)
    active_from = np.where(members.first_paid_at == NEVER, since, members.active_from)
    return replace(world, members=replace(members, active_from=active_from))


WORLDS = (
    Variant("tiny-commission", "orders with a commissionable amount of zero or one paisa", _tiny_commission),
    Variant("month-boundary", "orders paid exactly when a month starts, and one millisecond earlier", _month_boundary),
    Variant(
        "plan-boundary",
        "orders paid exactly when the plan changes, and one millisecond earlier",
        _plan_boundary,
        settings={"PLAN_FILE": str(PLANS / "two-changes.toml")},
    ),
    Variant("admin-in-tree", "three admins who have members below them", _admin),
    Variant("several-roots", "three members without a parent and a sponsor", _several_roots, trees_pass=False),
    Variant("one-member", "a founder without other members", members=1),
    Variant("two-members", "a founder and one member", members=2),
    *(
        Variant(
            f"zone-{name.split('/')[-1].lower().replace('_', '-')}",
            f"a business in {name}",
            settings={"TIMEZONE": name},
        )
        for name in ("America/New_York", "Europe/London", "Australia/Lord_Howe", "Pacific/Chatham", "UTC")
    ),
    Variant(
        "plan-unposted",
        "a plan that posts no remainder and counts orders for the 3-3 rule",
        settings={"PLAN_FILE": str(PLANS / "unposted-remainder.toml")},
    ),
    Variant("activated-by-hand", "members who are active although they never ordered", _activated_by_hand),
    Variant(
        "plan-registration",
        "a plan under which members earn from their registration",
        settings={"PLAN_FILE": str(PLANS / "registration.toml")},
    ),
    Variant(
        "plan-sponsor-placement",
        "a plan that fills the matrix below each sponsor",
        settings={"PLAN_FILE": str(PLANS / "sponsor-placement.toml")},
    ),
    Variant(
        "plan-placed-when-paid",
        "a plan that places members when they pay for their first order",
        settings={"PLAN_FILE": str(PLANS / "placed-when-paid.toml")},
    ),
    Variant(
        "plan-one-level",
        "a plan with one level, one instalment and no company share",
        settings={"PLAN_FILE": str(PLANS / "one-level.toml")},
    ),
)
