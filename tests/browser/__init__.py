"""Tests in a real browser: Debian's Chromium, driven by Playwright."""

import shutil

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
