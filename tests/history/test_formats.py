"""What the first version sealed, stored and packed is read by its own format, also when the ledger's input has other columns."""

import io
import json
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine, select, update

from mlm_audit.database.core.connect import write
from mlm_audit.database.core.own_tables import ReconciliationReport
from mlm_audit.database.core.platform_engines import database_key
from mlm_audit.database.core.tables import Ledger
from mlm_audit.database.core.upgrade import init
from mlm_audit.domain.findings import RunResult
from mlm_audit.domain.inputs import INPUTS, Kind
from mlm_audit.domain.settings import Settings
from mlm_audit.history.canonical import FIRST_COLUMNS
from mlm_audit.history.chain import ChainedLog
from mlm_audit.history.evidence_verify import BrokenError
from mlm_audit.history.evidence_verify import verify as verify_pack
from mlm_audit.history.ledger_rows import Settled
from mlm_audit.history.sealing import rebuild, store_of, verify
from mlm_audit.jobs.reconciliation.run import reconcile
from tests.conftest import NOW
from tests.history.test_evidence import signed

FORMAT_1 = Path(__file__).parent / "format_1.zip"
"""What the version before formats had numbers left on 24 and 25 November 2026: a platform, three sealed months, two runs, two packs.

On the 25th the wallet of member 7 and the amount of ledger row 209, of an open month, had been changed.
"""
OPEN_ROW = 209
SETTINGS = Settings(
    runs_dir=Path("runs"),
    snapshots_dir=Path("snapshots"),
    nightly_from_rows=0,
    payout_overdue_days=366,
    sweep_overdue_days=366,
)


@pytest.fixture
def platform(tmp_path: Path, opened: Callable[[str], Engine]) -> Engine:
    with zipfile.ZipFile(FORMAT_1) as archive:
        archive.extractall(tmp_path)
    engine = opened(f"sqlite:///{tmp_path / 'platform.db'}")
    init(engine)
    (tmp_path / "snapshots").mkdir()
    (tmp_path / "store").rename(tmp_path / "snapshots" / database_key(engine))
    return engine


def run(engine: Engine, days: float, **options: Any) -> RunResult:
    return reconcile(engine, SETTINGS, lambda: NOW + timedelta(days=days), **options).result


def changed(result: RunResult) -> dict[str, str]:
    codes = ("history-changed", "seal-broken", "stored-run-changed")
    return {one.id: one.message for one in result.findings if one.code in codes and one.state != "cleared"}


def with_columns(monkeypatch: pytest.MonkeyPatch, columns: dict[str, Kind]) -> None:
    monkeypatch.setitem(INPUTS, "ledger", INPUTS["ledger"]._replace(columns=columns))


def with_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger's input reads one more column, in the middle."""
    columns = list(INPUTS["ledger"].columns.items())
    with_columns(monkeypatch, dict([*columns[:3], ("description", Kind.TEXT), *columns[3:]]))


def edit(engine: Engine, row: int, **values: Any) -> None:
    with write(engine) as connection:
        connection.execute(update(Ledger).where(Ledger.id == row).values(values))


def test_what_was_stored_is_of_the_first_format(platform: Engine) -> None:
    seals = store_of(SETTINGS, platform).logged().seals
    assert {(seal.format, seal.columns) for seal in seals.values()} == {(1, FIRST_COLUMNS)}
    with platform.connect() as connection:
        data = connection.execute(select(ReconciliationReport.report_data)).scalars().all()
    assert {Settled.of(one["seal"]).columns for one in data} == {FIRST_COLUMNS}


@pytest.mark.slow
@pytest.mark.parametrize("has_another", [False, True])
def test_the_next_runs_of_this_version(has_another: bool, platform: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is called changed that was not; what had been reported stays; a new change in a sealed and in an open month is named."""
    if has_another:
        with_another(monkeypatch)
    first = run(platform, 2)
    assert set(changed(first)) == {f"history-changed/{OPEN_ROW}"}, "reported once by the old version, and still open"
    assert not any("could be compared" in note for note in first.notes)
    night = run(platform, 2.5)
    assert any("were not read again" in note for note in night.notes)
    assert set(changed(night)) == {f"history-changed/{OPEN_ROW}"}
    edit(platform, 5, ref="another")
    edit(platform, OPEN_ROW + 1, amount_paisa=1)
    last = changed(run(platform, 3, full=True))
    assert set(last) == {f"history-changed/{row}" for row in (5, OPEN_ROW, OPEN_ROW + 1)}
    assert "after its month was sealed" in last["history-changed/5"]
    assert "since the last run" in last[f"history-changed/{OPEN_ROW + 1}"]


@pytest.mark.slow
def test_a_column_is_added_between_two_runs(platform: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two runs of this version: the next one reads everything, compares what both have, and goes on with the new column."""
    run(platform, 2)
    with_another(monkeypatch)
    edit(platform, OPEN_ROW + 1, amount_paisa=1)
    result = run(platform, 2.5)
    assert not any("were not read again" in note for note in result.notes), (
        "the pieces of the mirror do not have the column"
    )
    assert set(changed(result)) == {f"history-changed/{row}" for row in (OPEN_ROW, OPEN_ROW + 1)}
    assert any("were not read again" in note for note in run(platform, 2.6).notes)
    edit(platform, OPEN_ROW + 2, description="something else")
    assert f"history-changed/{OPEN_ROW + 2}" in changed(run(platform, 3, full=True)), (
        "the new column counts from then on"
    )
    edit(platform, OPEN_ROW, amount_paisa=Ledger.amount_paisa - 7)
    edit(platform, OPEN_ROW + 2, description=None)
    monkeypatch.undo()
    for value in ("INVESTIGATE",):
        monkeypatch.setenv(value, "false")
    monkeypatch.chdir(Path(str(platform.url.database)).parent)
    assert OPEN_ROW not in {int(key.rsplit("/", 1)[1]) for key in changed(run(platform, 3.5))}, (
        "and the column may go again"
    )


@pytest.mark.slow
def test_new_seals_name_their_format_and_columns(platform: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A month that is sealed with one more column is compared with it, the older ones without."""
    with_another(monkeypatch)
    edit(platform, OPEN_ROW, amount_paisa=Ledger.amount_paisa - 7)
    assert changed(run(platform, 10)) == {}
    seals = store_of(SETTINGS, platform).logged().seals
    assert [seal.format for seal in seals.values()] == [1, 1, 1, 2]
    assert [name for name, _ in seals[202611].columns] == list(INPUTS["ledger"].columns)
    found = verify(platform, SETTINGS)
    assert (found.problems, found.moved.height, found.notes) == ((), 0, ())
    edit(platform, OPEN_ROW, description="something else")
    edit(platform, 5, description="something else")
    assert set(changed(run(platform, 11))) == {f"history-changed/{OPEN_ROW}"}
    path = store_of(SETTINGS, platform).folder / seals[202608].file
    path.unlink()
    assert rebuild(platform, SETTINGS, "2026-08", NOW + timedelta(days=12)).root == seals[202608].root


@pytest.mark.slow
def test_a_column_that_is_not_read_any_more_is_said(platform: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest of the row is compared; that this was not makes the run INCOMPLETE, or stands beside what it found."""
    edit(platform, OPEN_ROW, amount_paisa=Ledger.amount_paisa - 7)
    run(platform, 2)
    columns = {name: kind for name, kind in INPUTS["ledger"].columns.items() if name != "level_depth"}
    folder = store_of(SETTINGS, platform)
    from mlm_audit.history import month_files

    monkeypatch.setattr(month_files, "ledger_columns", lambda: tuple(columns.items()))
    found = verify(platform, SETTINGS)
    assert found.moved.is_empty()
    assert [note for note in found.notes if "this version does not read the sealed column level_depth" in note]
    edit(platform, 5, level_depth=9)
    assert verify(platform, SETTINGS).moved.is_empty()
    edit(platform, 6, ref="another")
    assert verify(platform, SETTINGS).moved["ledger_id"].to_list() == [6]
    (folder.folder / folder.logged().seals[202608].file).unlink()
    assert any("the root of the month could not be compared" in note for note in verify(platform, SETTINGS).notes)


def test_an_entry_of_a_later_version_is_not_skipped(platform: Engine) -> None:
    store = store_of(SETTINGS, platform)
    body = store.chain.read().entries[-1].body
    whole = store.chain.path.read_bytes()
    for kind, content, words in (
        ("sealed", body | {"format": 3, "columns": []}, "its format is 3, which this version does not know"),
        ("notarised", {}, "its kind is 'notarised', which this version does not know"),
        ("run", {"job_id": "x"}, "its content cannot be read"),
    ):
        store.chain.append(kind, content, NOW)
        [problem] = store.logged().problems
        assert words in problem.what
        store.chain.path.write_bytes(whole)


# Evidence packs of the first format.


def pack(name: str) -> tuple[bytes, str]:
    with zipfile.ZipFile(FORMAT_1) as archive:
        return archive.read(name), archive.read("key.txt").decode().strip()


@pytest.mark.parametrize("name", ["month.zip", "member.zip"])
def test_an_old_pack_is_valid_as_its_version_says(name: str) -> None:
    found = verify_pack(*pack(name))
    assert (found["format"], found["entries"], found["month"]) == (1, 3, 202610)
    assert found["rows"] > 0
    assert any("a month sealed in format 1" in line for line in found["not_proven"])
    assert any("prefer a pack of format 2" in line for line in found["not_proven"])


def files_of(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.slow
def test_a_row_proves_nothing_at_the_place_of_another() -> None:
    """Also in an old pack, and with the key: its siblings say on which side they stand, which must be what its place says."""
    data, _ = pack("member.zip")
    files, forged = files_of(data), Ed25519PrivateKey.generate()
    public = forged.public_key().public_bytes_raw().hex()
    rows = [json.loads(line) for line in files["rows.jsonl"].splitlines()]
    assert verify_pack(signed(files, forged), public)["rows"] == len(rows)
    for place in range(rows[0]["place"] + 1, rows[-1]["place"] + 3):
        if place in [row["place"] for row in rows]:
            continue
        copy = sorted([*rows, rows[0] | {"place": place}], key=lambda row: row["place"])
        text = "".join(json.dumps(row) + "\n" for row in copy).encode()
        with pytest.raises(BrokenError, match="place"):
            verify_pack(signed(files | {"rows.jsonl": text}, forged), public)


@pytest.mark.slow
def test_a_new_pack_is_not_taken_for_an_old_one(platform: Engine, tmp_path: Path) -> None:
    """Relabelled with the key, its log gives it away; with the log cut to what the old version wrote, the head is another."""
    from mlm_audit.history.evidence import PackScope, make_pack
    from mlm_audit.history.signing_key import key_of, make_key

    run(platform, 2)
    make_key(SETTINGS)
    data, forged = make_pack(platform, SETTINGS, PackScope("2026-10", member=2), NOW), key_of(SETTINGS)
    public, files = forged.public_key().public_bytes_raw().hex(), files_of(data)
    found = verify_pack(data, public)
    assert (found["format"], found["head"]) == (2, store_of(SETTINGS, platform).chain.read().head)
    for number, words in (
        (1, "was written by a later version"),
        (3, "which this program does not know"),
        ("2", "does not know"),
    ):
        manifest = json.dumps(json.loads(files["manifest.json"]) | {"format": number}).encode()
        with pytest.raises(BrokenError, match=words):
            verify_pack(signed(files | {"manifest.json": manifest}, forged), public)
    rows = [json.loads(line) for line in files["rows.jsonl"].splitlines()]
    changes: dict[str, Any]
    for changes in (
        {"place": rows[1]["place"]},
        {"place": -1},
        {"place": 10**6},
        {"proof": []},
        {"proof": rows[1]["proof"]},
    ):
        text = "".join(json.dumps(row) + "\n" for row in [rows[0] | changes, *rows[1:]]).encode()
        with pytest.raises(BrokenError, match="place|appears twice"):
            verify_pack(signed(files | {"rows.jsonl": text}, forged), public)
    cut = b"".join(files["log.jsonl"].splitlines(keepends=True)[:3])
    (tmp_path / "cut.jsonl").write_bytes(cut)
    head = ChainedLog(tmp_path / "cut.jsonl").read().head
    manifest = json.dumps(json.loads(files["manifest.json"]) | {"format": 1, "head": head}).encode()
    old_rows = [row | {"proof": [["left", one] for one in row["proof"]]} for row in rows]
    text = "".join(json.dumps(row) + "\n" for row in old_rows).encode()
    with pytest.raises(BrokenError, match="place|appears twice"):
        verify_pack(signed(files | {"manifest.json": manifest, "log.jsonl": cut, "rows.jsonl": text}, forged), public)
    assert head != found["head"], "and whoever kept the head sees that it is another"


@pytest.mark.slow
def test_a_word_in_another_spelling_is_no_change(platform: Engine) -> None:
    """Words are compared trimmed and case-folded; what was sealed before they were read so is not reported as changed."""
    known = changed(run(platform, 2))
    with platform.connect() as connection:
        row = connection.execute(select(Ledger.id, Ledger.type).order_by(Ledger.id).limit(1)).one()
    edit(platform, row.id, type=f" {row.type.upper()} ")
    assert changed(run(platform, 3)).keys() == known.keys()
    edit(platform, row.id, type="bonus")
    assert changed(run(platform, 4)).keys() == {*known, f"history-changed/{row.id}"}
