"""Ctrl-C interrupts a batch once; what ends it is then left to end.

Impatience shows as more of them: each would break into the ending of the workers, the last ones into what Dask does
when the interpreter ends, with a traceback.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn


@contextlib.contextmanager
def interrupted_once() -> Iterator[None]:
    """Let the first interrupt stop the body, and ignore others until the process has ended.

    Where interrupts are ignored anyway (a job in the background of a script) they stay so.
    """
    mine = threading.current_thread() is threading.main_thread()  # no other may say what a signal does
    if not mine or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, _first)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGINT) is _first:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def _first(number: int, frame: FrameType | None) -> NoReturn:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt
