"""Captures inside zip and tar archives: what is in there, and one member at a time as a file.

Nothing is ever written where a member's name says: a member is copied to a temporary file of ours, so a name like
``../../etc/passwd`` is only a name. Links and devices inside an archive are not followed. What is listed of a damaged
archive is followed by an error: :mod:`tarfile` ends quietly at a header that it cannot read.
"""

from __future__ import annotations

import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import IO

TAR_NAMES = (".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
"""Endings of tar archives; compressed ones begin like any compressed file, so the name must say it."""

NAMES = (".zip", *TAR_NAMES)

HEAD_BYTES = 512
"""What :func:`kind` must see: a tar archive's first header."""

_ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
_TAR_MAGIC = slice(257, 262), b"ustar"

BROKEN = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error),
    *(EOFError, RuntimeError, NotImplementedError, ValueError, KeyError, OSError),
)
"""What reading a damaged, encrypted or odd archive raises."""


@dataclass(frozen=True, slots=True)
class Member:
    """A regular file in an archive; it can be opened while the archive is."""

    name: str
    size: int
    open: Callable[[], IO[bytes]]


def kind(name: str, head: bytes) -> str | None:
    """Tell whether a file is an archive: ``zip``, ``tar``, or None.

    Args:
        head: its first :data:`HEAD_BYTES`.
    """
    if head.startswith(_ZIP_MAGIC):
        return "zip"
    where, magic = _TAR_MAGIC
    return "tar" if head[where] == magic or name.lower().endswith(TAR_NAMES) else None


def members(file: IO[bytes], form: str) -> Iterator[Member]:
    """Give each regular file in an archive, in its order.

    Raises:
        What :data:`BROKEN` lists: it cannot be read, or not further.
    """
    if form == "zip":
        with zipfile.ZipFile(file) as archive:
            for info in archive.infolist():
                if not info.is_dir():
                    yield Member(info.filename, info.file_size, partial(archive.open, info))
        return
    with tarfile.open(fileobj=file) as tar:
        for entry in tar:
            if entry.isfile():
                yield Member(entry.name, entry.size, partial(_extracted, tar, entry))
        _must_be_whole(tar)


@contextmanager
def opened(file: IO[bytes], form: str, member: str) -> Iterator[IO[bytes]]:
    """Open a member for reading.

    Raises:
        What :data:`BROKEN` lists: it is not there, or cannot be read.
    """
    if form == "zip":
        with zipfile.ZipFile(file) as archive, archive.open(member) as inside:
            yield inside
        return
    with tarfile.open(fileobj=file) as tar, _extracted(tar, member) as inside:
        yield inside


def _extracted(tar: tarfile.TarFile, member: tarfile.TarInfo | str) -> IO[bytes]:
    found = tar.extractfile(member)
    if found is None:
        raise KeyError("it is no regular file")
    return found


def _must_be_whole(tar: tarfile.TarFile) -> None:
    """Raise ReadError where members end at something else than the block of zeros that ends an archive (POSIX pax)."""
    assert tar.fileobj is not None
    tar.fileobj.seek(tar.offset)
    if tar.fileobj.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        raise tarfile.ReadError(f"it is cut off or damaged after {tar.offset} bytes")


def inside(name: str) -> PurePosixPath:
    """Return a member's name as a relative path that stays inside: no root, no drive, no ``..``."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    return PurePosixPath(*parts) if parts else PurePosixPath("unnamed")
