"""`mlm-audit tree`: show a part of the sponsor tree or the matrix, or check a tree in a file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, Parameter, validators
from rich.markup import escape
from rich.tree import Tree

from mlm_audit.cli.common import Db, Id, Json, clock, database, print_summary, settings_with
from mlm_audit.cli.file_options import (
    DELIMITER,
    ENCODING,
    FORMAT,
    MATCH_IDS,
    QUOTE,
    SHEET,
    SKIP_FOOTER,
    SKIP_LINES,
    WholeIds,
)
from mlm_audit.cli.output import EXIT_FINDINGS, out, print_json
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.findings import at_least
from mlm_audit.domain.settings import load_settings
from mlm_audit.reporting.core.document import to_document
from mlm_audit.reporting.core.summary import summary

if TYPE_CHECKING:
    import networkx as nx

app = App(name="tree")
MOST_CHILDREN = 12
SHAPES = "Shape of the tree"
MOST_LEVELS = 1_000
Severity = Literal["low", "medium", "high", "critical"]


@app.command
def show(
    member: Id,
    /,
    *,
    tree: Annotated[
        Literal["matrix", "sponsor"] | None, Parameter(help="Which tree to show. The default is both.")
    ] = None,
    up: Annotated[
        int, Parameter(help="Levels above the member.", validator=validators.Number(gte=0, lte=MOST_LEVELS))
    ] = 3,
    down: Annotated[
        int, Parameter(help="Levels below the member.", validator=validators.Number(gte=0, lte=MOST_LEVELS))
    ] = 3,
    db: Db = None,
    json: Json = False,
) -> None:
    """Print a member's upline and downline, with the number of members that are not shown."""
    from mlm_audit.checks.trees.neighbourhood import as_data
    from mlm_audit.jobs.trees.neighbourhood import neighbourhood_of

    engine = database(settings_with(db))
    names: tuple[Literal["matrix", "sponsor"], ...] = ("matrix", "sponsor") if tree is None else (tree,)
    parts = {name: neighbourhood_of(engine, member, name, up=up, down=down) for name in names}
    if json:
        print_json({name: as_data(graph) for name, graph in parts.items()})
        return
    for name, graph in parts.items():
        out.print(_drawn(f"{'Matrix' if name == 'matrix' else 'Sponsor tree'} around member {member}", graph))


def _drawn(title: str, graph: "nx.DiGraph[Any]") -> Tree:
    """Return the graph as lines. The walk is iterative, since a tree can be thousands of levels deep."""
    drawn = Tree(title)
    sound = [(a, b) for a, b in graph.edges if a != b]
    children: dict[Any, list[Any]] = {}
    for above, below in sound:
        children.setdefault(above, []).append(below)
    hung = {below for _, below in sound}
    stack = [(node, drawn) for node in reversed(list(graph.nodes)) if node not in hung] or [
        (graph.graph["member"], drawn)
    ]
    shown: set[Any] = set()
    while stack:
        node, branch = stack.pop()
        if node in shown:
            branch.add(f"[red]{node} again: the tree has a cycle here[/]")
            continue
        shown.add(node)
        own = branch.add(_label(graph.nodes[node]))
        kids = children.get(node, [])
        hidden = graph.nodes[node].get("hidden", 0) + len(kids[MOST_CHILDREN:])
        stack.extend((child, own) for child in reversed(kids[:MOST_CHILDREN]))
        if hidden:
            own.label = f"{own.label}  [dim]+{hidden} hidden[/]"
    return drawn


def _label(node: dict[str, Any]) -> str:
    position = f" [dim]position {node['position']}[/]" if node.get("position") is not None else ""
    if node.get("mark") == "lost":
        return f"[red]{escape(node['label'])} (does not exist)[/]"
    return f"[bold]{escape(node['label'])}[/]{position}" if node.get("mark") else f"{escape(node['label'])}{position}"


@app.command(name="check-file")
def check_file(
    file: Path,
    /,
    *,
    id: Annotated[
        str | None,
        Parameter(name="--id", help="Column of the node's id; in a closure table, of the node that is below."),
    ] = None,
    parent: Annotated[
        str | None,
        Parameter(
            help="Column of the parent's id, which is empty for a root. Beside a path or bounds, it is compared with them."
        ),
    ] = None,
    edges: Annotated[
        bool,
        Parameter(
            negative="", group=SHAPES, help="The rows are edges: a root has no row, and is only named as a parent."
        ),
    ] = False,
    path: Annotated[
        str | None, Parameter(group=SHAPES, help="Column of the path from the root, such as 1/4/9 for node 9.")
    ] = None,
    separator: Annotated[
        str | None, Parameter(group=SHAPES, help="What separates the ids of a path; a slash by default.")
    ] = None,
    path_ends_with_parent: Annotated[
        bool,
        Parameter(negative="", group=SHAPES, help="A path ends with the parent, and does not contain the node itself."),
    ] = False,
    left: Annotated[str | None, Parameter(group=SHAPES, help="Column of the left bound of a nested set.")] = None,
    right: Annotated[str | None, Parameter(group=SHAPES, help="Column of the right bound of a nested set.")] = None,
    ancestor: Annotated[str | None, Parameter(group=SHAPES, help="Column of the ancestor in a closure table.")] = None,
    depth: Annotated[
        str | None, Parameter(group=SHAPES, help="Column of the number of steps to the ancestor; the parent is at 1.")
    ] = None,
    level: Annotated[
        str | None, Parameter(help="Column of the level. When it is given, levels are checked as well.")
    ] = None,
    name: Annotated[str | None, Parameter(help="Column of a name to show next to the id.")] = None,
    root_value: Annotated[
        list[str],
        Parameter(
            negative="",
            group=FORMAT,
            help="A value of the parent column that means no parent, such as 0 or NULL. The option can be repeated.",
        ),
    ] = [],  # noqa: B006
    whole_ids: WholeIds = False,
    match_ids: Annotated[str | None, Parameter(group=FORMAT, help=MATCH_IDS)] = None,
    delimiter: Annotated[str | None, Parameter(group=FORMAT, help=DELIMITER)] = None,
    quote: Annotated[str | None, Parameter(group=FORMAT, help=QUOTE)] = None,
    encoding: Annotated[str | None, Parameter(group=FORMAT, help=ENCODING)] = None,
    skip_lines: Annotated[str | None, Parameter(group=FORMAT, help=SKIP_LINES)] = None,
    skip_footer: Annotated[str | None, Parameter(group=FORMAT, help=SKIP_FOOTER)] = None,
    sheet: Annotated[str | None, Parameter(group=FORMAT, help=SHEET)] = None,
    options: Annotated[
        Path | None, Parameter(help="TOML file with a table `tree` that holds the columns as `map`, and the options.")
    ] = None,
    json: Json = False,
    fail_on: Annotated[Severity | None, Parameter(help="Exit with 3 when a finding is this severe or worse.")] = None,
) -> int:
    """Check a tree in a file: unknown parents, nodes that are their own parent, cycles, levels, and contradictions.

    The tree may be a column of parents, edges, paths, the bounds of a nested set, or a closure table.

    If a record cannot be read, the whole file is refused, and the message gives the line number and the solution. The
    format is never guessed: use the options for a file that is not plain CSV.
    """
    from mlm_audit.engine.files.file_records import InputFile
    from mlm_audit.engine.files.format import FORMAT_OPTIONS, file_format
    from mlm_audit.engine.files.trees import TreeColumns
    from mlm_audit.jobs.trees.file import check_file as check
    from mlm_audit.jobs.trees.tree_options import with_options_file

    settings = load_settings()
    given: dict[str, Any] = {
        "id": id,
        "parent": parent,
        "path": path,
        "left": left,
        "right": right,
        "ancestor": ancestor,
        "depth": depth,
        "level": level,
        "name": name,
        "edges": edges,
        "separator": separator,
        "path-ends-with-parent": path_ends_with_parent,
        "root-value": root_value,
        "whole-ids": whole_ids,
        "match-ids": match_ids,
        "delimiter": delimiter,
        "quote": quote,
        "encoding": encoding,
        "skip-lines": skip_lines,
        "skip-footer": skip_footer,
        "sheet": sheet,
    }
    chosen = with_options_file(options, given)
    if chosen["id"] is None:
        raise InputError("name the column of the node's id with --id COLUMN, or as map.id in the --options file")
    columns = TreeColumns(
        node=chosen["id"],
        parent=chosen["parent"],
        is_edges=chosen["edges"],
        path=chosen["path"],
        separator="/" if chosen["separator"] is None else chosen["separator"],
        path_ends_with_parent=chosen["path-ends-with-parent"],
        left=chosen["left"],
        right=chosen["right"],
        ancestor=chosen["ancestor"],
        depth=chosen["depth"],
        level=chosen["level"],
        name=chosen["name"],
    )
    file_options = [(option, chosen[option]) for option in FORMAT_OPTIONS if chosen[option] is not None]
    source = InputFile(file, file_format(file_options, whole_ids=chosen["whole-ids"], match_ids=chosen["match-ids"]))
    result = check(source, columns, chosen["root-value"], settings, clock)
    if json:
        print_json(to_document(result))
    else:
        print_summary(summary(result, settings.tz), result.job_id, {})
    severe = fail_on is not None and any(at_least(finding.severity, fail_on) for finding in result.findings)
    return EXIT_FINDINGS if severe else 0
