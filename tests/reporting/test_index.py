"""The index of all runs: complete whoever writes it, cheap, and not put off by a damaged folder."""

import json
import os
import threading
from concurrent.futures import ProcessPoolExecutor
from cProfile import Profile
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from mlm_audit.reporting import index
from mlm_audit.reporting.core.run_folder import replace_text, write_files
from mlm_audit.reporting.index import INDEX, find_runs, head_of, index_of, write_index
from tests.conftest import IST
from tests.support.results import payouts, reconciliation, sweep


def run(folder: Path, stamp: str, count: int = 3, job: str = "reconciliation") -> str:
    name = f"{job}-{stamp}-abcd"
    result = {"reconciliation": reconciliation, "weekly-payouts": payouts, "monthly-sweep": sweep}[job](count)
    write_files(replace(result, job_id=name), folder / name, IST)
    return name


def test_newest_first_with_what_and_links(tmp_path: Path) -> None:
    names = [
        run(tmp_path, "2026-11-22-040000", 3),
        run(tmp_path, "2026-11-24-040000", 5),
        run(tmp_path, "2026-11-23-040000", 9),
    ]
    run(tmp_path, "2026-11-23-060000", 8, "weekly-payouts")
    seen = index_of(tmp_path, find_runs(tmp_path, IST), IST)
    assert [listed.folder for listed in seen.runs if listed.job == "commission-reconciliation"] == [
        names[1],
        names[2],
        names[0],
    ]
    assert seen.runs[0].what.startswith("5 open, wallet difference ₹")
    assert seen.runs[0].files == ("report.html", "breaks.csv", "result.json")
    first = next(job for job in seen.jobs if job.name == "commission-reconciliation")
    assert first.trend is not None
    assert [row[0] for row in first.trend.rows] == ["2026-11-24", "2026-11-23", "2026-11-22"]
    assert next(job for job in seen.jobs if job.name == "weekly-payouts").trend is None, "a look ahead is no run"
    html = write_index(tmp_path, IST).read_text(encoding="utf-8")
    assert f'href="{names[1]}/report.html"' in html


@pytest.mark.parametrize(
    "damage",
    [
        "",
        "{",
        '{"job": 5}',
        "[]",
        "null",
        '{\n "job": "x",\n "counts": {}',
        "\x00" * 50,
        '{"job": "x", "verdict": "PASS", "counts": 1}',
        '{"job": "weekly-payouts", "verdict": "PASS", "counts": {}, "started_at": "2026-11-24", "dry_run": false}',
        '{"job": "x", "verdict": "<b>", "counts": {}, "started_at": "2026-11-24", "dry_run": false}',
    ],
)
def test_a_damaged_result_is_listed_as_unreadable(tmp_path: Path, damage: str) -> None:
    run(tmp_path, "2026-11-24-040000")
    (tmp_path / "torn-2026-11-25-040000-0000").mkdir()
    (tmp_path / "torn-2026-11-25-040000-0000" / "result.json").write_text(damage)
    seen = index_of(tmp_path, find_runs(tmp_path, IST), IST)
    assert [listed.job for listed in seen.runs] == ["", "commission-reconciliation"]
    assert seen.unreadable == 1
    html = write_index(tmp_path, IST).read_text(encoding="utf-8")
    assert "unreadable" in html
    assert "<b>" not in html


def test_other_folders_and_files_are_passed_over(tmp_path: Path) -> None:
    run(tmp_path, "2026-11-24-040000")
    (tmp_path / "history" / "0123").mkdir(parents=True)
    (tmp_path / "note.txt").write_text("mine")
    (tmp_path / "empty-2026-11-25-040000-0000").mkdir()
    run(tmp_path / "kept", "2026-11-20-040000")
    assert len(find_runs(tmp_path, IST)) == 1


def test_a_folder_with_another_name_is_dated_by_its_file(tmp_path: Path) -> None:
    run(tmp_path, "2026-11-24-040000")
    (tmp_path / "mine & yours").mkdir()
    write_files(reconciliation(2), tmp_path / "mine & yours", IST)
    os.utime(tmp_path / "mine & yours" / "result.json", (0, 0))
    assert [found.name for found in find_runs(tmp_path, IST)][-1] == "mine & yours"
    assert 'href="mine%20%26%20yours/report.html"' in write_index(tmp_path, IST).read_text(encoding="utf-8")


def test_only_the_head_is_read(tmp_path: Path) -> None:
    name = run(tmp_path, "2026-11-24-040000", 3_000)
    path = tmp_path / name / "result.json"
    assert path.stat().st_size > 2 * index.HEAD_BYTES
    head = head_of(path)
    assert head["counts"]["discrepancies_found"] == 3_000
    assert "findings" not in head
    path.write_bytes(path.read_bytes()[: index.HEAD_BYTES])
    assert head_of(path)["job"] == "commission-reconciliation", "what comes after the head may be torn"


def test_runs_written_by_older_versions_are_read(tmp_path: Path) -> None:
    name = run(tmp_path, "2026-11-24-040000", 3)
    path = tmp_path / name / "result.json"
    path.write_text(json.dumps(json.loads(path.read_text()), indent=1))
    assert index_of(tmp_path, find_runs(tmp_path, IST), IST).unreadable == 0


@pytest.mark.slow
def test_thousands_of_runs_cost_no_more_than_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = run(tmp_path, "2026-11-24-040000", 2)
    text = (tmp_path / name / "result.json").read_text()
    for number in range(3_000):
        folder = tmp_path / f"reconciliation-20{10 + number // 500}-01-01-{number:06}-0000"
        folder.mkdir()
        (folder / "result.json").write_text(text)
    read: list[Path] = []

    def counted(path: Path) -> Any:
        read.append(path)
        return head_of(path)

    monkeypatch.setattr(index, "head_of", counted)
    with Profile() as work:
        html = write_index(tmp_path, IST).read_text(encoding="utf-8")
    calls = sum(entry.callcount for entry in work.getstats())
    assert calls < 700_000, "counted, not timed: the same on every machine"
    assert len(read) == index.MOST_RUNS
    assert "This folder has 3,001 runs; the newest 500 are shown." in html
    assert len(html) < 400_000


def test_a_run_that_ends_meanwhile_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path, "2026-11-23-040000")
    write = replace_text
    late: list[str] = []

    def between(path: Path, text: str) -> None:
        if not late:
            late.append(run(tmp_path, "2026-11-24-040000"))
            write_index(tmp_path, IST)  # the other run's own index, which the first then overwrites
        write(path, text)

    monkeypatch.setattr(index, "replace_text", between)
    write_index(tmp_path, IST)
    assert late[0] in (tmp_path / INDEX).read_text(encoding="utf-8")


def _one(arguments: tuple[str, int]) -> str:
    folder, number = arguments
    name = run(Path(folder), f"2026-11-24-{number:06}", 2)
    write_index(Path(folder), IST)
    return name


@pytest.mark.slow
def test_many_runs_at_once(tmp_path: Path) -> None:
    stop, torn = threading.Event(), []

    def reads() -> None:
        while not stop.wait(0.01):
            path = tmp_path / INDEX
            if path.exists() and not path.read_text(encoding="utf-8").rstrip().endswith("</html>"):
                torn.append(1)

    reader = threading.Thread(target=reads)
    reader.start()
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:  # a forked child would inherit locks of other threads
        names = list(pool.map(_one, [(str(tmp_path), number) for number in range(16)]))
    stop.set()
    reader.join()
    html = (tmp_path / INDEX).read_text(encoding="utf-8")
    assert [name for name in names if name not in html] == []
    assert not torn
    assert not list(tmp_path.glob(".*"))
