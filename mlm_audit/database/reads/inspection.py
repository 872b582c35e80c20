"""Inspection of an unknown platform: finds from the data which tables and kinds of row make up the wallets.

Names decide nothing. Every table with a key may hold the members, and every numeric column of it the wallets. Every
table that names those members, with a column of few words and a numeric column, may be a part of the ledger. The
combination that reproduces most wallets is proposed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from sqlalchemy import Connection, Engine

from mlm_audit.database.reads.ledger_sources import FACTORS, LedgerReader, LedgerSource, Sums
from mlm_audit.database.reads.profiles import WHOLE, Progress, TableProfile, profile_tables
from mlm_audit.database.reads.section_facts import find_inputs
from mlm_audit.database.reads.snapshot import one_instant
from mlm_audit.database.reads.wallet_sources import (
    SPONSOR,
    References,
    WalletSource,
    free_name,
    query_of_entries,
    query_of_members,
    running_balances,
    sponsor_key,
    wallet_sources,
)
from mlm_audit.domain.errors import InputError
from mlm_audit.platforms.kind_search import KindChoice, best_choice
from mlm_audit.platforms.proposal import (
    ProposedKind,
    ProposedMapping,
    ProposedTable,
    RowsThatDoNotCount,
    units_of,
)
from mlm_audit.platforms.section_text import FoundInputs

MOST_TABLES = 3
"""The number of tables that may make up the ledger together."""
LIKELY = 0.9
"""Of proposals that reproduce such a share of the wallets, the one that explains most is chosen."""
HALF = 0.5
"""If no balances of a table are reproduced for such a share of the members, those in the ledger are tried."""
SPONSOR_HINTS = ("sponsor", "referr", "upline", "parent")
FEWEST_MEMBERS = 20
"""With fewer members to compare, a combination counts as if the others were not reproduced."""
LEAST_OF_A_PART = 20
"""The first of several tables that are the ledger together reproduces at least a wallet in so many: of members whose rows
are all in it. Without that, no second table is tried."""


@dataclass(frozen=True)
class PlatformProposal:
    """The combination that reproduces most wallets. Its amounts in `choice` are those of the sampled members.

    `factor` is what a ledger amount is worth in the unit of the wallet, 1 when both have the same unit.
    """

    wallet: WalletSource
    ledger: tuple[LedgerSource, ...]
    choice: KindChoice
    factor: Fraction
    inputs: FoundInputs | None = None
    """What fits the other inputs of the jobs."""
    queries: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """For a table that has to be joined with another: the query, and the name of the column that the other one gives."""
    members_key: str = ""
    text_keys: bool = False


def inspect_platform(engine: Engine, progress: Progress = lambda *_: None) -> PlatformProposal:
    """Return the proposal for a database. Raise InputError when no table names the rows of another one with amounts."""
    with one_instant(engine) as connection:
        tables = profile_tables(connection, progress)
        references = References(connection)
        best = _best_of(references, tables, list(wallet_sources(references, tables)), progress)
        if best is None or _share(best) < HALF:
            # No table has the balances, or those are of another kind: they may be in the ledger alone.
            last = _best_of(references, tables, list(running_balances(references, tables)), progress)
            best = max((one for one in (best, last) if one is not None), key=_rank, default=None)
        if best is None:
            raise InputError(
                "platform inspect: no table with amounts names the rows of a table with balances; check that the URL "
                "names the platform's database, or write a mapping by hand"
            )
        return _completed(connection, tables, best)


def _best_of(
    references: References,
    tables: Sequence[TableProfile],
    candidates: Sequence[tuple[TableProfile, WalletSource]],
    progress: Progress,
) -> PlatformProposal | None:
    """Return the best proposal of all ways to read the wallets; None when none reproduces any."""
    proposals, reader = [], LedgerReader(references.connection)
    for number, (profile, wallet) in enumerate(candidates):
        progress(f"comparing with {wallet.table}.{wallet.balance}", number, len(candidates))
        sources = list(_ledger_sources(reader, references, tables, profile, wallet))
        if (proposal := _best(wallet, sources)) is not None:
            proposals.append(proposal)
    progress("compared", len(candidates), len(candidates))
    return max(proposals, key=_rank, default=None)


def _completed(connection: Connection, tables: Sequence[TableProfile], found: PlatformProposal) -> PlatformProposal:
    """Return the proposal with the queries that its members and its ledger need, and with the other inputs."""
    known = {table.name: table for table in tables}
    wallet, members = found.wallet, known[found.wallet.members]
    inputs = find_inputs(connection, tables, members.name, proposed(found).ledger)
    queries = {}
    if wallet.place == "wallet":
        queries = {
            one.table: query_of_entries(connection, known[one.table], one.member, wallet) for one in found.ledger
        }
    sponsor = None
    if "sponsor_id" in inputs.members.lacking:
        sponsor = sponsor_key(connection, members, SPONSOR_HINTS)
    if wallet.place != "member" or sponsor is not None:
        queries[members.name] = query_of_members(connection, members, wallet, known[wallet.table], sponsor)
    if sponsor is not None:
        columns = {**inputs.members.columns, "sponsor_id": free_name(SPONSOR, members)}
        lacking = tuple(name for name in inputs.members.lacking if name != "sponsor_id")
        inputs = replace(inputs, members=replace(inputs.members, columns=columns, lacking=lacking))
    if wallet.place == "entry" and wallet.table in inputs.ledger_columns:
        of_ledger = {**inputs.ledger_columns[wallet.table], "balance_after": wallet.balance}
        inputs = replace(inputs, ledger_columns={**inputs.ledger_columns, wallet.table: of_ledger})
    is_text = members.columns[str(members.key)].family != WHOLE
    return replace(found, inputs=inputs, queries=queries, members_key=str(members.key), text_keys=is_text)


def _rank(proposal: PlatformProposal) -> tuple[bool, float, int, int]:
    """Return what is compared between proposals: the wallets that are explained, the kinds that move them, the tables.

    A total of one kind, such as a month's purchases, is reproduced by that kind alone, and a balance that few members
    have by almost any. A wallet has money for most members and several kinds, and it may have errors.
    """
    choice = proposal.choice
    moving = sum(sign != 0 for kind, sign in choice.signs.items() if kind not in choice.open_kinds)
    share = _share(proposal)
    is_likely = share >= LIKELY
    explained = choice.agreeing_with_money * moving if is_likely else share
    return is_likely, explained, moving, -len(proposal.ledger)


def _share(proposal: PlatformProposal) -> float:
    """Return the share of the wallets with money that are reproduced. Nothing explains an empty wallet."""
    members = proposal.choice.with_money + proposal.wallet.inexact
    return proposal.choice.agreeing_with_money / max(members, FEWEST_MEMBERS)


def proposed(found: PlatformProposal) -> ProposedMapping:
    """Return what was found in the form of a mapping."""
    first, wallet = found.ledger[0], found.wallet
    wallet_unit, _ = units_of(
        wallet_is_major=found.wallet.is_major, ledger_is_major=first.is_major, factor=found.factor
    )
    tables = []
    for source in found.ledger:
        columns, signs, turn = _moved(source, found.choice)
        kinds = tuple(
            ProposedKind(
                word, sign * turn, (table, word) in found.choice.open_kinds, found.choice.otherwise[table, word]
            )
            for (table, word), sign in found.choice.signs.items()
            if table == source.table
        )
        # What no row decides is proposed as what the rows of all other kinds do.
        usual = -1 if {kind.sign for kind in kinds if kind.sign and not kind.is_silent} == {-1} else 1
        kinds += tuple(ProposedKind(word, usual, is_silent=True, without=0) for word in source.other_words)
        query, member = found.queries.get(source.table, (None, source.member))
        columns = {"id": source.key, "user_id": member, "type": source.kind, **columns}
        _, unit = units_of(wallet_is_major=found.wallet.is_major, ledger_is_major=source.is_major, factor=found.factor)
        left_out = _rows_left_out(found, source)
        tables.append(ProposedTable(source.table, columns, unit, kinds, signs, left_out, query, found.text_keys))
    query, balance = found.queries.get(wallet.members, (None, wallet.balance))
    of_members = {"id": found.members_key or wallet.key, "wallet_balance": balance}
    users = ProposedTable(wallet.members, of_members, wallet_unit, (), query=query, text_keys=found.text_keys)
    certain = found.wallet.is_major or any(source.is_major for source in found.ledger) or found.factor != 1
    members = found.choice.members + found.wallet.inexact
    return ProposedMapping(users, tuple(tables), found.choice.agreeing, members, certain, found.inputs)


def _rows_left_out(found: PlatformProposal, source: LedgerSource) -> RowsThatDoNotCount | None:
    """Return which rows do not count, and how many wallets would be reproduced if they did."""
    if source.left_out is None or source.whole is None:
        return None
    others = [source.whole if one is source else one for one in found.ledger]
    choice = best_choice(_in_unit_of(found.wallet, found.factor), _together(others, found.factor.numerator))
    return RowsThatDoNotCount(source.left_out, choice.agreeing)


def _moved(source: LedgerSource, choice: KindChoice) -> tuple[dict[str, str], dict[str, int], int]:
    """Return the columns of the amount, the signs of its words, and -1 if credit and debit are the other way round."""
    if len(source.amounts) == 1:
        return {"amount": source.amounts[0]}, {}, 1
    signs = [sign for key, sign in choice.signs.items() if key[0] == source.table and key not in choice.open_kinds]
    turn = -1 if sum(signs) < 0 else 1
    first, second = source.amounts
    if source.credit_word is None:
        credit, debit = (first, second) if turn == 1 else (second, first)
        return {"credit": credit, "debit": debit}, {}, turn
    other = next(word for word in source.side_words if word != source.credit_word)
    return {"amount": first, "direction": second}, {source.credit_word: turn, other: -turn}, turn


def _ledger_sources(
    reader: LedgerReader,
    references: References,
    tables: Sequence[TableProfile],
    members: TableProfile,
    wallet: WalletSource,
) -> Iterator[LedgerSource]:
    whole = members.columns[str(members.key)].family == WHOLE
    ids = [int(member) if whole else member for member in wallet.wallets]
    for table in tables:
        # The rows of wallets explain nothing of themselves, and neither does a running balance.
        is_of_wallets = table.name == wallet.table
        if table is members or (is_of_wallets and wallet.place != "entry"):
            continue
        for member in references.columns(table, members):
            for source in reader.sources(table, member, wallet.wallets, ids):
                if not (is_of_wallets and wallet.balance in source.amounts):
                    yield source


def _best(wallet: WalletSource, sources: Sequence[LedgerSource]) -> PlatformProposal | None:
    """Return the best proposal for some wallets: the best source, then further ones that reproduce more of them."""
    found = (_with_factor(wallet, sources, factor) for factor in FACTORS)
    return max((one for one in found if one is not None), key=lambda one: one.choice.agreeing, default=None)


def _with_factor(wallet: WalletSource, sources: Sequence[LedgerSource], factor: Fraction) -> PlatformProposal | None:
    wallets = _in_unit_of(wallet, factor)
    chosen: tuple[LedgerSource, ...] = ()
    best: KindChoice | None = None
    while len(chosen) < MOST_TABLES:
        tables = {source.table for source in chosen}
        results = [
            (best_choice(wallets, _together([*chosen, source], factor.numerator)), source)
            for source in sources
            if source.table not in tables
        ]
        tried = [(choice, source) for choice, source in results if _counts(choice, source)]
        if not tried:
            break
        # A column with one word tells no kinds apart, so that another one is preferred.
        choice, source = max(tried, key=lambda one: (one[0].agreeing, len(one[1].sums) > 1))
        if best is not None and choice.agreeing <= best.agreeing:
            break
        best, chosen = choice, (*chosen, source)
        if best.agreeing * LEAST_OF_A_PART < best.members:
            break
    return PlatformProposal(wallet, chosen, best, factor) if best is not None and best.agreeing else None


def _in_unit_of(wallet: WalletSource, factor: Fraction) -> dict[str, int]:
    """Return the wallets for a comparison with ledger amounts times the numerator of the factor.

    Both sides are multiplied, since a wallet that is divided might be left out of the comparison.
    """
    return {member: amount * factor.denominator for member, amount in wallet.wallets.items()}


def _counts(choice: KindChoice, source: LedgerSource) -> bool:
    """Return whether a source moves any wallet in a choice."""
    return any(choice.signs[kind] and kind not in choice.open_kinds for kind in source.sums)


def _together(sources: Sequence[LedgerSource], times: int) -> Sums:
    """Return the sums of the kinds of several sources, each multiplied."""
    return {
        key: {member: amount * times for member, amount in sums.items()}
        for source in sources
        for key, sums in source.sums.items()
    }
