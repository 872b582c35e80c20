"""The file format options that `reconcile-files` and `tree check-file` share, with their help texts."""

from typing import Annotated

from cyclopts import Group, Parameter

FORMAT = Group("How the files are written", sort_key=1)

DELIMITER = "Between the fields of a line: comma (the default), semicolon, tab, pipe, or one other character."
QUOTE = "Around a field that holds a delimiter or a line end: double (the default), single, or none."
ENCODING = "Of the text: utf-8 (the default), utf-16, cp1252, latin-1, …; another one is refused with the list."
SKIP_LINES = "Lines above the header to leave out; messages still count them. 0 when left out."
SKIP_FOOTER = "Lines at the end to leave out, such as totals; blank lines do not count. 0 says that there are none."

WholeIds = Annotated[
    bool, Parameter(name="--whole-ids", negative="", group=FORMAT, help="Read ids such as 1.0 as 1: exports of pandas have them.")
]
