"""Shared test set-up: where the samples and (when present) the shared captures are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("project", deadline=None)  # on a busy machine a slow example is not a wrong one
settings.load_profile("project")

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "samples"
SHARED = Path(os.environ.get("ANALYZER_SHARED_CAPTURES", ROOT.parent / "shared" / "captures"))


@pytest.fixture(scope="session")
def samples() -> Path:
    """Folder of the bundled samples."""
    return SAMPLES


@pytest.fixture(scope="session")
def shared_captures() -> Path:
    """Folder of the shared captures; skips, visibly, where they are not there."""
    if not SHARED.is_dir():
        pytest.skip(f"shared captures are not at {SHARED}")
    return SHARED
