"""The file format options that `reconcile-files` and `tree check-file` share, with their help texts."""

from typing import Annotated

from cyclopts import Group, Parameter

FORMAT = Group("File format", sort_key=1)

DELIMITER = "Delimiter between the fields of a line: comma (the default), semicolon, tab, pipe, or one other character."
QUOTE = (
    "Quote character around a field that contains a delimiter or a line break: double (the default), single, or none."
)
ENCODING = (
    "Text encoding: utf-8 (the default), utf-16, cp1252, latin-1, …; the error for any other value lists all of them."
)
SKIP_LINES = "Number of lines to skip above the header. Line numbers in messages still count them. The default is 0."
SKIP_FOOTER = (
    "Number of lines to skip at the end, such as totals. Blank lines do not count. 0 states that there are none."
)

UNITS = "What amounts are written in: major (rupees, the default) or minor (whole paisa)."
SIGN = "Which sign amounts have: as-stored (a credit is positive, the default) or reversed (a debit is positive)."
CREDIT_WORDS = "Words of the direction that mean a credit, separated by commas. The default is credit,cr."
DEBIT_WORDS = "Words of the direction that mean a debit, separated by commas. The default is debit,dr."

SHEET = "Sheet of an Excel workbook. It is needed when there are several."
MATCH_IDS = (
    "Ways in which the ids of one account may differ, separated by commas: case (upper and lower case), zeros (leading zeros), "
    "unicode (equivalent characters and spaces)."
)

WholeIds = Annotated[
    bool,
    Parameter(
        name="--whole-ids",
        negative="",
        group=FORMAT,
        help="Read ids such as 1.0 as 1. Exports from pandas contain such ids.",
    ),
]
