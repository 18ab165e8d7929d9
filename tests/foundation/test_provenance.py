"""Display filters from frames and connections."""

from __future__ import annotations

import re
import shutil
import subprocess
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.provenance import MAX_FILTER_FRAMES, frames_filter, frames_text, runs, stream_filter
from tests.conftest import SAMPLES

FRAMES = st.lists(st.integers(1, 400), max_size=50)


def test_runs() -> None:
    assert runs([3, 1, 2, 7, 7]) == [(1, 3), (7, 7)]
    assert runs([]) == []


@given(FRAMES)
def test_runs_hold_exactly_the_frames(frames: list[int]) -> None:
    got = runs(frames)
    assert [f for low, high in got for f in range(low, high + 1)] == sorted(set(frames))
    assert all(high + 1 < low for (_, high), (low, _) in pairwise(got))


@pytest.mark.parametrize(
    ("frames", "text"),
    [
        ([], ""),
        ([4], "frame.number == 4"),
        ([4, 5], "frame.number in {4..5}"),
        ([1, 2, 3, 7], "frame.number in {1..3, 7}"),
    ],
)
def test_frames_filter(frames: list[int], text: str) -> None:
    assert frames_filter(frames) == text


def test_too_many_runs_become_a_span() -> None:
    limit = [2 * k for k in range(1, MAX_FILTER_FRAMES + 1)]
    assert frames_filter(limit).count(",") == MAX_FILTER_FRAMES - 1
    assert frames_filter([*limit, 999]) == "frame.number >= 2 && frame.number <= 999"


@given(FRAMES)
def test_filters_hold_numbers_only(frames: list[int]) -> None:
    words = set(re.sub(r"[0-9.,{}=<>&\s]", " ", frames_filter(frames)).split())
    assert words <= {"frame", "number", "in"}


def test_stream_filter() -> None:
    assert stream_filter(12) == "tcp.stream eq 12"


def test_frames_text() -> None:
    assert frames_text([1, 2, 3, 7]) == "1–3, 7"
    assert frames_text([]) == ""
    assert frames_text(range(1, 41, 4), limit=8) == "1, 5, 9, 13, 17, 21, 25, 29 … (+2)"


@pytest.mark.referee
@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
@pytest.mark.parametrize("frames", [[4], [1, 2, 3, 7], [2, 4, 6, 9, 10]], ids=str)
def test_wireshark_selects_exactly_those_frames(frames: list[int]) -> None:
    command = ["tshark", "-n", "-r", str(SAMPLES / "loss.pcapng"), "-T", "fields", "-e", "frame.number", "-Y"]
    done = subprocess.run([*command, frames_filter(frames)], capture_output=True, text=True, check=True)
    assert [int(line) for line in done.stdout.split()] == frames
