"""Locks between processes of one machine: on an open file, let go of with it, whatever ends the process (flock)."""

from __future__ import annotations

from typing import IO

try:
    import fcntl
except ImportError:  # no POSIX
    fcntl = None  # type: ignore[assignment]


def lock(file: IO[bytes], *, wait: bool) -> None:
    """Lock a file for this process. Where there are no locks (the system, the file system) it is up to the user.

    Raises:
        BlockingIOError: another process has it, and we do not wait.
    """
    if fcntl is None:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        pass
