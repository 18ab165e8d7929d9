"""Workers that end: whatever a capture does to its worker, the captures beside it are done, and none waits for ever."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from analyzer.batch.plan import Job, Settings
from analyzer.batch.run import connected, gathered
from analyzer.batch.sources import Source


def work(job: Job, settings: Settings) -> dict[str, Any]:
    """End the worker after a while, or answer after one."""
    kind, _, seconds = job.stem.partition("-")
    time.sleep(float(seconds))
    if kind == "bad":
        os._exit(1)
    return {"capture": job.stem, "status": "ok", "error": None}


def statuses(stems: list[str], workers: int, folder: Path) -> dict[str, str]:
    jobs = [Job(Source(stem, stem), stem) for stem in stems]
    told: list[str] = []
    with connected(workers, None) as client:
        found = gathered(client, jobs, Settings(str(folder)), lambda one, *_: told.append(one["capture"]), work)
    assert sorted(told) == sorted(stems)
    assert [one["capture"] for one in found] == stems
    assert {one["error"] for one in found if one["status"] == "failed"} <= {
        "its worker ended each time it was tried: killed, out of memory, or a crash in native code"
    }
    return {one["capture"]: one["status"] for one in found}


def test_captures_are_taken_in_their_order(tmp_path: Path) -> None:
    """Members of an archive come one after the other, so that it is unfolded once."""
    told: list[str] = []
    jobs = [Job(Source(f"good-0.0{n:04d}", ""), f"good-0.0{n:04d}") for n in range(120)]
    with connected(1, None) as client:
        gathered(client, jobs, Settings(str(tmp_path)), lambda one, *_: told.append(one["capture"]), work)
    assert told == sorted(told)


def test_fewer_captures_than_two_for_each_worker(tmp_path: Path) -> None:
    """Dask queues only more than that by itself; what it hands out two at a time ends with its neighbour."""
    bad, good = ["bad-0.5", "bad-0.9", "bad-1.3", "bad-1.7"], ["good-1.0", "good-1.1"]
    assert statuses([*bad, *good], 4, tmp_path) == dict.fromkeys(bad, "failed") | dict.fromkeys(good, "ok")


def test_workers_that_end_again_and_again_are_started_again(tmp_path: Path) -> None:
    """A worker that is just being started when Dask looks, 15 s after it ended, is not lost."""
    bad = [f"bad-0.{number:02d}" for number in range(16)]
    assert statuses([*bad, "good-0"], 1, tmp_path) == dict.fromkeys(bad, "failed") | {"good-0": "ok"}
