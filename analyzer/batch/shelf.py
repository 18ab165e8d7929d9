"""Archives that stay opened from one capture to the next: headers are read once, not again for each member.

Who needs an archive takes it off the shelf and puts it back when done, so no two threads of a worker share one.
Archives are known by the file they are, not by a name: one that was written anew is another.
"""

from __future__ import annotations

import os
import threading
from typing import IO

from analyzer.batch.archives import Archive

MAX_OPENED = 3
"""Archives that stay opened: captures come archive by archive, and archives are three deep inside each other."""

Key = tuple[int | str, ...]
"""What :func:`key_of` gives of a file; of a member, with the way to it behind."""


def key_of(file: IO[bytes]) -> Key:
    """Return what tells a file from others: device, inode, bytes, and time of change in ns.

    Raises:
        OSError: the system does not say.
    """
    told = os.fstat(file.fileno())
    return told.st_dev, told.st_ino, told.st_size, told.st_mtime_ns


class Shelf:
    """Opened archives that nobody uses at the moment."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._archives: dict[Key, Archive] = {}

    def take(self, key: Key) -> Archive | None:
        """Return the archive if it is there; nobody else gets it until it is put back."""
        with self._lock:
            return self._archives.pop(key, None)

    def put(self, key: Key, archive: Archive) -> None:
        """Leave an archive for the next capture; those that lie longest are closed."""
        with self._lock:
            old = [self._archives.pop(key)] if key in self._archives else []
            self._archives[key] = archive
            old += [self._archives.pop(one) for one in list(self._archives)[:-MAX_OPENED]]
        for one in old:
            one.close()

    def clear(self) -> None:
        """Close all archives."""
        with self._lock:
            old, self._archives = list(self._archives.values()), {}
        for one in old:
            one.close()
