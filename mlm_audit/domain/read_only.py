"""Checks that an SQL text is one read-only statement. The text is parsed; what is not known to be harmless is refused.

The database session is read-only as well. This check covers what a read-only session does not prevent: server functions
that read files, access the network, wait, lock, advance sequences or change settings, and statements that make the
session writable.

For a platform's database, functions are on an allow-list. Before parsing, the text is refused if it contains anything
that a server could read differently from the parser: comments, backslashes, dollar quotes or a second statement.
DuckDB runs over local files that it may not leave. It has a deny-list, since analysts use most of its functions.
"""

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlglot import exp

_STARTS = re.compile(
    r"\s*(\(\s*)*(select|with|values|table|from|pivot|unpivot|summarize|describe|show)\b", re.IGNORECASE
)
_PLACEHOLDER = "mlm_audit_placeholder"
_OF_DRIVERS = re.compile(r"%\(\w+\)s|%s")
_AMBIGUOUS = re.compile(r"--|#|/\*|\*/|\\|\$\w*\$|[^\S\t\n\r ]|[\x00-\x08\x0e-\x1f\x7f]")

_COMPUTING = """
    abs acos adddate addtime age any_value array array_agg array_append array_cat array_length array_position array_remove
    array_to_string ascii asin atan atan2 avg bin bit_and bit_count bit_length bit_or bit_xor bool_and bool_or btrim
    cardinality case cast cbrt ceil ceiling char char_length character_length chr coalesce collate columns concat concat_ws conv
    convert cos count crc32 cume_dist current_catalog current_database current_date current_schema current_time
    current_timestamp current_user curdate curtime database date date_add date_bin date_diff date_format date_from_parts
    date_part date_sub date_trunc datediff dateadd datesub datetime day dayname dayofmonth dayofweek dayofyear degrees digest_number
    dense_rank elt every exists exp extract field find_in_set first_value floor format from_days from_unixtime
    generate_series generate_subscripts greatest group_concat hashtext hashtextextended hex hour if ifnull iif initcap instr
    isfinite isnull julianday justify_days justify_hours justify_interval lag last_day last_value lcase lead least left length
    like listagg ln localtime localtimestamp log log10 log2 lower lpad ltrim make_date make_interval make_timestamp makedate
    maketime max md5 microsecond mid min minute mod mode month monthname now nth_value ntile num_nonnulls num_nulls nullif
    octet_length ord overlay percent_rank percentile_cont percentile_disc period_add period_diff pi position pow power
    printf quarter quote quote_ident quote_literal radians rank regexp_count regexp_group regexp_instr regexp_like regexp_match
    regexp_matches regexp_replace regexp_split_to_array regexp_substr replace reverse right round row_number rpad rtrim
    sec_to_time second session_user sha1 sha2 sha256 sign signum sin soundex space split_part sqlite_version sqrt starts_with
    stddev stddev_pop stddev_samp str_position str_to_date str_to_time str_to_unix strcmp strftime string_agg
    string_to_array strpos subdate substr substring substring_index subtime sum tan time time_diff time_format time_str_to_time
    time_to_sec time_to_str time_to_unix timediff timestamp timestamp_trunc timestampadd timestampdiff timezone to_char to_date
    to_days to_hex to_number to_seconds to_timestamp total translate trim trunc truncate try_cast ts_or_ds_to_date typeof
    ucase unhex unicode unix_timestamp unix_to_time unixepoch unnest upper user utc_date utc_time utc_timestamp value
    values var_pop var_samp variance version week weekday weekofyear width_bucket year yearweek and or xor not
    json json_agg json_array json_array_elements json_array_elements_text json_array_length json_arrayagg json_build_array
    json_build_object json_contains json_contains_path json_depth json_each json_each_text json_exists json_extract
    json_extract_path json_extract_path_text json_extract_scalar json_group_array json_group_object json_keys json_length
    json_object json_object_agg json_object_keys json_objectagg json_overlaps json_query json_quote json_search json_tree
    json_type json_typeof json_unquote json_valid json_value jsonb_agg jsonb_array_elements jsonb_array_elements_text
    jsonb_array_length jsonb_build_array jsonb_build_object jsonb_each jsonb_extract jsonb_extract_path
    jsonb_extract_path_text jsonb_extract_scalar jsonb_object_agg jsonb_object_keys jsonb_typeof parse_json to_json to_jsonb
    col_description format_type obj_description pg_get_constraintdef pg_get_expr pg_get_indexdef pg_get_serial_sequence
    pg_get_viewdef pg_is_in_recovery pg_relation_is_publishable pg_table_is_visible pg_type_is_visible
"""
FUNCTIONS = frozenset(_COMPUTING.split())
"""The functions allowed on a platform's database. They compute from their arguments or return catalogue entries."""

_TABLES_OF_FILES = ("pg_file_settings", "pg_hba_file_rules", "pg_ident_file_mappings", "pg_shadow", "pg_authid")
_NOT_IN_DUCKDB = {"nextval", "currval", "setval", "setseed", "sleep_ms", "write_log", "getenv", "current_setting"}
_TABLE_FUNCTIONS = {
    *("generate_series", "range", "unnest", "repeat", "repeat_row", "json_each", "json_tree", "summary", "explode"),
    *("duckdb_columns", "duckdb_tables", "duckdb_views", "duckdb_functions", "duckdb_types", "pragma_table_info"),
}


@lru_cache(maxsize=4_096)
def why_not_read_only(text: str, dialect: str) -> str | None:
    """Return why a text is not exactly one read-only statement, as the end of a sentence; None when it is.

    `dialect` is the name of a dialect of SQLGlot, such as "postgres". Driver placeholders (%s, %(name)s, ?) are
    supported.
    """
    if dialect != "duckdb":
        if found := _AMBIGUOUS.search(text):
            return f"it contains {found[0]!r}, which a server may interpret differently from this check; write it without comments and escapes"
        text = _OF_DRIVERS.sub(_PLACEHOLDER, text).replace("%%", "%")
    if not _STARTS.match(text):
        return f"{(text.split(maxsplit=1) or ['nothing'])[0].lower()[:40]!r} does not start a read-only query"
    return _why_not(text, dialect)


def _why_not(text: str, dialect: str) -> str | None:
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        tokens = sqlglot.tokenize(text, read=dialect)
        if any(_PLACEHOLDER in token.text and token.token_type is not sqlglot.TokenType.VAR for token in tokens):
            return "a placeholder is inside quotes"
        trees = [tree for tree in sqlglot.parse(text, read=dialect) if tree is not None]
    except (SqlglotError, RecursionError) as error:
        return f"it cannot be parsed ({' '.join(re.sub(chr(27) + r'.*?m', '', str(error)).split())[:100]})"
    if len(trees) != 1:
        return "it is more than one statement" if trees else "it is empty"
    [tree] = trees
    roots: tuple[type[exp.Expr], ...] = (exp.Query, exp.Values)
    if dialect == "duckdb":
        roots = (*roots, exp.Pivot, exp.Summarize, exp.Describe, exp.Show)
    is_row_of_mysql = isinstance(tree, exp.Anonymous) and tree.name.lower() == "values"
    if not isinstance(tree, roots) and not is_row_of_mysql:
        return f"{tree.key!r} is not a read-only statement"
    if (strange := _not_reading(tree, dialect)) is not None:
        return f"{strange.key!r} is not allowed in a read-only query"
    return _source(tree) or _function(tree, dialect)


def _not_reading(tree: "exp.Expr", dialect: str) -> "exp.Expr | None":
    """Return a part that writes, locks, stores its result elsewhere, or uses session variables; else None."""
    from sqlglot import exp

    kinds = [exp.DML, exp.DDL, exp.Command, exp.Into, exp.Lock, exp.Set, exp.Pragma, exp.Merge, exp.Copy, exp.LoadData]
    kinds += [
        exp.Drop,
        exp.Alter,
        exp.Attach,
        exp.Use,
        exp.Kill,
        exp.NextValueFor,
        exp.Transaction,
        exp.Commit,
        exp.Rollback,
    ]
    if dialect != "duckdb":
        kinds += [exp.Parameter, exp.SessionParameter, exp.PropertyEQ]
    found: exp.Expr | None = tree.find(*kinds)
    return found


def _source(tree: "exp.Expr") -> str | None:
    from sqlglot import exp

    for table in tree.find_all(exp.Table):
        if table.name.lower() in _TABLES_OF_FILES:
            return f"{table.name!r} exposes files of the server"
    for column in tree.find_all(exp.Column):
        if column.table and column.name.lower() in ("nextval", "currval"):  # how Oracle and MariaDB advance a sequence
            return f"{column.name!r} advances a sequence"
    return None


def _function(tree: "exp.Expr", dialect: str) -> str | None:
    from sqlglot import exp

    for call in tree.find_all(exp.Func):
        names = _names(call)
        schema = call.parent.this.name.lower() if isinstance(call.parent, exp.Dot) else ""
        if dialect != "duckdb" and schema not in ("", "pg_catalog"):
            return f"functions of the schema {schema!r} may not be called"
        if dialect != "duckdb" and not names & FUNCTIONS:
            return f"the function {min(names)!r} is not on the list of allowed functions"
        if dialect == "duckdb" and names & _NOT_IN_DUCKDB:
            return f"the function {min(names)!r} is not allowed"
        if dialect == "duckdb" and isinstance(call.parent, exp.Table) and not names & _TABLE_FUNCTIONS:
            return f"the table function {min(names)!r} is not allowed; each frame is available as a table with its name"
    return None


def _names(call: "exp.Expr") -> set[str]:
    """Return the names of a function: its SQL names if the parser knows it, else the name as written."""
    from sqlglot import exp

    if isinstance(call, exp.Anonymous | exp.AnonymousAggFunc):
        return {call.name.lower()}
    assert isinstance(call, exp.Func)
    return {name.lower() for name in call.sql_names()}
