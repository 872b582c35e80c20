"""`make screenshots`: pictures of the sample reports for the README and the documentation, taken in headless Chromium."""

from pathlib import Path

from tests.browser import chromium

DOCS = Path(__file__).parent
PAGES = {
    "report": ("reconciliation.html", 1_180, 760),
    "report-phone": ("reconciliation.html", 412, 860),
    "tree-health": ("tree-health.html", 1_180, 900),
    "weekly-payouts": ("weekly-payouts.html", 1_180, 900),
    "eligibility": ("eligibility.html", 1_180, 900),
}
"""Picture → the sample, and the width and height of the window in pixels."""


def main() -> None:
    """Take every picture."""
    (DOCS / "images").mkdir(exist_ok=True)
    with chromium() as browser:
        for name, (sample, width, height) in PAGES.items():
            page = browser.new_page(viewport={"width": width, "height": height})
            page.goto((DOCS / "samples" / sample).as_uri())
            page.screenshot(path=DOCS / "images" / f"{name}.png")
            page.close()
            print(DOCS / "images" / f"{name}.png")


if __name__ == "__main__":
    main()
