"""Captures inside zip and tar archives: what is in there, and one member at a time as a file.

Rules:

* Nothing is ever written where a member's name says: a member is copied to a temporary file of ours, so a name like
  ``../../etc/passwd`` is only a name. Symbolic links and devices inside an archive are not followed; a hard link is the
  member that it names.
* A packed tar archive is unfolded into a temporary file first, within the limits of what a capture may unfold to, and
  as far as it goes: members are then found and read at any place, in time that follows its size.
* What is listed of a damaged tar archive is followed by an error: :mod:`tarfile` ends quietly at a header that it
  cannot read. The members of a zip archive do not depend on each other.
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import lzma
import os
import re
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import IO, cast

from analyzer.capture.unpack import Meter
from analyzer.errors import CaptureError, LimitExceededError
from analyzer.options import Limits

TAR_NAMES = (".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
"""Endings of tar archives; compressed ones begin like any compressed file, so the name must say it."""

NAMES = (".zip", *TAR_NAMES)

HEAD_BYTES = 512
"""What :func:`kind` must see: a tar archive's first header."""

MAX_READ = 16 << 20
"""Bytes that are read at once; only a tar header that lies about a name's length asks for more."""

MAX_MEMBERS = 100_000
"""Entries of an archive that are looked at, folders and all; a class's submissions are some hundred."""

MAX_DIRECTORY = 32 << 20
"""Bytes of a zip archive's list of members (APPNOTE.TXT section 4.3.12): that many with names of usual length."""

_ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
_TAR_MAGIC = slice(257, 262), b"ustar"
_UNPACK: dict[bytes, Callable[[IO[bytes]], IO[bytes]]] = {
    b"\x1f\x8b": lambda file: cast("IO[bytes]", gzip.GzipFile(fileobj=file, mode="rb")),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\0": lzma.LZMAFile,
}
_ENTRY, _END, _END_BYTES = b"PK\x01\x02", b"PK\x05\x06", 22 + 65_535
_ENCRYPTED_FLAG, _UTF8_FLAG = 0x1, 0x800
"""APPNOTE.TXT section 4.4.4, bits 0 and 11."""
_EVERYDAY = re.compile(rb"[\xb0-\xf7][\xa1-\xfe]")
_PIECE = 1 << 20
IN_MEMORY = 32 << 20
"""Bytes of an unfolded archive that need no file."""

BROKEN = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error, LimitExceededError),
    *(EOFError, RuntimeError, NotImplementedError, ValueError, LookupError, OSError, MemoryError),
)
"""What reading a damaged, encrypted, hostile or odd archive raises."""


def words(error: BaseException) -> str:
    """Say what was wrong with an archive."""
    if isinstance(error, CaptureError):
        return error.reason
    return str(error) or type(error).__name__


@dataclass(frozen=True, slots=True)
class Member:
    """A regular file in an archive; it can be opened while the archive is.

    Attributes:
        packed: bytes that it takes in the archive.
    """

    name: str
    size: int
    packed: int
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


def is_named_like_one(name: str) -> bool:
    """Tell whether a file's name ends as those of archives do that are looked into."""
    return name.lower().endswith(NAMES)


def is_packed(file: IO[bytes]) -> bool:
    """Tell whether a tar archive is packed as a whole (gzip, bzip2, xz); the file is and stays at its beginning.

    Raises:
        OSError: it cannot be read.
    """
    return _unpacker(file) is not None


def _unpacker(file: IO[bytes]) -> Callable[[IO[bytes]], IO[bytes]] | None:
    head = file.read(HEAD_BYTES)
    file.seek(0)
    where, magic = _TAR_MAGIC
    return None if head[where] == magic else _packing(head)  # plain; its first member may be called BZhou


def _packing(head: bytes) -> Callable[[IO[bytes]], IO[bytes]] | None:
    """Return what unpacks a file that begins so; None for one that is not packed."""
    return next((unpack for begin, unpack in _UNPACK.items() if head.startswith(begin)), None)


@contextlib.contextmanager
def unpacked(file: IO[bytes], head: bytes) -> Iterator[IO[bytes]]:
    """Give what a file holds that is packed by gzip, bzip2 or xz, else the file; it is at its beginning.

    Raises:
        What :data:`BROKEN` lists, here or when it is read: it cannot be read.
    """
    unpack = _packing(head)
    if unpack is None:
        yield file
        return
    with unpack(file) as inner:
        yield inner


def unfold(file: IO[bytes], out: IO[bytes], name: str, size: int) -> str | None:
    """Write an archive as one that can be read at any place: a packed tar archive as a plain one, others as they are.

    Args:
        file: the archive, at its beginning; size: its bytes. name: for messages.

    Returns:
        Why it is not all there, where that is a limit; members end where it ends.

    Raises:
        OSError: it cannot be read or written.
    """
    unpack, why = _unpacker(file), None
    try:
        copy(file if unpack is None else unpack(file), out, name, size)
    except LimitExceededError as error:
        why = error.reason
    except (EOFError, zlib.error, lzma.LZMAError):
        pass  # what comes before is there, and members end where it ends
    except OSError as error:  # gzip and bz2 say so, too, of damaged data; with a number it is the disk's
        if error.errno is not None:
            raise
    out.seek(0)
    return why


@contextlib.contextmanager
def unfolded(file: IO[bytes], name: str, size: int) -> Iterator[tuple[IO[bytes], str | None]]:
    """Give an archive as a file that can be read at any place, for as long as the body runs, and what is missing.

    See :func:`unfold`.
    """
    if not is_packed(file):
        yield file, None
        return
    with tempfile.SpooledTemporaryFile(IN_MEMORY) as plain:
        out = cast("IO[bytes]", plain)
        why = unfold(file, out, name, size)
        yield out, why


def copy(stream: IO[bytes], out: IO[bytes], name: str, packed: int) -> None:
    """Copy a stream within the limits of what a capture may unfold to.

    Args:
        packed: bytes that it is unfolded from.

    Raises:
        LimitExceededError: it gives more than is believed.
    """
    meter = Meter(name, Limits(), packed, read=packed)
    # What is there, rather than all that was asked for: a stream that breaks off gives what came before.
    read = getattr(stream, "read1", stream.read)
    while piece := read(_PIECE):
        meter.written += len(piece)
        meter.check()
        out.write(piece)


def members(file: IO[bytes], form: str) -> Iterator[Member]:
    """Give each regular file in an archive, in its order.

    Args:
        file: zip, or plain tar (:func:`unfolded`).

    Raises:
        What :data:`BROKEN` lists: it cannot be read, or not further.
    """
    with _opened(file, form) as archive:
        yield from _members(archive)


class Archive:
    """An archive of which one member after the other is read: its headers are read once.

    Not for several threads at a time: all members share the file's position.
    """

    def __init__(self, file: IO[bytes], form: str) -> None:
        """Read the headers of a zip archive, or of a plain tar archive as far as they go.

        Args:
            file: closed by :meth:`close`.

        Raises:
            What :data:`BROKEN` lists: it cannot be read.
        """
        self._file = file
        self._archive = _opened(file, form)
        self._there: dict[str, Member] = {}
        with contextlib.suppress(tarfile.TarError, LimitExceededError):  # told of where members are listed
            for member in _members(self._archive):
                self._there[member.name] = member

    def open(self, name: str) -> tuple[IO[bytes], int]:
        """Open a member for reading, the last one of its name; return it, and the bytes it takes in the archive.

        Raises:
            What :data:`BROKEN` lists: it is not there, or cannot be read.
        """
        member = self._there.get(name)
        if member is None:
            raise KeyError("it is not there")
        return member.open(), member.packed

    def close(self) -> None:
        """Close the archive and its file."""
        self._archive.close()
        self._file.close()


def _opened(file: IO[bytes], form: str) -> zipfile.ZipFile | tarfile.TarFile:
    if form == "zip":
        _must_be_short(file)
        return zipfile.ZipFile(file)
    return tarfile.open(fileobj=cast("IO[bytes]", _Careful(file)), mode="r:")


def _members(archive: zipfile.ZipFile | tarfile.TarFile) -> Iterator[Member]:
    if isinstance(archive, zipfile.ZipFile):
        for info in archive.infolist():
            if not info.filename.endswith("/"):  # is_dir() does not know names that are empty
                opener = _locked if info.flag_bits & _ENCRYPTED_FLAG else partial(archive.open, info)
                yield Member(_zip_name(info), info.file_size, info.compress_size, opener)
        return
    files: dict[str, tarfile.TarInfo] = {}
    for number, entry in enumerate(archive):
        if number >= MAX_MEMBERS:
            raise LimitExceededError("", f"it has more than {MAX_MEMBERS} members; the others were not looked at")
        content = files.get(entry.linkname) if entry.islnk() else entry  # what a hard link names comes before it
        if content is not None and content.isfile():
            files[entry.name] = content
            yield Member(entry.name, content.size, _stored(content), partial(_extracted, archive, content))
    _must_be_whole(archive)


def _locked() -> IO[bytes]:
    raise RuntimeError("it is encrypted")


def _must_be_short(file: IO[bytes]) -> None:
    """Raise LimitExceededError for a zip archive with more members than are looked at, before any is."""
    end = file.seek(0, os.SEEK_END)
    begin = max(end - _END_BYTES, 0)
    file.seek(begin)
    tail = file.read()
    at = tail.rfind(_END)
    listed = int.from_bytes(tail[at + 12 : at + 16], "little")  # ZIP64 has its largest number here
    file.seek(max(begin + at - min(listed, MAX_DIRECTORY), 0))
    amount = file.read(min(listed, MAX_DIRECTORY)).count(_ENTRY)
    file.seek(0)
    if at >= 0 and amount > MAX_MEMBERS:
        raise LimitExceededError("", f"it has more than {MAX_MEMBERS} members; none was looked at")


def _zip_name(info: zipfile.ZipInfo) -> str:
    """Return a member's name as it was meant.

    Only a flag tells that a name is UTF-8; without it, it should be code page 437, and :mod:`zipfile` reads it so. But
    macOS leaves the flag out, and Windows in China writes its own code page (936, GBK): names that are UTF-8 are taken
    for that, and those for GBK of which at least half the letters are of the everyday ones of GB 2312.
    """
    if info.flag_bits & _UTF8_FLAG or info.filename.isascii():
        return info.filename
    try:
        raw = info.filename.encode("cp437")
    except UnicodeEncodeError:
        return info.filename
    with contextlib.suppress(UnicodeDecodeError):
        return raw.decode("utf-8")
    with contextlib.suppress(UnicodeDecodeError):
        name = raw.decode("gbk")
        letters = [char for char in name if not char.isascii()]
        if 2 * sum(_EVERYDAY.fullmatch(char.encode("gbk")) is not None for char in letters) >= len(letters):
            return name
    return info.filename


class _Careful:
    """A file that is not read in one piece beyond all measure."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        """Read as files do.

        Raises:
            ReadError: it is too much at once.
        """
        if not 0 <= size <= MAX_READ:
            raise tarfile.ReadError(f"a header asks for {size} bytes at once")
        return self._file.read(size)


def _stored(entry: tarfile.TarInfo) -> int:
    """Return the bytes that a member takes in the archive: of a sparse one, those between its holes."""
    sparse: list[tuple[int, int]] | None = getattr(entry, "sparse", None)
    return entry.size if sparse is None else sum(size for _, size in sparse)


def _extracted(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
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
