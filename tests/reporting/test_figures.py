"""One run, all its faces: report, notebook, mail, console, terminal and JSON say the same figures with the same names."""

import json
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

import mlm_audit
from mlm_audit.checks.figures import at_risk_by_cause, figures_of, money_at_risk
from mlm_audit.checks.findings import make_finding
from mlm_audit.checks.roots import FOLLOWS
from mlm_audit.cli.app import application
from mlm_audit.demo.faults import FAULTS, inject
from mlm_audit.demo.platform import Platform
from mlm_audit.domain.figures import LABELS, Figures, figures_from
from mlm_audit.domain.findings import Evidence, Finding, finding_document, finding_from
from mlm_audit.domain.money import format_money
from mlm_audit.domain.settings import Settings
from mlm_audit.reporting.core.parts import figure_rows
from tests.conftest import NOW, clean_platform, settings_for
from tests.console.conftest import open_console
from tests.support.mails import outbox, text_of


@pytest.fixture
def faulty(sqlite_url: str, filled: Callable[[str, Platform], Engine]) -> Engine:
    """A platform with every standard kind of fault, once."""
    platform = clean_platform().copy()
    kinds = [code for code, fault in FAULTS.items() if fault.in_standard]
    inject(platform, dict.fromkeys(kinds, 1), FAULTS, seed=5, exact=False)
    return filled(sqlite_url, platform)


@pytest.fixture
def settings(sqlite_url: str, tmp_path: Path) -> Settings:
    given = {"outbox_dir": tmp_path / "outbox", "disk_free_min_mb": 0}
    return settings_for(sqlite_url, tmp_path / "runs").model_copy(update=given)


@pytest.mark.slow
def test_every_face_of_a_run_says_the_same(
    faulty: Engine,
    settings: Settings,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr("mlm_audit.cli.run.clock", lambda: NOW)
    monkeypatch.setattr("mlm_audit.cli.run.load_settings", lambda **_: settings)
    for name in ("RUNS_DIR", "OUTBOX_DIR"):
        monkeypatch.setenv(name, str(getattr(settings, name.lower())))
    monkeypatch.setenv("SEAL_AFTER_DAYS", "366")
    with pytest.raises(SystemExit) as ended:
        application()(
            ["run", "reconciliation", "--db", settings.database_url.get_secret_value() if settings.database_url else ""]
        )
    assert ended.value.code in (0, None)
    terminal = capsys.readouterr().out
    [folder] = (path.parent for path in settings.runs_dir.glob("*/result.json"))
    document = json.loads((folder / "result.json").read_text())
    figures = figures_from(document["figures"])
    assert figures.is_corrected, "the platform has a small drift"
    assert min(paisa for _, paisa in figures.after.labelled() if paisa) != 0
    rows = dict(figure_rows(figures))
    assert list(rows) == [label for name, label in LABELS.items() if name != "breaks"]

    page, status = _console(faulty, tmp_path)
    faces = {
        "report": _text(folder / "report.html"),
        "terminal": terminal,
        "mail": text_of(outbox(tmp_path, "reconciliation-alert")[0]),
        "console page": page,
    }
    for face, text in faces.items():
        for label, value in rows.items():
            assert re.search(rf"{re.escape(label)}:?\s+{re.escape(value)}", text), (face, label, value)
        assert document["verdict"] in text, face
    run = mlm_audit.connect(settings.database_url.get_secret_value() if settings.database_url else "").last_run()
    assert run is not None
    assert (run.figures, run.verdict, dict(run.story.facts)) == (figures, document["verdict"], rows)
    for face, text in (faces | {"notebook": str(run)}).items():
        if face != "console page":
            assert run.sentence in " ".join(text.split()), face
    assert run.figures.after.breaks == run.breaks.height == len(document["findings"]) - len(document["fixed"])
    [job] = [job for job in status["jobs"] if job["job"] == "commission-reconciliation"]
    assert (job["last"]["figures"], job["last"]["verdict"]) == (document["figures"], document["verdict"])
    # The causes of the report and of the notebook, one by one.
    by_cause = {row["cause"]: row["at_risk_paisa"] for row in run.story.table("causes").rows}
    for cause, paisa in by_cause.items():
        assert re.search(rf"{re.escape(cause)}.{{0,200}}{re.escape(format_money(paisa))}", faces["report"]), (
            cause,
            paisa,
        )
    assert sum(by_cause.values()) == figures.after.money_at_risk_paisa


def _text(path: Path) -> str:
    html = re.sub(r"<(style|script)>.*?</\1>", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def _console(database: Engine, folder: Path) -> tuple[str, dict[str, Any]]:
    with open_console(database, folder) as console:
        person = console.client()
        assert person.post("/login", data={"token": console.tokens["viewer"]}).status_code == 303
        page = person.get("/api/admin/jobs", headers={"Accept": "text/html"}).text
        status = console.client("viewer").get("/api/admin/jobs", params={"action": "status"}).json()
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split()), status


def _break(code: str, key: object, paisa: int | None, cause: str = "a", **values: Any) -> Finding:
    return make_finding(code, key, "high", "", amount_paisa=paisa, cause=cause, **values)


def test_money_that_several_checks_see_is_at_risk_once() -> None:
    found = [
        _break("wallet-balance", 7, 100, member_id=7),
        _break("duplicate-credit", 9, 100, member_id=7, order_id=9),
        _break("conservation", 9, 100, order_id=9),
        _break("wallet-balance", 8, -30, member_id=8),
        _break("wallet-balance", 7, 5, "b", member_id=7),
    ]
    figures = figures_of(found, ["wallet-balance/8"])
    assert at_risk_by_cause(found) == {"a": 130, "b": 5}
    assert (figures.before.money_at_risk_paisa, figures.before.sum_of_findings_paisa) == (135, 335)
    assert (figures.before.wallet_difference_gross_paisa, figures.before.wallet_difference_net_paisa) == (135, 75)
    assert (figures.after.wallet_difference_gross_paisa, figures.after.breaks) == (105, 4)


def _following(code: str, key: object, paisa: int, root: str, **values: Any) -> Finding:
    return _break(
        code,
        key,
        paisa,
        FOLLOWS,
        evidence=(Evidence({"table": "order", "id": 1, "facts": {"root_id": root}}),),
        **values,
    )


@pytest.mark.parametrize("stored", [False, True])
def test_what_follows_from_a_root_counts_with_it(stored: bool) -> None:
    found = [
        _break("joining-flag", 4, None, "joining-flag", member_id=1, order_id=4),
        _following("commission-missing", "4/1", 60, "joining-flag/4", member_id=2, order_id=4),
        _following("commission-missing", "4/2", 40, "joining-flag/4", member_id=3, order_id=4),
        _following("conservation", 4, 90, "commission-missing/4/1", order_id=4),
        _following("commission-missing", "5/1", 11, "joining-flag/5", order_id=5),
        _break("payout-ledger", 6, 25, "lost-payout", member_id=6),
        _following("payout-history", 6, 25, "payout-ledger/6", member_id=6),
        _break("matrix-lines", 7, None, "place", member_id=7),
        *(_following("commission-beneficiary", f"{n}/1", 10, "matrix-lines/7", order_id=n) for n in (70, 71, 72)),
    ]
    if stored:
        rows = map(finding_document, found)
        found = [finding_from(row | {"evidence": json.dumps(row["evidence"])}) for row in rows]
    expected = {"joining-flag": 100, FOLLOWS: 11, "lost-payout": 25, "place": 30}
    assert at_risk_by_cause(found) == expected
    assert money_at_risk(found) == sum(expected.values())


def test_cleared_breaks_count_nowhere() -> None:
    assert figures_of([_break("wallet-balance", 1, 9, member_id=1, state="cleared")]) == Figures()
