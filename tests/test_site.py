"""The site of the documentation: every page is in the navigation, and nothing is loaded from another server."""

from pathlib import Path

import pytest
import yaml

from docs.site_hooks import ROOT, ROOT_PAGES, external_assets, linked_sources, with_site_links
from mlm_audit.cli.app import COMMANDS
from tests.support.reference import DOCS, command_groups

SITE = ROOT / "site"


def places(nav: object) -> list[str]:
    """The pages of a part of the navigation."""
    if isinstance(nav, str):
        return [nav]
    return [place for part in (nav.values() if isinstance(nav, dict) else nav) for place in places(part)]


def test_every_page_is_in_the_navigation_once() -> None:
    nav = places(yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"])
    pages = [path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")]
    assert sorted(nav) == sorted([*pages, *ROOT_PAGES.values()])


def test_every_command_is_on_a_page_and_no_page_is_left_over() -> None:
    folder = DOCS / "reference" / "commands"
    assert {path.stem for path in folder.glob("*.md")} == {"index", *command_groups()}
    for page, names in command_groups().items():
        text = (folder / f"{page}.md").read_text(encoding="utf-8")
        assert all(f"# mlm-audit {name}\n" in text for name in names), page
    assert sorted(name for names in command_groups().values() for name in names) == sorted(COMMANDS)


@pytest.mark.parametrize(
    "asset",
    [
        '<script src="https://cdn.example/x.js"></script>',
        "<img alt='' src='//cdn.example/x.png'>",
        '<link href="http://cdn.example/x.css" rel="stylesheet">',
        '<link rel="preconnect" href="https://fonts.example">',
        "<style>@font-face{src:url(https://fonts.example/x.woff2)}</style>",
        '<style>@import "https://cdn.example/x.css";</style>',
    ],
)
def test_an_external_asset_is_found(asset: str, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(f"<html>{asset}</html>", encoding="utf-8")
    assert len(external_assets(tmp_path)) == 1


def test_links_that_load_nothing_are_no_assets(tmp_path: Path) -> None:
    text = '<a href="https://example.org">a page</a><img src="x.png"><link rel="canonical" href="https://example.org/">'
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    assert external_assets(tmp_path) == []


@pytest.mark.skipif(not SITE.exists(), reason="the site has not been built (`make site`)")
def test_the_built_site_loads_nothing_from_another_server() -> None:
    assert external_assets(SITE) == []


def test_links_are_rewritten_for_the_site() -> None:
    text = "[a](docs/decisions/README.md) [b](CONTRIBUTING.md) [c](mlm_audit/domain/jobs.py) [d](#part) [e](https://example.org)"
    assert with_site_links(text, ROOT / "ARCHITECTURE.md", ROOT_PAGES["ARCHITECTURE.md"]) == (
        "[a](../decisions/README.md) [b](contributing.md) [c](../source/mlm_audit/domain/jobs.py.txt) [d](#part) "
        "[e](https://example.org)"
    )
    assert linked_sources(text, ROOT / "ARCHITECTURE.md") == {ROOT / "mlm_audit/domain/jobs.py"}


def test_pictures_are_small_and_each_is_shown() -> None:
    shown = "".join(path.read_text(encoding="utf-8") for path in [*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
    for path in (DOCS / "images").iterdir():
        assert path.stat().st_size < 150 * 1024, path
        assert f"images/{path.name})" in shown, path


def test_the_finance_page_can_be_read_in_a_few_minutes() -> None:
    words = (DOCS / "finance" / "how-to-read-a-report.md").read_text(encoding="utf-8").split()
    assert 400 <= sum(any(letter.isalpha() for letter in word) for word in words) <= 800
