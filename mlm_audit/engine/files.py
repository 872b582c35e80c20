"""Reading a ledger export and a balance export, exactly: amounts as hundredths, never through a float.

Sign convention: credits are positive, debits negative, and a balance is the sum of its account's amounts.
"""

from collections.abc import Mapping
from pathlib import Path

import duckdb
import polars as pl

from mlm_audit.domain.errors import InputError
from mlm_audit.engine.duck import first_line

ROLES: dict[str, tuple[str, ...]] = {
    "member_id": ("member_id", "account_id", "user_id", "userid", "memberid", "accountid", "member", "account", "user"),
    "amount": ("amount", "amt", "value"),
    "balance": ("balance", "wallet_balance", "walletbalance", "closing_balance", "wallet"),
}
"""Column names that are recognised without `--map`, in any case."""

AMOUNT = r"[+-]?[0-9]{1,16}([.][0-9]{1,2})?"


def load_file(con: duckdb.DuckDBPyConnection, table: str, path: Path, mapping: Mapping[str, str], amount_role: str) -> int:
    """Create `table` (line, member_id VARCHAR, `<role>_paisa` BIGINT) from a CSV or Parquet file; return its rows.

    InputError names the file, the line or row, the column and the cure for anything that is not exact.
    """
    open_file(con, path)
    columns = {name: str(kind) for name, kind, *_ in con.execute("describe raw").fetchall()}
    member = _column(path, columns, "member_id", mapping)
    amount = _column(path, columns, amount_role, mapping)
    if not con.execute("select count(*) from raw").fetchall()[0][0]:
        raise InputError(f"{path}: it has no rows; an empty file proves nothing, so nothing was compared")
    con.execute(
        f'create table texts as select row_number() over () + {1 if is_csv(path) else 0} as line, trim("{member}"::VARCHAR) '
        f"as member_id, {_as_text(path, amount, columns[amount])} as amount from raw"
    )
    _refuse(con, path, member, "member_id is null or member_id = ''", "member_id", "every row needs an account")
    _refuse(
        con,
        path,
        amount,
        f"amount is null or not regexp_full_match(amount, '{AMOUNT}')",
        "amount",
        "write amounts as plain decimals with at most two digits after the point, such as -1234.50",
    )
    con.execute(f"create table {table} as select line, member_id, {_paisa('amount')} as {amount_role}_paisa from texts")
    con.execute("drop table texts")
    con.execute("drop view raw")
    return int(con.execute(f"select count(*) from {table}").fetchall()[0][0])


def refuse_duplicates(con: duckdb.DuckDBPyConnection, table: str, path: Path) -> None:
    """InputError when an account has two balances."""
    sql = f"select member_id, min(line), max(line) from {table} group by member_id having count(*) > 1 order by 2 limit 1"
    for member, first, last in con.execute(sql).fetchall():
        raise InputError(
            f"{path}, {where(path, last)}: account {member!r} is there twice (first in {where(path, first)}); "
            "keep one balance per account"
        )


def is_csv(path: Path) -> bool:
    """Whether a file is read as CSV; Parquet files are told by their ending."""
    return path.suffix.lower() not in (".parquet", ".pq")


def where(path: Path, line: int) -> str:
    """A place in a file, in words."""
    return f"line {line}" if is_csv(path) else f"row {line}"


def open_file(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    """The view `raw` over a CSV file, everything as text, or a Parquet file; InputError when it cannot be read."""
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    name = str(path).replace("'", "''")
    if is_csv(path):
        _refuse_stray_quotes(path)
    try:
        if is_csv(path):
            # Everything as text: a reader that guesses types would round an amount before we see it.
            options = "header = true, all_varchar = true, quote = '\"', escape = '\"', strict_mode = true, null_padding = false"
            con.execute(f"create view raw as select * from read_csv('{name}', {options}, parallel = false)")
        else:
            con.execute(f"create view raw as select * from read_parquet('{name}')")
        con.execute("select count(*) from raw").fetchall()
        con.execute("create temp table probe as select * from raw")
        con.execute("drop table probe")
    except duckdb.Error as error:
        raise InputError(
            f"{path}: cannot be read as {'CSV' if is_csv(path) else 'Parquet'} ({_reason(error)}); mend the file"
        ) from error


def _reason(error: duckdb.Error) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return "; ".join([first_line(error), *(line for line in lines[1:3] if not line.startswith("Possible"))])


def _refuse_stray_quotes(path: Path) -> None:
    """A stray quote swallows the lines up to the next one; seen here, before any of them can disappear."""
    try:
        data = path.read_bytes()
        if not data.strip():
            raise InputError(f"{path}: it is empty; an empty file proves nothing, so nothing was compared")
        if b'"' not in data:
            data.decode("utf-8")
            return
        lines = pl.Series("line", data.decode("utf-8-sig").splitlines())
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text at byte {error.start}; save it as UTF-8") from error
    odd = (lines.str.count_matches('"', literal=True) % 2 == 1).arg_true()
    if len(odd):
        raise InputError(f'{path}, line {odd[0] + 1}: a stray quote ("); remove it, or write it twice inside a quoted field')


def _column(path: Path, columns: Mapping[str, str], role: str, mapping: Mapping[str, str]) -> str:
    wanted = mapping.get(role)
    if wanted is not None:
        if wanted not in columns:
            raise InputError(f"{path}: there is no column {wanted!r} (--map {role}={wanted}); it has {', '.join(columns)}")
        return wanted
    by_name = {name.strip().lower(): name for name in columns}
    for name in ROLES[role]:
        if name in by_name:
            return by_name[name]
    raise InputError(f"{path}: no column for {role}; it has {', '.join(columns)}. Say which with --map {role}=COLUMN")


def _as_text(path: Path, column: str, kind: str) -> str:
    if kind in ("FLOAT", "DOUBLE"):
        raise InputError(
            f"{path}, column {column}: the amounts are kept as {kind}, which cannot hold hundredths exactly; "
            "export them as DECIMAL(18,2) or as text"
        )
    if kind.startswith("DECIMAL"):
        # 1.500 is exact, 1.005 is not: trailing zeros beyond the hundredths are dropped, anything else stays to be refused.
        return f"regexp_replace(\"{column}\"::VARCHAR, '([.][0-9]{{2}})0+$', '\\1')"
    return f'trim("{column}"::VARCHAR)'


def _paisa(column: str) -> str:
    whole = f"ltrim(split_part({column}, '.', 1), '+-')::BIGINT * 100"
    cents = f"rpad(split_part({column}, '.', 2), 2, '0')::BIGINT"
    return f"(case when {column} like '-%' then -1 else 1 end * ({whole} + {cents}))::BIGINT"


def _refuse(con: duckdb.DuckDBPyConnection, path: Path, column: str, condition: str, value: str, cure: str) -> None:
    rows = con.execute(f"select line, {value} from texts where {condition} order by line limit 1").fetchall()
    for line, found in rows:
        shown = "nothing" if found is None or found == "" else repr(found)
        raise InputError(f"{path}, {where(path, line)}, column {column}: {shown} is not usable; {cure}")
