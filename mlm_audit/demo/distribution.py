"""The vectorised split of a world's orders under the plan: company, levels, roll-ups, instalments and remainder."""

from dataclasses import dataclass

import numpy as np

from mlm_audit.demo.world import DAY, NEVER, Flags, Ints, Members, World, micros
from mlm_audit.domain.money import BASIS_POINTS


@dataclass(frozen=True)
class LevelLines:
    """The level lines, one entry per order and level with an upline. `order` and `upline` are indices."""

    order: Ints
    level: Ints
    upline: Ints
    amount_paisa: Ints
    active: Flags


@dataclass(frozen=True)
class Instalments:
    """The instalments of joining orders, one entry per instalment."""

    order: Ints
    number: Ints
    amount_paisa: Ints
    due_at: Ints


@dataclass(frozen=True)
class Distribution:
    """The split of all orders. `company_paisa` and `remainder_paisa` have one entry per order."""

    company_paisa: Ints
    remainder_paisa: Ints
    levels: LevelLines
    instalments: Instalments


def distribute(world: World) -> Distribution:
    """Split every paid order under the plan version in force when it was paid."""
    orders, periods = world.orders, world.plan.periods(world.tz)
    starts = np.array([micros(start) for _, start, _ in periods])
    version = np.searchsorted(starts, orders.paid_at, side="right") - 1
    versions = [version for version, _, _ in periods]
    company_bps = np.array([v.company_bps for v in versions])[version]
    pot_bps = np.where(orders.is_joining, np.array([v.joining_pot_bps for v in versions])[version], BASIS_POINTS)
    company = _share(world, orders.commission_paisa, company_bps)
    rest = orders.commission_paisa - company
    pot = _share(world, rest, pot_bps)
    levels = _levels(world, pot, version)
    taken = np.zeros(len(pot), np.int64)
    np.add.at(taken, levels.order, levels.amount_paisa)
    posted = np.array([v.remainder == "company" for v in versions])[version]
    return Distribution(company, np.where(posted, pot - taken, 0), levels, _instalments(world, rest - pot, version))


def _share(world: World, amount: Ints, bps: Ints) -> Ints:
    """Return shares of amounts, rounded down to whole paisa in the arithmetic of the platform."""
    if world.customs.binary_shares:
        return np.floor(amount * (bps / BASIS_POINTS)).astype(np.int64)
    return amount * bps // BASIS_POINTS


def three_three_since(members: Members, count: int) -> Ints:
    """Return since when each member meets the 3-3 rule, by the registrations of the directs; NEVER for the others."""

    def reached(instants: Ints) -> Ints:
        """Return when the sponsors of members with these instants have enough of them."""
        order = np.lexsort((instants, members.sponsor))
        sponsor, at = members.sponsor[order], instants[order]
        first = np.searchsorted(sponsor, sponsor, side="left")
        found = np.full(members.count, NEVER)
        last = (np.arange(len(sponsor)) - first == count - 1) & (sponsor >= 0)
        found[sponsor[last]] = at[last]
        return found

    return reached(reached(members.created_at))


def _levels(world: World, pot: Ints, version: Ints) -> LevelLines:
    versions = [v for v, _, _ in world.plan.periods(world.tz)]
    used = sorted(set(version.tolist()))
    tables = {kind: [v.shares_of(is_joining=kind) for v in versions] for kind in (False, True)}
    depth = max((len(table[number]) for table in tables.values() for number in used), default=0)
    share = np.zeros((2, len(versions), depth), np.int64)
    for kind, table in tables.items():
        for number in used:
            share[int(kind), number, : len(table[number])] = table[number]
    members, orders = world.members, world.orders
    joining = orders.is_joining.astype(np.int64)
    upline = orders.member
    found: list[tuple[Ints, Ints, Ints, Ints]] = []
    for level in range(1, depth + 1):
        upline = np.where(upline >= 0, members.parent[upline], -1)
        amount = _share(world, pot, share[joining, version, level - 1])
        index = np.flatnonzero((upline >= 0) & (amount > 0))
        found.append((index, np.full(len(index), level), upline[index], amount[index]))
    order, level_no, who, paisa = (np.concatenate(part) for part in zip(*found, strict=True))
    at = orders.paid_at[order]
    active = (members.active_from[who] <= at) & (at < members.left_at[who])
    if world.customs.repurchase_at_once:
        since = three_three_since(members, world.plan.rules.three_three_count)
        active &= orders.is_joining[order] | (since[who] <= at)
    return LevelLines(order, level_no, who, paisa, active)


def _instalments(world: World, self_paisa: Ints, version: Ints) -> Instalments:
    versions = [v for v, _, _ in world.plan.periods(world.tz)]
    parts = np.array([v.instalments for v in versions])[version]
    step = np.array([v.instalment_interval_days for v in versions])[version] * DAY
    joining = np.flatnonzero(world.orders.is_joining)
    rows: list[tuple[Ints, Ints, Ints]] = []
    for number in range(1, int(parts.max(initial=0)) + 1):
        index = joining[parts[joining] >= number]
        each = self_paisa[index] // parts[index]
        amount = self_paisa[index] - each * (parts[index] - 1) if number == 1 else each
        rows.append((index, np.full(len(index), number), amount))
    order, number_no, paisa = (np.concatenate(part) for part in zip(*rows, strict=True))
    due = world.orders.paid_at[order] + number_no * step[order]
    keep = (paisa > 0) & (due < NEVER)
    return Instalments(order[keep], number_no[keep], paisa[keep], due[keep])
