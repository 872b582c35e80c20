"""The history of the platform's jobs: weekly payouts, monthly sweeps and withdrawals."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from mlm_audit.demo.distribution import Distribution
from mlm_audit.demo.world import DAY, HOUR, NEVER, SECOND, Flags, Ints, World, micros
from mlm_audit.domain.periods import business_date, local_instant

HOLD_DAYS = 90
SMALLEST_WITHDRAWAL_PAISA = 20_000
PENDING, PAID, FAILED, PERMANENTLY_FAILED = range(4)


@dataclass(frozen=True)
class InstalmentStates:
    """The status of each instalment and the time of its decision, which is NEVER for pending instalments."""

    status: Ints
    processed_at: Ints


@dataclass(frozen=True)
class Sweep:
    """The decisions of one month. The arrays have one entry per member, and `at` is when the sweep ran."""

    month: int
    at: int
    considered: Flags
    eligible: Flags
    purchase_paisa: Ints
    three_three: Flags


@dataclass(frozen=True)
class Withdrawals:
    """Withdrawal requests, sorted by `requested_at`. Status 0 is pending, 1 is approved and 2 is rejected."""

    member: Ints
    amount_paisa: Ints
    status: Ints
    requested_at: Ints
    processed_at: Ints


def weekly_payouts(world: World, plan: Distribution) -> InstalmentStates:
    """Decide every instalment in the first run on or after its due time. Runs are on Mondays at 06:00 local time."""
    lines = plan.instalments
    member = world.orders.member[lines.order]
    first = business_date(world.months[0].start, world.tz)
    monday = first - timedelta(days=first.weekday())
    last = datetime.fromtimestamp(max(int(lines.due_at.max(initial=0)), world.end) / SECOND, tz=UTC)
    weeks = (last.date() - monday).days // 7 + 2
    runs = np.array([micros(local_instant(monday + timedelta(days=7 * n), world.tz, hour=6)) for n in range(weeks + 1)])
    run_at = runs[np.searchsorted(runs, lines.due_at, side="left")]
    at = run_at + (lines.order % 600) * SECOND
    approved = world.members.kyc[member] | world.customs.pays_without_kyc
    qualifies = approved & (at < world.members.left_at[member])
    given_up = at + HOLD_DAYS * DAY < world.end
    status = np.where(qualifies, PAID, np.where(given_up, PERMANENTLY_FAILED, FAILED))
    came = at < world.end
    return InstalmentStates(np.where(came, status, PENDING), np.where(came, at, NEVER))


def monthly_sweeps(world: World) -> list[Sweep]:
    """Return the sweeps that ran before the history ends, each at 02:00 local time on the first of the next month."""
    sweeps: list[Sweep] = []
    for month in world.months if not world.customs.repurchase_at_once else ():
        at = micros(month.end) + 2 * HOUR
        if at < world.end:
            sweeps.append(_sweep(world, month.key, micros(month.start), micros(month.end), at))
    return sweeps


def _sweep(world: World, key: int, start: int, end: int, at: int) -> Sweep:
    members, orders, rules = world.members, world.orders, world.plan.rules
    in_month = (orders.paid_at >= start) & (orders.paid_at < end) & (orders.refunded_at == NEVER)
    purchase = np.zeros(members.count, np.int64)
    np.add.at(purchase, orders.member[in_month], orders.total_paisa[in_month])
    active = members.active_at(end) & ~members.admin
    three_three = _three_three(world, active, end)
    enough = purchase >= rules.monthly_purchase_required_paisa
    eligible = active & enough & members.kyc & three_three
    return Sweep(key, at, active, eligible, purchase, three_three)


def _three_three(world: World, active: Flags, end: int) -> Flags:
    members, rules = world.members, world.plan.rules
    directs = active & (members.sponsor >= 0)

    def count(mask: Flags) -> Ints:
        return np.bincount(members.sponsor[mask], minlength=members.count).astype(np.int64)

    if rules.three_three == "orders_of_directs":
        standing = (world.orders.refunded_at == NEVER) & (world.orders.paid_at < end)
        orders = np.bincount(world.orders.member[standing], minlength=members.count)
        return count(directs & (orders >= rules.three_three_count)) >= rules.three_three_count
    good = directs & (count(directs) >= rules.three_three_count)
    return count(good) >= rules.three_three_count


def withdrawals(world: World, credits: list[tuple[Ints, Ints, Ints]]) -> Withdrawals:
    """Return requests that never exceed the balance of the wallet at the start of their month.

    `credits` holds the members, amounts and instants of everything that was credited to wallets.
    """
    rng = np.random.default_rng([world.spec.seed, 2])
    starts = np.array([micros(month.start) for month in world.months])
    month_count, n = len(starts), world.members.count
    earned = np.zeros((month_count, n), np.int64)
    for member, amount, at in credits:
        np.add.at(earned, (np.searchsorted(starts, at, side="right") - 1, member), amount)
    balance = np.zeros(n, np.int64)
    found = []
    for number in range(1, month_count):
        balance += earned[number - 1]
        who = np.flatnonzero((balance >= SMALLEST_WITHDRAWAL_PAISA) & (rng.random(n) < 0.25))
        amount = balance[who] * rng.integers(30, 101, len(who)) // 100 // 100 * 100
        end = micros(world.months[number].end)
        requested = (
            starts[number] + 3 * HOUR + ((end - starts[number] - 4 * HOUR) * rng.random(len(who))).astype(np.int64)
        )
        keep = requested < world.end
        who, amount, requested = who[keep], amount[keep], requested[keep]
        processed = requested + DAY + (2 * DAY * rng.random(len(who))).astype(np.int64)
        status = np.where(processed >= world.end, 0, np.where(rng.random(len(who)) < 0.1, 2, 1))
        # The amount is set aside at once, so that no later request can use the same money.
        balance[who[status < 2]] -= amount[status < 2]
        found.append((who, amount, status, requested, np.where(status > 0, processed, NEVER)))
    if not found:
        nothing = np.zeros(0, np.int64)
        return Withdrawals(nothing, nothing, nothing, nothing, nothing)
    parts = [np.concatenate(part) for part in zip(*found, strict=True)]
    order = np.argsort(parts[3], kind="stable")
    return Withdrawals(*(part[order] for part in parts))
