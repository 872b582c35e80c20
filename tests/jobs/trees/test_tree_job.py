"""The job and its commands: states, moves, pictures, bad input, the analyst's graph."""

import json
from collections.abc import Callable
from pathlib import Path

import networkx as nx
import polars as pl
import pytest
from sqlalchemy import Engine, delete, insert, select, update

import mlm_audit
from mlm_audit.checks.trees.codes import CODES
from mlm_audit.database.core.own_tables import Break, TreeHealthReport
from mlm_audit.database.core.tables import Hierarchy, MatrixNode, User
from mlm_audit.demo.platform import Platform
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.findings import FINDING_KEYS, RunResult
from mlm_audit.jobs.trees.run import check_tree_health
from tests.cli.test_commands import document, mlm, refused
from tests.conftest import NOW, clean_platform, settings_for, table_of


@pytest.fixture
def engine(sqlite_url: str, filled: Callable[[str, Platform], Engine]) -> Engine:
    return filled(sqlite_url, clean_platform(300))


def run(engine: Engine, tmp_path: Path, **options) -> RunResult:
    return check_tree_health(engine, settings_for(runs=tmp_path / "runs"), lambda: NOW, **{"repair": True, **options})


def set_sponsor(engine: Engine, member: int, sponsor: int | None) -> None:
    with engine.begin() as connection:
        connection.execute(update(User).where(User.id == member).values(sponsor_id=sponsor))


def test_clean_platform_passes(engine: Engine, tmp_path: Path) -> None:
    result = run(engine, tmp_path)
    assert (result.verdict.value, result.status, result.counts.health_score) == ("PASS", "success", 100)
    assert (result.findings, result.items, result.corrections, result.alerts) == ((), (), (), ())
    with engine.connect() as connection:
        report = connection.execute(select(TreeHealthReport.health_score, TreeHealthReport.issues_found)).one()
    assert tuple(report) == (100, 0)


@pytest.mark.slow
def test_states_and_moves_over_runs(engine: Engine, tmp_path: Path) -> None:
    run(engine, tmp_path)
    set_sponsor(engine, 77, 77)
    set_sponsor(engine, 200, 5)
    first = run(engine, tmp_path)
    assert [(f.id, f.state) for f in first.findings] == [("sponsor-self/77", "new")]
    moved = {(m.member_id, m.edge, m.after) for m in first.items}
    assert moved == {(77, "sponsor", 77), (200, "sponsor", 5)}
    assert first.counts.sponsors_changed == 2
    set_sponsor(engine, 300, None)
    lost = run(engine, tmp_path)
    assert [(m.member_id, m.after) for m in lost.items] == [(300, None)], "to nobody is a move, too"
    set_sponsor(engine, 300, lost.items[0].before)
    run(engine, tmp_path)
    set_sponsor(engine, 78, 999_999)
    second = run(engine, tmp_path)
    assert {f.id: f.state for f in second.findings} == {"sponsor-self/77": "carried over", "sponsor-unknown/78": "new"}
    set_sponsor(engine, 77, 5)
    third = run(engine, tmp_path)
    assert {f.id: f.state for f in third.findings} == {
        "sponsor-self/77": "cleared",
        "sponsor-unknown/78": "carried over",
    }
    assert third.counts.issues_open == 1
    with engine.connect() as connection:
        assert connection.execute(select(Break.break_id).where(Break.job_id == third.job_id)).scalars().all() == [
            "sponsor-unknown/78"
        ]


def test_a_lost_copy_of_the_structure_is_said(engine: Engine, tmp_path: Path) -> None:
    run(engine, tmp_path)
    for copy in (tmp_path / "runs").rglob("structure.parquet"):
        copy.unlink()
    set_sponsor(engine, 200, 5)
    result = run(engine, tmp_path)
    assert result.items == ()
    assert any("not known" in note for note in result.notes)


def test_score(engine: Engine, tmp_path: Path) -> None:
    """Ten leaves flagged wrongly cost a tenth each; a critical caps at 84; unrepaired or not is what counts."""
    with engine.begin() as connection:
        connection.execute(update(User).where(User.id.in_(range(201, 301))).values(is_eligible_repurchase=True))
    flagged = run(engine, tmp_path, dry_run=True)
    lost = flagged.counts.by_code["eligibility-flag"]
    assert flagged.counts.health_score == (10 * 300 - lost) * 100 // (10 * 300)
    assert run(engine, tmp_path, repair=False).counts.issues_fixed == 0
    assert run(engine, tmp_path).counts.health_score == 100
    set_sponsor(engine, 300, 300)
    critical = run(engine, tmp_path)
    assert critical.counts.health_score == 84
    assert critical.alerts == ("1 critical issue is open", "the health score is 84; the alert limit is 85")


def test_affected_count_with_those_below(engine: Engine, tmp_path: Path) -> None:
    set_sponsor(engine, 2, None)
    result = run(engine, tmp_path)
    [finding] = result.findings
    with engine.connect() as connection:
        edges = connection.execute(select(User.sponsor_id, User.id)).all()
    graph = nx.DiGraph([(sponsor, member) for sponsor, member in edges if sponsor is not None])
    below = len(nx.descendants(graph, 2))
    assert finding.evidence[0].columns["below"] == below
    assert f"{below} members below are affected" in finding.message
    assert result.counts.health_score == (10 * 300 - 3 * (below + 1)) * 100 // (10 * 300)


@pytest.mark.slow
def test_document_and_report_files(engine: Engine, sqlite_url: str) -> None:
    set_sponsor(engine, 77, 77)
    ahead = document("run", "tree-health-check", "--db", sqlite_url, "--dry-run")
    assert ahead["reports"] == {}
    result = document("run", "tree-health", "--db", sqlite_url, "--as-of", "2026-11-24T12:00:00Z")
    assert result["job"] == "tree-health-check"
    assert {"health_score", "issues_found", "issues_fixed", "members_checked", "by_code"} <= set(result["counts"])
    assert list(result["findings"][0]) == list(FINDING_KEYS)
    assert result["counts"]["by_code"] == {"sponsor-self": 1}
    html = Path(result["reports"]["html"]).read_text(encoding="utf-8")
    assert html.count('<svg class="tree"') == 1
    assert json.loads(Path(result["reports"]["json"]).read_text(encoding="utf-8"))["findings"] == result["findings"]
    assert mlm("run", "tree-health", "--db", sqlite_url, "--fail-on", "critical").returncode == 3


@pytest.mark.slow
def test_bad_input(engine: Engine, sqlite_url: str, tmp_path: Path) -> None:
    assert "--repair: weekly-payouts does not take this option" in refused(
        "run", "weekly-payouts", "--no-repair", "--db", sqlite_url
    )
    assert "no such file" in refused("tree", "check-file", "nowhere.csv", "--id", "a", "--parent", "b")
    file = tmp_path / "tree.csv"
    for content, said in (
        ("a,b\n1,\n1,\n", "line 3: id 1 appears twice (first in line 2)"),
        ("a,b\n,1\n", "line 2, column a: an empty value is not usable"),
        ("a,b\n", "no rows"),
        ("", "empty"),
    ):
        file.write_text(content)
        assert said in refused("tree", "check-file", file, "--id", "a", "--parent", "b")
    file.write_text("a,b,l\n1,,1\n2,1,two\n")
    assert "'two' is not a level" in refused("tree", "check-file", file, "--id", "a", "--parent", "b", "--level", "l")
    for levels in ("1\n2,1,99999999999", "1\n2,1,1.5"):
        file.write_text(f"a,b,l\n1,,{levels}\n")
        assert "is not a level" in refused("tree", "check-file", file, "--id", "a", "--parent", "b", "--level", "l")
    nested = tmp_path / "nested.parquet"
    pl.DataFrame({"a": [1], "b": [None], "l": [[1]], "f": [1.5]}, schema_overrides={"b": pl.Int64}).write_parquet(
        nested
    )
    assert "a level is a whole number" in refused(
        "tree", "check-file", nested, "--id", "a", "--parent", "b", "--level", "l"
    )
    assert "cannot be used for ids" in refused("tree", "check-file", nested, "--id", "l", "--parent", "b")
    assert "cannot hold them exactly" in refused("tree", "check-file", nested, "--id", "f", "--parent", "b")
    assert "each needs a column of its own" in refused("tree", "check-file", nested, "--id", "a", "--parent", "a")
    assert "there is no column 'x' (--parent)" in refused("tree", "check-file", file, "--id", "a", "--parent", "x")
    assert "no place in the matrix tree" in refused("tree", "show", "9999", "--db", sqlite_url)
    with engine.begin() as connection:
        connection.execute(delete(User))
    assert "no rows" in refused("run", "tree-health", "--db", sqlite_url)


def test_an_empty_matrix_is_incomplete(engine: Engine, tmp_path: Path) -> None:
    with engine.begin() as connection:
        connection.execute(delete(MatrixNode))
        connection.execute(delete(Hierarchy))
    result = run(engine, tmp_path)
    assert result.verdict.value == "INCOMPLETE"
    assert any("matrix_nodes" in note for note in result.notes)


def test_tables_that_are_missing_stop_the_run(engine: Engine, sqlite_url: str) -> None:
    with engine.begin() as connection:
        table_of(Hierarchy).drop(connection)
    assert "table hierarchy: missing" in refused("run", "tree-health", "--db", sqlite_url)


def test_levels_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "tree.csv"
    file.write_text("id,up,level\na,,0\nb,a,1\nc,b,7\nd,c,3\ne,a,\n")
    result = document("tree", "check-file", file, "--id", "id", "--parent", "up", "--level", "level")
    assert {(f["code"], f["member_id"]) for f in result["findings"]} == {("level", "c"), ("level-missing", "e")}
    assert result["counts"]["max_depth"] == 3
    file.write_text("id,up\n1,0\n2,0\n3,0\n4,3\n")
    result = document("tree", "check-file", file, "--id", "id", "--parent", "up")
    assert "3 nodes name the unknown parent 0" in result["notes"][0]


def test_tree_show_and_the_analysts_graph(engine: Engine, sqlite_url: str) -> None:
    shown = mlm("tree", "show", "50", "--db", sqlite_url, "--tree", "matrix").stdout
    assert [line.strip("│├└─ ").split()[0] for line in shown.splitlines()[1:5]] == ["2", "6", "17", "50"]
    parts = document("tree", "show", "50", "--db", sqlite_url)
    assert set(parts) == {"matrix", "sponsor"}
    audit = mlm_audit.connect(sqlite_url)
    graph = audit.tree.graph(5, depth=2)
    assert isinstance(graph, nx.DiGraph)
    assert set(graph.nodes) == {5, *range(14, 17), *range(41, 50)}
    assert graph.nodes[41]["hidden"] == 3
    assert nx.is_arborescence(graph)
    assert set(audit.tree.graph(1, 100).nodes) == set(range(1, 301))
    assert "<svg" in audit.tree.around(50)._repr_html_()
    with pytest.raises(InputError, match="no place in the sponsor tree"):
        audit.tree.around(4711, tree="sponsor")
    audit.close()


def test_a_ring_can_be_shown(engine: Engine, sqlite_url: str) -> None:
    with engine.begin() as connection:
        connection.execute(update(MatrixNode).where(MatrixNode.user_id == 6).values(parent_id=17))
    assert "the tree has a cycle here" in mlm("tree", "show", "17", "--db", sqlite_url, "--tree", "matrix").stdout


def test_a_lonely_administrator_is_no_surplus_root(engine: Engine, tmp_path: Path) -> None:
    with engine.begin() as connection:
        columns = {
            "full_name": "Admin",
            "mobile_no": "1",
            "role": "admin",
            "created_at": NOW.replace(year=2020, tzinfo=None),
        }
        connection.execute(insert(User).values(id=1_000, **columns))
    assert run(engine, tmp_path).findings == ()


def test_every_code_is_explained() -> None:
    for name, code in CODES.items():
        assert code.title
        assert code.do[0].isupper(), name


def test_what_could_not_be_looked_at_stays_on_the_books(engine: Engine, tmp_path: Path) -> None:
    with engine.begin() as connection:
        connection.execute(update(MatrixNode).where(MatrixNode.user_id == 50).values(position=7))
    run(engine, tmp_path)
    with engine.connect() as connection:
        nodes = [dict(row) for row in connection.execute(select(table_of(MatrixNode))).mappings()]
    with engine.begin() as connection:
        connection.execute(delete(MatrixNode))
    assert run(engine, tmp_path).verdict.value == "INCOMPLETE"
    with engine.begin() as connection:
        connection.execute(insert(table_of(MatrixNode)), nodes)
    [finding] = run(engine, tmp_path).findings
    assert (finding.id, finding.state) == ("matrix-position/50", "carried over")


def test_a_lost_sponsor_affects_everybody_below(engine: Engine, tmp_path: Path) -> None:
    with engine.begin() as connection:
        connection.execute(delete(User).where(User.id == 1))
    result = run(engine, tmp_path)
    [finding] = result.findings
    assert (finding.code, finding.evidence[0].columns["below"]) == ("matrix-node-orphan", 299)
    assert result.counts.health_score == (10 * 299 - 5 * 299) * 100 // (10 * 299)


def test_roles_and_those_who_had_a_place(engine: Engine, tmp_path: Path) -> None:
    with engine.begin() as connection:
        connection.execute(update(User).where(User.id.in_((298, 299))).values(role="USER"))
        connection.execute(update(User).where(User.id == 20).values(role="admin"))
        connection.execute(delete(MatrixNode).where(MatrixNode.user_id.in_((20, 298))))
    result = run(engine, tmp_path)
    assert {f.id for f in result.findings} == {"matrix-node-missing/20", "matrix-node-missing/298"}


def test_members_who_are_gone_have_not_moved(engine: Engine, tmp_path: Path) -> None:
    run(engine, tmp_path)
    with engine.begin() as connection:
        connection.execute(delete(User).where(User.id == 299))
    result = run(engine, tmp_path)
    assert (result.items, result.counts.members_gone, result.counts.sponsors_changed) == ((), 1, 0)


def test_a_long_ring_is_named_member_by_member(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the run's files; what is stored must fit into a text column of 64 KiB, and has the first ones."""
    monkeypatch.setattr("mlm_audit.jobs.trees.result.MOST_STORED", 1_000)
    with engine.begin() as connection:
        for member in range(1, 301):
            connection.execute(update(User).where(User.id == member).values(sponsor_id=member % 300 + 1))
    result = run(engine, tmp_path)
    [ring] = [f for f in result.findings if f.code == "sponsor-cycle"]
    assert [row.id for row in ring.evidence] == list(range(1, 301))
    assert (result.counts.health_score, ring.evidence[0].columns["affected"]) == (0, 300)
    with engine.connect() as connection:
        stored = connection.execute(select(Break.evidence).where(Break.break_id == ring.id)).scalar_one()
    assert json.loads(stored) == [row.columns for row in ring.evidence[:200]]
    assert {f.state for f in run(engine, tmp_path).findings} == {"carried over"}


def test_a_file_of_roots(tmp_path: Path) -> None:
    file = tmp_path / "roots.parquet"
    pl.DataFrame({"id": [1, 2, 3], "up": [None, None, None]}).write_parquet(file)
    result = document("tree", "check-file", file, "--id", "id", "--parent", "up")
    assert (result["verdict"], result["counts"]["roots"], result["counts"]["max_depth"]) == ("PASS", 3, 0)
    file = tmp_path / "big.csv"
    file.write_text(f"id,up\n{2**63 - 1},\n{-(2**63)},{2**63 - 1}\n007,{-(2**63)}\n")
    result = document("tree", "check-file", file, "--id", "id", "--parent", "up")
    assert (result["verdict"], result["counts"]["max_depth"]) == ("PASS", 2)
