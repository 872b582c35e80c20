"""Hooks of `make site`: pages from the root of the repository, links to source files, and a check that nothing is external."""

import os
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
ROOT_PAGES = {
    "ARCHITECTURE.md": "how-it-works/architecture.md",
    "CONTRIBUTING.md": "how-it-works/contributing.md",
    "SECURITY.md": "how-it-works/security.md",
    "CHANGELOG.md": "how-it-works/changelog.md",
}
"""Maps each page at the root of the repository to its place in the site."""
SOURCES = "source"
"""The folder of the site with the source files to which pages link."""
LINK = re.compile(r"(?<=\]\()([^)#:\s]+)")
ASSET = re.compile(
    r"<(?:script|img|iframe|source|video|audio|embed|object)\b[^>]*?\b(?:src|data)\s*=\s*[\"']?((?:https?:)?//[^\"'\s>]+)"
    r"|<link\b(?=[^>]*\brel=[\"']?(?:stylesheet|icon|preload|preconnect|prefetch|modulepreload|dns-prefetch))[^>]*?"
    r"\bhref\s*=\s*[\"']?((?:https?:)?//[^\"'\s>]+)"
    r"|url\(\s*[\"']?((?:https?:)?//[^\"')\s]+)|@import\s+[\"']((?:https?:)?//[^\"']+)",
    re.IGNORECASE,
)


def site_target(target: Path) -> str:
    """Return the place in the site of a file of the repository, relative to the root of the site's sources."""
    name = target.relative_to(ROOT).as_posix()
    if name in ROOT_PAGES:
        return ROOT_PAGES[name]
    if target.is_relative_to(DOCS):
        return target.relative_to(DOCS).as_posix()
    return f"{SOURCES}/{name}.txt"


def with_site_links(text: str, page: Path, place: str) -> str:
    """Return the text of a page with its links rewritten for its place in the site.

    A link to a source file leads to a copy of that file, since the site must work without a repository on the web.
    """

    def rewritten(match: re.Match[str]) -> str:
        target = Path(os.path.normpath(page.parent / match[1]))
        if not target.is_file() or not target.is_relative_to(ROOT):
            return match[1]
        return os.path.relpath(site_target(target), Path(place).parent).replace(os.sep, "/")

    return LINK.sub(rewritten, text)


def linked_sources(text: str, page: Path) -> set[Path]:
    """Return the source files outside the documentation to which a page links."""
    targets = (Path(os.path.normpath(page.parent / link)) for link in LINK.findall(text))
    return {
        target
        for target in targets
        if target.is_file() and target.is_relative_to(ROOT) and site_target(target).startswith(f"{SOURCES}/")
    }


def external_assets(folder: Path) -> list[str]:
    """Return every script, style, picture and font of a built site that a browser would load from another server."""
    pages = (path for path in sorted(folder.rglob("*")) if path.suffix in {".html", ".css", ".svg"})
    return [
        f"{path.relative_to(folder)}: {next(filter(None, match.groups()))}"
        for path in pages
        for match in ASSET.finditer(path.read_text(encoding="utf-8"))
    ]


def on_files(files: Any, config: Any) -> Any:
    """Add the pages from the root of the repository, and the source files to which pages link."""
    from mkdocs.structure.files import File

    sources: set[Path] = set()
    for name, place in ROOT_PAGES.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        sources |= linked_sources(text, ROOT / name)
        files.append(File.generated(config, place, content=with_site_links(text, ROOT / name, place)))
    for path in DOCS.rglob("*.md"):
        sources |= linked_sources(path.read_text(encoding="utf-8"), path)
    for path in sorted(sources):
        files.append(File.generated(config, site_target(path), content=path.read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Rewrite the links of a page in `docs/`. The pages from the root have theirs already."""
    if page.file.src_uri in ROOT_PAGES.values():
        return markdown
    return with_site_links(markdown, DOCS / page.file.src_uri, page.file.src_uri)


def on_post_build(config: Any) -> None:
    """Raise an error when a page of the site loads anything from another server."""
    from mkdocs.exceptions import PluginError

    if external := external_assets(Path(config["site_dir"])):
        raise PluginError("the site must work without a network, but it loads:\n" + "\n".join(external))
