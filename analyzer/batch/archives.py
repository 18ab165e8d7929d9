"""Captures inside zip and tar archives: what is in there, and one member at a time as a file.

Nothing is ever written where a member's name says: a member is copied to a temporary file of ours, so a name like
``../../etc/passwd`` is only a name. Members are bounded in size by the limit for unpacked captures and in number by
:data:`MAX_MEMBERS`; links and devices inside an archive are not followed.
"""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

MAX_MEMBERS = 100_000
"""Members of an archive that are looked at; a class's submissions are some hundred."""

TAR_NAMES = (".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
"""Endings of tar archives; compressed ones begin like any compressed file, so the name must say it."""

_ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
_TAR_MAGIC = slice(257, 262), b"ustar"

BROKEN = (zipfile.BadZipFile, tarfile.TarError, EOFError, RuntimeError, NotImplementedError, ValueError, OSError)
"""What reading a damaged, encrypted or odd archive raises (zlib's and lzma's own errors are turned into these)."""


def kind(path: Path, head: bytes) -> str | None:
    """Tell whether a file is an archive: ``zip``, ``tar``, or None.

    Args:
        head: its first 512 bytes.
    """
    if head.startswith(_ZIP_MAGIC):
        return "zip"
    where, magic = _TAR_MAGIC
    return "tar" if head[where] == magic or path.name.lower().endswith(TAR_NAMES) else None


def members(path: Path, form: str) -> Iterator[tuple[str, int]]:
    """Give name and size of each regular file in an archive.

    Raises:
        OSError, zipfile.BadZipFile, tarfile.TarError: it cannot be read (see :data:`BROKEN`).
    """
    if form == "zip":
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist()[:MAX_MEMBERS]:
                if not info.is_dir():
                    yield info.filename, info.file_size
        return
    with tarfile.open(path) as tar:
        for number, entry in enumerate(tar):
            if number >= MAX_MEMBERS:
                return
            if entry.isfile():
                yield entry.name, entry.size


@contextmanager
def opened(path: Path, form: str, member: str) -> Iterator[IO[bytes]]:
    """Open a member for reading.

    Raises:
        KeyError: there is no such member. What :data:`BROKEN` lists: it cannot be read.
    """
    if form == "zip":
        with zipfile.ZipFile(path) as archive, archive.open(member) as file:
            yield file
        return
    with tarfile.open(path) as tar:
        found = tar.extractfile(member)
        if found is None:
            raise KeyError(member)
        with found as file:
            yield file


def inside(name: str) -> PurePosixPath:
    """Return a member's name as a relative path that stays inside: no root, no drive, no ``..``."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    return PurePosixPath(*parts) if parts else PurePosixPath("unnamed")
