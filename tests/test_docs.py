"""Docs that can fail: the generated reference is what the code says, and the README's commands exist."""

import re
from pathlib import Path

import pytest

from mlm_audit.cli.app import application
from tests.support.reference import DOCS, PAGES

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("page", PAGES)
def test_reference_is_up_to_date(page: str) -> None:
    assert (DOCS / page).read_text(encoding="utf-8") == PAGES[page](), "run `make docs`"


def test_readme_and_docs_name_commands_that_exist() -> None:
    known = set(application())
    for path in [*ROOT.glob("*.md"), *DOCS.rglob("*.md")]:
        for block in re.findall(r"^```console\n(.*?)^```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
            for command in re.findall(r"^\s*(?:\.venv/bin/)?mlm-audit ([a-z-]+)", block, re.MULTILINE):
                assert command in known, (path, command)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and MkDocs form them."""
    titles = re.findall(
        r"^#+ (.+)$",
        re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL),
        re.MULTILINE,
    )
    plain = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).replace("`", "").lower() for title in titles)
    return {re.sub(r"[^\w\- ]", "", title).strip().replace(" ", "-") for title in plain}


def test_links_lead_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *DOCS.rglob("*.md"), ROOT / "flows" / "README.md"]
    for path in pages:
        for target, anchor in re.findall(r"\]\(([^)#:\s]*)(?:#([^)]+))?\)", path.read_text(encoding="utf-8")):
            found = path.parent / target if target else path
            assert found.exists(), (path, target)
            assert not anchor or anchor in anchors(found), (path, target, anchor)


def test_pages_that_the_code_names_exist() -> None:
    paths = [
        p
        for pattern in ("mlm_audit/**/*.py", "mlm_audit/**/*.sql", "flows/*.*", "notebooks/*.py")
        for p in ROOT.glob(pattern)
    ]
    for path in [*paths, ROOT / "pyproject.toml", ROOT / "Makefile"]:
        for page in re.findall(r"\bdocs/[\w/.-]+\.md", path.read_text(encoding="utf-8")):
            assert (ROOT / page).exists(), (path, page)


def test_the_readme_is_short_and_shows_a_picture() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.split()) <= 600
    assert re.search(r"!\[[^\]]+\]\(docs/images/report\.png\)", text)
    assert text.index("## For the operator") < text.index("## For the analyst") < text.index("## For the finance lead")


def test_make_targets_that_the_readme_names_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(
        r"`make ([a-z]+)", "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("*.md"))
    ):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_scorecard_in_the_docs_is_complete_and_perfect() -> None:
    from mlm_audit.demo.faults import CATALOGUE

    rows = re.findall(
        r"^\| ([a-z-]+) \| (\d+) \| (\d+) \| (\d+) \| \d+ \| (\d+) \|(?: [^|]* \|)?$",
        (DOCS / "scorecard.md").read_text(),
        re.MULTILINE,
    )
    assert {row[0] for row in rows} == {fault.code for fault in CATALOGUE}, (
        "write docs/scorecard.md with make scorecard"
    )
    assert all(places == found and unrelated == "0" for _, places, found, _, unrelated in rows)


def test_lock_files_name_no_address_and_agree() -> None:
    texts = [(ROOT / "requirements" / f"{name}.txt").read_text() for name in ("lock", "lab", "site", "image")]
    lock, *others = (dict(re.findall(r"^([a-z0-9-]+)==(\S+)", text, re.MULTILINE)) for text in texts)
    for text in texts:
        assert "://" not in text
        assert "--hash=sha256:" in text
    for pins in others:
        assert all(lock.get(name, version) == version for name, version in pins.items()), (
            "`make lock` makes all of them"
        )
    assert "jupyterlab" in others[0].keys() - lock.keys()
    assert "mkdocs-material" in others[1].keys() - lock.keys()
    image = others[2]
    assert image.items() <= lock.items(), "the image has what the tests have, and less"
    assert {"prefect", "fastapi", "papermill", "hatchling"} <= image.keys()
    assert not {"pyspark", "pytest", "playwright"} & image.keys()
