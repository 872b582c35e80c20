"""The books of a world: every table of the platform as a frame, with ids, references and running balances."""

from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from mlm_audit.demo.distribution import Distribution, distribute
from mlm_audit.demo.frames import (
    COMMISSION_ROLLUP,
    COMPANY_SHARE,
    LEDGER_KINDS,
    RELEASE,
    REMAINDER,
    ROLLUP,
    SELF_PAYOUT,
    SPONSOR,
    WITHDRAWAL,
    as_words,
    empty_log,
    instant,
    instants,
    no_authorisations,
    no_rollups,
    references,
    rollup_frame,
    with_balances,
)
from mlm_audit.demo.job_history import (
    PAID,
    InstalmentStates,
    Sweep,
    Withdrawals,
    monthly_sweeps,
    weekly_payouts,
    withdrawals,
)
from mlm_audit.demo.ledger_entries import LedgerEntries
from mlm_audit.demo.platform import Platform
from mlm_audit.demo.world import NEVER, DemoSpec, Flags, Ints, World, make_world, micros
from mlm_audit.domain.plan import Plan

SCHEDULE_STATUS = ("pending", "paid", "failed", "permanently_failed")
WITHDRAWAL_STATUS = ("pending", "approved", "rejected")


def build_platform(spec: DemoSpec, plan: Plan, tz: ZoneInfo) -> Platform:
    """Build a clean platform. It follows every rule of the platform, so it reconciles to zero breaks."""
    return platform_of(make_world(spec, plan, tz))


def platform_of(world: World) -> Platform:
    """Build the books that follow from the facts of a world."""
    return _Books(world, distribute(world)).platform()


class _Books:
    def __init__(self, world: World, plan: Distribution) -> None:
        self.world = world
        self.plan = plan
        self.members, self.orders = world.members, world.orders
        self.payouts: InstalmentStates = weekly_payouts(world, plan)
        self.sweeps: list[Sweep] = monthly_sweeps(world)
        self.entries = LedgerEntries()
        self.logged: list[Flags] = []
        """For each sweep, the members that it logged: those considered, and those whose commission it decided."""

    def platform(self) -> Platform:
        """Build every frame of the platform."""
        self._order_entries()
        commissions, rollups = self._commissions()
        schedule, history = self._schedule()
        requests = self._withdrawals(commissions)
        ledger = self._ledger(rollups)
        frames = {
            "users": self._users(ledger),
            "matrix_nodes": self._matrix(),
            "orders": self._orders(),
            "ledger": ledger,
            "commissions": commissions,
            "withdrawals": requests,
            "payout_schedule": schedule,
            "payout_history": history,
            "commission_rollups": rollups,
            "eligibility_log": self._eligibility_log(rollups),
            "monthly_stats": self._monthly_stats(rollups),
            "authorisations": no_authorisations(),
        }
        return Platform(frames, end=self.world.spec.end)

    def _order_entries(self) -> None:
        """Add the company share, remainder, roll-ups and joining levels of every order, and their reversals."""
        o, lines, add = self.orders, self.plan.levels, self.entries.add
        order_id = np.arange(1, len(o.member) + 1)
        back = o.refunded_at < NEVER
        for kind, amount in ((COMPANY_SHARE, self.plan.company_paisa), (REMAINDER, self.plan.remainder_paisa)):
            some = amount > 0
            add(kind, -1, amount[some], order_id[some], o.paid_at[some])
            add(kind, -1, -amount[some & back], order_id[some & back], o.refunded_at[some & back], reversal=1)
        rolled = ~lines.active
        undone = rolled & back[lines.order]
        joined = lines.active & (o.is_joining[lines.order] | self.world.customs.repurchase_at_once)
        for mask, sign, at in ((rolled, 1, o.paid_at), (undone, -1, o.refunded_at)):
            index = lines.order[mask]
            reversal = int(sign < 0)
            amount = sign * lines.amount_paisa[mask]
            add(ROLLUP, -1, amount, index + 1, at[index], level=lines.level[mask], reversal=reversal)
        index = lines.order[joined]
        add(
            SPONSOR,
            lines.upline[joined],
            lines.amount_paisa[joined],
            index + 1,
            o.paid_at[index],
            level=lines.level[joined],
        )

    def _commissions(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        o, lines = self.orders, self.plan.levels
        keep = lines.active
        order, member = lines.order[keep], lines.upline[keep]
        level, amount = lines.level[keep], lines.amount_paisa[keep]
        undone = o.refunded_at[order] < NEVER
        sign = np.concatenate([np.ones(len(order), np.int64), -np.ones(int(undone.sum()), np.int64)])
        order, member = np.concatenate([order, order[undone]]), np.concatenate([member, member[undone]])
        level, amount = np.concatenate([level, level[undone]]), np.concatenate([amount, amount[undone]]) * sign
        created = np.where(sign > 0, o.paid_at[order], o.refunded_at[order])
        joining = o.is_joining[order]
        status, processed, rollups = self._decide(order, member, amount, joining)
        at_once = joining | self.world.customs.repurchase_at_once
        status = np.where(at_once, 1, status)
        processed = np.where(at_once, o.paid_at[order], processed)
        sequence = np.argsort(created, kind="stable")
        frame = pl.DataFrame(
            {
                "user_id": member + 1,
                "from_user_id": o.member[order] + 1,
                "order_id": order + 1,
                "amount_paisa": amount,
                "level": level,
                "type": pl.Series(joining).replace_strict(
                    {True: "joining", False: "repurchase"}, return_dtype=pl.String
                ),
                "status": as_words(status, ("pending", "released", "rolled_up")),
                "processed_at": instants(processed),
                "created_at": instants(created),
            }
        )[sequence]
        return frame.select(pl.int_range(1, pl.len() + 1).alias("id"), pl.all()), rollups

    def _decide(self, order: Ints, member: Ints, amount: Ints, joining: Flags) -> tuple[Ints, Ints, pl.DataFrame]:
        """Release or roll up the repurchase commission of every swept month, and post it."""
        ends = np.array([micros(month.end) for month in self.world.months])
        month = np.searchsorted(ends, self.orders.paid_at[order], side="right")
        status, processed = np.zeros(len(order), np.int64), np.full(len(order), NEVER)
        rollups: list[pl.DataFrame] = []
        for number, sweep in enumerate(self.sweeps):
            mine = np.flatnonzero(~joining & (month == number))
            good = sweep.eligible[member[mine]]
            status[mine], processed[mine] = np.where(good, 1, 2), sweep.at
            with_commission = np.bincount(member[mine], minlength=self.members.count) > 0
            self.logged.append(sweep.considered | with_commission)
            sums = np.zeros((2, self.members.count), np.int64)
            np.add.at(sums, (good.astype(np.int64), member[mine]), amount[mine])
            released, rolled = np.flatnonzero(sums[1]), np.flatnonzero(sums[0])
            at, key = sweep.at, sweep.month
            self.entries.add(
                RELEASE, released, sums[1][released], np.full(len(released), key), np.full(len(released), at)
            )
            first = sum(frame.height for frame in rollups) + 1
            ids = np.arange(first, first + len(rolled))
            self.entries.add(COMMISSION_ROLLUP, -1, sums[0][rolled], ids, np.full(len(rolled), at))
            counts = np.bincount(member[mine][~good], minlength=self.members.count)[rolled]
            rollups.append(rollup_frame(ids, rolled, sums[0][rolled], counts, sweep))
        return status, processed, pl.concat(rollups) if rollups else no_rollups()

    def _schedule(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        lines, done = self.plan.instalments, self.payouts
        sequence = np.lexsort((lines.number, lines.order))
        order, number, amount, due = (
            v[sequence] for v in (lines.order, lines.number, lines.amount_paisa, lines.due_at)
        )
        status, processed = done.status[sequence], done.processed_at[sequence]
        ids, member = np.arange(1, len(order) + 1), self.orders.member[order]
        paid = status == PAID
        self.entries.add(SELF_PAYOUT, member[paid], amount[paid], ids[paid], processed[paid])
        reason = np.where(self.members.kyc[member], 1, 0)
        frame = pl.DataFrame(
            {
                "id": ids,
                "user_id": member + 1,
                "order_id": order + 1,
                "instalment": number,
                "amount_paisa": amount,
                "payout_date": instants(due),
                "status": as_words(status, SCHEDULE_STATUS),
                "processed_at": instants(processed),
                "retry_count": np.zeros(len(order), np.int64),
                "actual_amount_paisa": pl.Series(amount).set(pl.Series(~paid), None),
                "failure_reason": as_words(reason, ("KYC not approved", "member not active")).set(
                    pl.Series(status < 2), None
                ),
                "created_at": instants(self.orders.paid_at[order]),
            }
        )
        history = frame.filter(pl.Series(paid)).select(
            pl.int_range(1, pl.len() + 1).alias("id"),
            "user_id",
            pl.col("id").alias("schedule_id"),
            "amount_paisa",
            pl.lit("self_payout").alias("type"),
            pl.lit("completed").alias("status"),
            pl.col("processed_at").alias("created_at"),
        )
        return frame, history

    def _withdrawals(self, commissions: pl.DataFrame) -> pl.DataFrame:
        del commissions  # its credits are in the entries already; the parameter makes the order of the steps explicit
        credits = [
            (part["member"], part["amount"], part["at"])
            for part in self.entries.parts
            if int(part["kind"][:1].sum()) in (SPONSOR, SELF_PAYOUT, RELEASE) and len(part["kind"])
        ]
        asked: Withdrawals = withdrawals(self.world, credits)
        ids = np.arange(1, len(asked.member) + 1)
        approved = asked.status == 1
        self.entries.add(
            WITHDRAWAL,
            asked.member[approved],
            -asked.amount_paisa[approved],
            ids[approved],
            asked.processed_at[approved],
        )
        return pl.DataFrame(
            {
                "id": ids,
                "user_id": asked.member + 1,
                "amount_paisa": asked.amount_paisa,
                "status": as_words(asked.status, WITHDRAWAL_STATUS),
                "requested_at": instants(asked.requested_at),
                "processed_at": instants(asked.processed_at),
            }
        )

    def _ledger(self, rollups: pl.DataFrame) -> pl.DataFrame:
        rows = self.entries.sorted()
        ref = references(rows, rollups)
        user = rows["member"].astype(np.int64) + 1
        frame = pl.DataFrame(
            {
                "id": np.arange(1, len(rows["at"]) + 1),
                "user_id": pl.Series(user).set(pl.Series(user == 0), None),
                "type": as_words(rows.pop("kind"), LEDGER_KINDS),
                "amount_paisa": rows.pop("amount"),
                "reference_id": rows.pop("reference"),
                "level_depth": pl.Series(rows["level"]).cast(pl.Int32).set(pl.Series(rows["level"] == 0), None),
                "created_at": instants(rows.pop("at")),
                "ref": ref,
            }
        )
        return with_balances(frame)

    def _users(self, ledger: pl.DataFrame) -> pl.DataFrame:
        m, n, last = self.members, self.members.count, self.sweeps[-1] if self.sweeps else None
        wallets = np.zeros(n, np.int64)
        mine = ledger.filter(pl.col("user_id").is_not_null())
        np.add.at(wallets, mine["user_id"].to_numpy() - 1, mine["amount_paisa"].to_numpy())
        this_month = np.zeros(n, np.int64)
        now = (
            self.orders.paid_at >= micros(self.world.months[min(len(self.sweeps), len(self.world.months) - 1)].start)
        ) & (self.orders.refunded_at == NEVER)
        np.add.at(this_month, self.orders.member[now], self.orders.total_paisa[now])
        number = pl.int_range(1, n + 1, eager=True)
        left = m.left_at < NEVER
        nobody = np.zeros(n, np.int64)
        return pl.DataFrame(
            {
                "id": number,
                "sponsor_id": pl.Series(m.sponsor + 1).set(pl.Series(m.sponsor < 0), None),
                "role": as_words(m.admin.astype(np.int64), ("user", "admin")),
                "is_active": (m.active_from < NEVER) & ~(left & ~m.blocked),
                "is_blocked": m.blocked,
                "is_kyc_approved": m.kyc,
                "monthly_purchase_paisa": this_month,
                "last_month_purchase_paisa": last.purchase_paisa if last else nobody,
                "is_eligible_repurchase": last.eligible if last else nobody.astype(np.bool_),
                "wallet_balance_paisa": wallets,
                "created_at": instants(m.created_at),
            }
        )

    def _matrix(self) -> pl.DataFrame:
        parent = self.members.parent
        index = np.arange(self.members.count)
        return pl.DataFrame(
            {
                "user_id": index + 1,
                "parent_id": pl.Series(parent + 1).set(pl.Series(parent < 0), None),
                "position": pl.Series(self.members.position).set(pl.Series(parent < 0), None),
            }
        ).filter(pl.Series(self.members.placed))

    def _orders(self) -> pl.DataFrame:
        o = self.orders
        refunded = o.refunded_at < NEVER
        paid = pl.DataFrame(
            {
                "user_id": o.member + 1,
                "total_paisa": o.total_paisa,
                "commission_amount_paisa": o.commission_paisa,
                "status": as_words(refunded.astype(np.int64), ("paid", "refunded")),
                "is_joining_order": o.is_joining,
                "paid_at": instants(o.paid_at),
                "created_at": instants(o.paid_at - 4 * 60 * 1_000_000),
            }
        )
        unpaid = paid[:: max(40, len(paid) // 50_000)].with_columns(
            pl.when(pl.int_range(pl.len()) % 3 == 0)
            .then(pl.lit("cancelled"))
            .otherwise(pl.lit("pending"))
            .alias("status"),
            pl.lit(value=False).alias("is_joining_order"),
            pl.lit(None, pl.Datetime("us")).alias("paid_at"),
        )
        return pl.concat([paid, unpaid]).select(pl.int_range(1, pl.len() + 1).alias("id"), pl.all())

    def _eligibility_log(self, rollups: pl.DataFrame) -> pl.DataFrame:
        required = self.world.plan.rules.monthly_purchase_required_paisa
        frames = []
        for sweep, logged in zip(self.sweeps, self.logged, strict=True):
            who = np.flatnonzero(logged)
            frames.append(
                pl.DataFrame(
                    {
                        "user_id": who + 1,
                        "month": np.full(len(who), sweep.month % 100),
                        "year": np.full(len(who), sweep.month // 100),
                        "is_eligible": sweep.eligible[who],
                        "monthly_purchase_paisa": sweep.purchase_paisa[who],
                        "required_purchase_paisa": np.full(len(who), required),
                        "kyc_approved": self.members.kyc[who],
                        "three_three_met": sweep.three_three[who],
                        "created_at": instants(np.full(len(who), sweep.at)),
                    }
                )
            )
        log = pl.concat(frames) if frames else empty_log()
        rolled = rollups.select("user_id", "month", "year", pl.col("amount_paisa").alias("rolled_up_paisa"))
        log = log.join(rolled, on=["user_id", "month", "year"], how="left", maintain_order="left")
        log = log.with_columns(pl.col("rolled_up_paisa").fill_null(0))
        return log.select(pl.int_range(1, pl.len() + 1).alias("id"), pl.all())

    def _monthly_stats(self, rollups: pl.DataFrame) -> pl.DataFrame:
        rolled = dict(
            rollups.group_by(pl.col("year") * 100 + pl.col("month")).agg(pl.col("amount_paisa").sum()).iter_rows()
        )
        rows = [
            {
                "id": number,
                "month": sweep.month % 100,
                "year": sweep.month // 100,
                "month_year": f"{sweep.month // 100}-{sweep.month % 100:02d}",
                "eligible_users": int(sweep.eligible.sum()),
                "ineligible_users": int((self.logged[number - 1] & ~sweep.eligible).sum()),
                "rolled_up_paisa": int(rolled.get(sweep.month, 0)),
                "last_updated": instant(sweep.at),
            }
            for number, sweep in enumerate(self.sweeps, start=1)
        ]
        schema: dict[str, Any] = {
            "id": pl.Int64,
            "month": pl.Int64,
            "year": pl.Int64,
            "month_year": pl.String,
            "eligible_users": pl.Int64,
            "ineligible_users": pl.Int64,
            "rolled_up_paisa": pl.Int64,
            "last_updated": pl.Datetime("us"),
        }
        return pl.DataFrame(rows, schema=schema)
