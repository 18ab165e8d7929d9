"""Limits of one capture's time and memory, kept by ending the worker: nothing less stops code that does not return.

A thread looks every :data:`LOOK_S` seconds. When a limit is passed it leaves a note that says why, and ends the process
at once; Dask's nanny starts another worker, the scheduler gives the capture to it, and a capture that ends two workers
is listed as failed with the note. Native code that never lets another thread run is ended by
:mod:`faulthandler`, which needs no turn of the interpreter; then there is no note.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import threading
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TextIO

LOOK_S = 0.1
"""Seconds between two looks: a limit of a minute need not be kept to the millisecond."""

GRACE_S = 10.0
"""Seconds after which a worker that does not even run its threads is ended."""

EXIT = 91
"""Exit code of a worker that a limit ended."""

Note = Callable[[str], object]
"""What is called with the reason in words before the process ends."""

_armed = threading.Lock()


@contextlib.contextmanager
def guarded(timeout_s: float | None, memory_mb: int | None, note: Note) -> Iterator[None]:
    """Keep the limits while the body runs.

    Args:
        timeout_s, memory_mb: the limits of time, and of what the process takes more than now; None for none.
        note: leaves the reason behind.
    """
    if timeout_s is None and memory_mb is None:
        yield
        return
    done = threading.Event()
    watcher = threading.Thread(target=_watch, args=(timeout_s, memory_mb, note, done), daemon=True)
    armed = False
    try:
        watcher.start()
        # There is one such timer in a process; with several captures at a time in one, the thread alone has to do.
        if timeout_s is not None and (armed := _armed.acquire(blocking=False)):
            faulthandler.dump_traceback_later(timeout_s + GRACE_S, exit=True, file=_nowhere())
        yield
    finally:
        done.set()
        if armed:
            faulthandler.cancel_dump_traceback_later()
            _armed.release()


@cache
def _nowhere() -> TextIO:
    """Return where tracebacks go that nobody reads; open as long as the process, since the timer holds its number."""
    return open(os.devnull, "w", encoding="ascii")  # noqa: PTH123 - a handle, not a path


def _watch(timeout_s: float | None, memory_mb: int | None, note: Note, done: threading.Event) -> None:
    began, before = time.monotonic(), resident_mb() or 0.0  # the program itself, and what captures before have left
    while not done.wait(LOOK_S):
        if timeout_s is not None and time.monotonic() - began > timeout_s:
            _end(note, f"it took longer than {timeout_s:g} s (--timeout)")
        if memory_mb is not None and (used := resident_mb()) is not None and used - before > memory_mb:
            _end(note, f"it needed more than {memory_mb} MB of memory (--memory)")


def _end(note: Note, reason: str) -> None:
    try:
        note(reason)
    finally:
        os._exit(EXIT)


def resident_mb() -> float | None:
    """Return how much memory this process has in use; None where the system does not say (no /proc)."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
