"""The pages in a real browser: nothing loaded, nothing wide, nothing axe objects to, usable by keyboard and without script."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route

from mlm_audit.console.pages import REPORT_POLICY
from mlm_audit.domain.findings import RunResult
from mlm_audit.reporting.core.run_folder import write_files
from mlm_audit.reporting.index import write_index
from tests.conftest import IST
from tests.support.browser import chromium
from tests.support.results import payouts, reconciliation, sweep, tree

# A browser takes more than a second, and many more where the clock is another.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("report-pages")]
MADE: dict[str, Callable[..., Any]] = {
    "reconciliation": reconciliation,
    "tree": tree,
    "payouts-ahead": payouts,
    "payouts": lambda count, **more: payouts(count, dry_run=False, **more),
    "sweep": sweep,
}
THOROUGH = pytest.mark.thorough  # some four seconds each
SIZES: list[Any] = [("reconciliation", 1), ("reconciliation", 500), ("payouts-ahead", 1)]
SIZES += [
    pytest.param(name, count, marks=THOROUGH) for name in MADE for count in (0, 1, 500) if (name, count) not in SIZES
]
SIZES += [pytest.param("reconciliation", 50_000, marks=THOROUGH)]
PHONE, DESK = {"width": 360, "height": 740}, {"width": 1200, "height": 900}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def look(browser: Browser) -> Iterator[Any]:
    """Opens a file and collects what it asks for and complains of."""
    contexts = []

    def opened(path: Path, **options: Any) -> Page:
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        asked, said = list[str](), list[str]()
        page.asked, page.said = asked, said
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(path.as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()


def written(result: RunResult, folder: Path) -> Path:
    return Path(write_files(result, folder, IST).reports["html"])


def wide(page: Page) -> int:
    width: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return width


def examine(look: Any, path: Path) -> None:
    """Light on a services, dark on a phone: each colour and each width once."""
    for scheme, viewport in (("light", DESK), ("dark", PHONE)):
        page = look(path, viewport=viewport, color_scheme=scheme)
        where = (path, scheme, viewport)
        assert page.asked == [path.as_uri()], where
        assert page.said == [], where
        assert wide(page) == 0, where
        # Everything open is what there is to see; closed details would hide faults from axe.
        page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert wide(page) == 0, where
        found = Axe().run(page)
        assert found.violations_count == 0, (where, found.generate_report())
        page.context.close()


@pytest.mark.parametrize(("name", "count"), SIZES)
def test_pages_of_every_size(look: Any, tmp_path: Path, name: str, count: int) -> None:
    path = written(MADE[name](count), tmp_path / "run")
    assert path.stat().st_size < 300_000
    examine(look, path)


@pytest.mark.parametrize("name", MADE)
def test_hostile_content_is_only_text(look: Any, tmp_path: Path, name: str) -> None:
    path = written(MADE[name](25, hostile=True), tmp_path / "run")
    page = look(path)
    assert page.title().split(" · ")[0] in ("FAIL", "PASS", "PAY", "HOLD")
    assert page.locator("main style, main script, main img").count() == 0
    text = page.content()
    assert "\u202e" not in text
    assert "⟨U+202E⟩" in text or name.startswith("payouts")
    assert "49" not in page.locator("bdi").all_inner_texts()
    csv = (path.parent / ("items.csv" if name in ("payouts", "payouts-ahead", "sweep") else "breaks.csv")).read_text(
        "utf-8-sig"
    )
    assert "=cmd|" not in csv.replace("'=cmd|", "").replace("[=cmd|", "").replace("/=cmd|", "").replace('""=cmd|', "")


@pytest.mark.thorough
@pytest.mark.parametrize("name", MADE)
def test_hostile_content_looks_no_worse(look: Any, tmp_path: Path, name: str) -> None:
    examine(look, written(MADE[name](25, hostile=True), tmp_path / "run"))


@pytest.mark.parametrize("runs", [1, pytest.param(0, marks=THOROUGH), pytest.param(500, marks=THOROUGH)])
def test_the_index(look: Any, tmp_path: Path, runs: int) -> None:
    kinds = [reconciliation(6), tree(4), payouts(8, dry_run=False), sweep(9)]
    for number in range(runs):
        result = kinds[number % 4]
        name = f"{result.job_id[:-4]}{number:04x}".replace("2026-11", f"2026-{1 + number % 12:02}")
        written(replace(result, job_id=name), tmp_path / name)
    if runs > 1:
        (tmp_path / "torn-2026-11-24-000000-0000").mkdir()
        (tmp_path / "torn-2026-11-24-000000-0000" / "result.json").write_text('{\n "job": "<b>torn')
    path = write_index(tmp_path, IST)
    assert path.stat().st_size < 500_000
    examine(look, path)


def test_sorting_and_finding_by_keyboard(look: Any, tmp_path: Path) -> None:
    page = look(written(reconciliation(60), tmp_path / "run"), viewport=DESK)
    rows = page.locator("table.js tbody tr")
    assert rows.count() == 60
    page.locator(".tools input").focus()
    page.keyboard.type("credit twice 1008")
    assert page.locator("table.js tbody tr:visible").count() == 1
    assert "1 of 60 breaks" in page.locator(".tools output").inner_text()
    page.keyboard.press("Control+A")
    page.keyboard.press("Delete")
    page.keyboard.press("Tab")
    page.keyboard.type("low")  # the select's own way of choosing
    assert set(page.locator("table.js tbody tr:visible").evaluate_all("rows => rows.map(r => r.dataset.pick)")) == {
        "low"
    }
    page.locator(".tools select").select_option("")
    amount = page.locator("table.js th button", has_text="Amount")
    for key, order in (("Enter", "descending"), ("Space", "ascending")):
        amount.focus()
        page.keyboard.press(key)
        assert page.locator("table.js th[aria-sort]").get_attribute("aria-sort") == order
        values = [int(v) for v in rows.evaluate_all("rows => rows.map(r => r.cells[4].dataset.v)")]
        assert values == sorted(values, reverse=order == "descending")
    page.locator("table.js th button", has_text="Severity").press("Enter")
    assert rows.first.get_attribute("data-pick") == "critical"
    scroll = page.get_by_role("region", name="Largest breaks")
    scroll.focus()
    assert scroll.evaluate("region => region === document.activeElement")


def test_without_script_everything_is_there(look: Any, tmp_path: Path) -> None:
    page = look(written(reconciliation(60), tmp_path / "run"), java_script_enabled=False, viewport=PHONE)
    assert page.locator(".tools").first.is_hidden()
    assert page.locator("table.break tbody tr:visible").count() == 60
    page.locator("summary").first.click()
    assert page.locator("details[open] table").first.is_visible(), "details open without script"


def test_a_foreign_script_does_not_run(look: Any, tmp_path: Path) -> None:
    path = written(reconciliation(3), tmp_path / "run")
    spoilt = path.with_name("spoilt.html")
    html = path.read_text(encoding="utf-8")
    spoilt.write_text(html.replace("<h1>", "<script>document.title='gone'</script><h1>"), encoding="utf-8")
    page = look(spoilt)
    assert page.title() != "gone"
    assert any("Content Security Policy" in message for message in page.said)
    assert page.locator("table.js").count() == 1


def test_the_script_runs_in_the_consoles_sandbox(browser: Browser, tmp_path: Path) -> None:
    html = written(reconciliation(3), tmp_path / "run").read_text(encoding="utf-8")
    page = browser.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))

    def answer(route: Route) -> None:
        headers = {"Content-Security-Policy": REPORT_POLICY, "Content-Type": "text/html; charset=utf-8"}
        route.fulfill(body=html, headers=headers)

    page.route("http://console.invalid/**", answer)
    page.goto("http://console.invalid/reports/run/report.html")
    assert page.locator("table.js").count() == 1
    assert page.locator("table.js th button").first.is_visible()
    assert said == []
    page.close()


def test_print_shows_what_is_folded_away(look: Any, tmp_path: Path) -> None:
    page = look(written(reconciliation(5), tmp_path / "run"), viewport={"width": 794, "height": 1123})
    page.emulate_media(media="print")
    assert page.locator(".cause details ul").first.bounding_box()["height"] > 0
    assert page.locator(".tools").first.is_hidden()
    assert page.pdf(format="A4").startswith(b"%PDF")
