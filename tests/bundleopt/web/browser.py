"""Headless Chromium, the distribution's package, driven as a person drives it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome")
HOW = "no Chromium on the path; install it with: make browser"


def executable() -> str | None:
    """Return where the browser is; None where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser; a test is skipped where it is absent, and fails where CI must have it."""
    path = executable()
    if path is None:
        assert os.environ.get("CI") != "true", HOW
        pytest.skip(HOW)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
        browser = driver.chromium.launch(executable_path=path, args=flags)
        yield browser
        browser.close()
