"""`make screenshots`: pictures of the sample reports for the README and the documentation, taken in headless Chromium."""

from pathlib import Path
from typing import NamedTuple

from PIL import Image

from tests.support.browser import chromium

DOCS = Path(__file__).parent
COLOURS = 128


class Picture(NamedTuple):
    """A picture of a sample: the file, the width and height of the window in pixels, and the heading to scroll to."""

    sample: str
    width: int
    height: int
    heading: str = ""


PICTURES = {
    "report": Picture("reconciliation.html", 1_180, 760),
    "report-phone": Picture("reconciliation.html", 412, 860),
    "report-bridge": Picture("reconciliation.html", 900, 480, "From the ledger to the wallets"),
    "report-states": Picture("reconciliation.html", 900, 640, "Since the last run"),
    "report-cause": Picture("reconciliation.html", 900, 520, "Breaks by cause"),
    "weekly-payouts-phone": Picture("weekly-payouts.html", 412, 860),
    "eligibility-phone": Picture("eligibility.html", 412, 860),
    "tree-health": Picture("tree-health.html", 1_180, 760),
}
"""Reports that a finance reader opens from a mail are shown at the width of a phone."""


def main() -> None:
    """Take every picture, and reduce its colours so that it stays small."""
    folder = DOCS / "images"
    folder.mkdir(exist_ok=True)
    with chromium() as browser:
        for name, picture in PICTURES.items():
            path = folder / f"{name}.png"
            page = browser.new_page(viewport={"width": picture.width, "height": picture.height})
            page.goto((DOCS / "samples" / picture.sample).as_uri())
            if picture.heading:
                heading = page.get_by_role("heading", name=picture.heading, exact=True)
                heading.evaluate("element => window.scrollTo(0, element.getBoundingClientRect().top - 16)")
            page.screenshot(path=path)
            page.close()
            with Image.open(path) as image:
                image.convert("RGB").quantize(COLOURS).save(path, optimize=True)
            print(path)


if __name__ == "__main__":
    main()
