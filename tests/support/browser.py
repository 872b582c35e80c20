"""A real browser for the tests: Debian's Chromium, driven by Playwright."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

PATIENCE_MS = 600_000


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless browser; the test is skipped, loudly, where there is none."""
    program = shutil.which("chromium")
    if program is None:
        if os.environ.get("MLM_AUDIT_REQUIRE_SERVERS"):
            pytest.fail("chromium is not installed")
        pytest.skip("chromium IS NOT INSTALLED: nothing is proven for the pages")
    with sync_playwright() as play:
        # Root, as in a container, has no sandbox; the pages are our own.
        browser = play.chromium.launch(executable_path=program, args=["--no-sandbox"])
        expect.set_options(timeout=PATIENCE_MS)
        yield browser
        browser.close()
