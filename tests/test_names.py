"""Names: no two public classes share one, and two modules only where they are the same capability in two rooms."""

import ast
from collections import defaultdict
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "mlm_audit"
FILES = sorted(path for path in PACKAGE.rglob("*.py") if "versions" not in path.parts)

CAPABILITIES = {
    "activity": "what jobs did in a period: the figures, and the rows they are computed from",
    "app": "the application of the commands and that of the console",
    "authorisations": "approved adjustments: the commands and the table",
    "breaks": "a break as each room reads it",
    "catalogue": "the list of what is declared by files: checks, notices",
    "closure": "the closure table: its check and its faults",
    "control_totals": "control totals: their declaration in a mapping, and reading them",
    "eligibility": "eligibility for a month, in every room that has to do with it",
    "evidence": "evidence packs: the commands and the packs",
    "figures": "the money of a run's breaks: its data, and its definition",
    "file_options": "the options of files: on the command line and in the job",
    "findings": "findings: the type, and findings made of breaks",
    "inputs": "the inputs of the checks: their columns, and where these come from",
    "kind": "the declaration of a kind of report, one in each folder",
    "matrix": "the matrix: its check and its faults",
    "member": "one member: the page and the rows behind it",
    "mirror": "the local mirror: what is read for it, and the mirror itself",
    "months": "a member's month: its root causes and its remedies",
    "neighbourhood": "the part of a tree around a member",
    "orders": "orders: root causes, remedies and faults",
    "payouts": "payouts, in every room that has to do with them",
    "read_only": "connections that only read: the rule for a statement, and the sessions",
    "report": "the page of a kind of report, one in each folder",
    "result": "the result of a job, one in each folder",
    "run": "the run of a job, one in each folder; the command and the answer for analysts",
    "shards": "shards: of any job, and of payouts",
    "sponsors": "the sponsor tree: its check and its faults",
    "status": "the status of the jobs: the command and what it shows",
    "subsets": "the rows of one wallet or order: reading them, and checking them",
    "summary": "a result in a few lines, one in each folder",
    "sweep": "the monthly sweep, in every room that has to do with it",
    "tree": "a tree for people: the commands and the answer for analysts",
    "trees": "the trees: reading them from the platform and from files, and repairing them",
    "wallets": "wallets: root causes, remedies and faults",
    "words": "the words of the platform: the known ones, and comparing them in SQL",
}


def test_no_two_public_classes_share_a_name() -> None:
    places = defaultdict(list)
    for path in FILES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(str(path.relative_to(PACKAGE)))
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


def test_two_modules_share_a_name_only_as_the_same_capability() -> None:
    places = defaultdict(list)
    for path in FILES:
        if path.name not in ("__init__.py", "__main__.py"):
            places[path.stem].append(path)
    assert {name for name, where in places.items() if len(where) > 1} == set(CAPABILITIES)
