"""Shared test set-up: where the samples and (when present) the shared captures are."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

# On a busy machine a slow example is not a wrong one. CI repeats the same examples, so that its verdict is about the
# commit; new examples are searched for where somebody can look at what they find.
settings.register_profile("project", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("project")

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "samples"
SHARED = Path(os.environ.get("ANALYZER_SHARED_CAPTURES", ROOT.parent / "shared" / "captures"))


def default_signals() -> None:
    """Let signals do in a new process what they do at a terminal: tests may run where some are ignored (nohup, &)."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


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
