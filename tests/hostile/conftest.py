"""The hostile capture under a hostile name, the browser of tests/browser, and the command line of tests/cli."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.browser.conftest import chromium, visit
from tests.cli.conftest import analyze
from tests.hostile.make import FILE, FILE_NAME

__all__ = ["analyze", "chromium", "hostile", "visit"]


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """Copy the capture to a file whose name is an attack, too."""
    path = tmp_path / FILE_NAME
    shutil.copy(FILE, path)
    return path
