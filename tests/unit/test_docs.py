"""Docs that can fail: the generated reference is what the code says, and the README's commands exist."""

import re
from pathlib import Path

import pytest

from mlm_audit.cli.app import application
from tests.reference import DOCS, PAGES

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("page", PAGES)
def test_reference_is_up_to_date(page: str) -> None:
    assert (DOCS / page).read_text(encoding="utf-8") == PAGES[page](), "run `make docs`"


def test_readme_and_docs_name_commands_that_exist() -> None:
    known = set(application())
    for path in [*ROOT.glob("*.md"), *DOCS.rglob("*.md")]:
        for command in re.findall(r"^\s*(?:\.venv/bin/)?mlm-audit ([a-z-]+)", path.read_text(encoding="utf-8"), re.MULTILINE):
            assert command in known, (path, command)


def test_readme_links_lead_somewhere() -> None:
    for path in [*ROOT.glob("*.md"), *DOCS.rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text(encoding="utf-8")):
            assert (path.parent / target).exists(), (path, target)


def test_the_readme_is_short_and_shows_a_picture() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.split()) <= 600
    assert re.search(r"!\[[^\]]+\]\(docs/images/report\.png\)", text)
    assert text.index("## For the operator") < text.index("## For the analyst") < text.index("## For the finance lead")


def test_make_targets_that_the_readme_names_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"`make ([a-z]+)", "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("*.md"))):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_scorecard_in_the_docs_is_complete_and_perfect() -> None:
    from mlm_audit.demo.faults import ALL_FAULTS

    rows = re.findall(
        r"^\| ([a-z-]+) \| (\d+) \| (\d+) \| (\d+) \| \d+ \| (\d+) \|(?: [^|]* \|)?$",
        (DOCS / "scorecard.md").read_text(),
        re.MULTILINE,
    )
    assert {row[0] for row in rows} == set(ALL_FAULTS)
    assert all(places == found and unrelated == "0" for _, places, found, _, unrelated in rows)


def test_lock_files_name_no_address_and_agree() -> None:
    lock, lab = ((ROOT / "requirements" / f"{name}.txt").read_text() for name in ("lock", "lab"))
    pins = [dict(re.findall(r"^([a-z0-9-]+)==(\S+)", text, re.MULTILINE)) for text in (lock, lab)]
    for text in (lock, lab):
        assert "://" not in text
        assert "--hash=sha256:" in text
    assert all(pins[0].get(name, version) == version for name, version in pins[1].items()), "`make lock` makes both"
    assert "jupyterlab" in pins[1].keys() - pins[0].keys()
