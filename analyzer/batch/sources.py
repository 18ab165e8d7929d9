"""What a batch takes for a capture, and what it knows of one before it is analyzed.

Rules: a file counts as a capture when it begins like one (also inside gzip, bzip2 or xz), or when its name ends like
one: an empty ``a.pcap`` is to be listed as failed, a ``README`` is not. So is what this program cannot read but should
not pass over: captures of other programs, and archives of other packers (RAR, 7-Zip), which may be somebody's work.
Archives are looked into, one archive inside another
included (a class's submissions, each packed by its student), three deep; the same rule holds for what is in them.
"""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import IO, Any

from analyzer.batch import archives
from analyzer.capture import detect
from analyzer.errors import CaptureError
from analyzer.text import display

ENDINGS = (".pcap", ".pcapng", ".cap", ".dmp", ".ntar")
"""Endings of captures, perhaps with one of :data:`PACKED` behind them."""

PACKED = (".gz", ".zst", ".lz4", ".xz", ".bz2")

MAX_DEPTH = 3
"""Archives inside each other that are opened; each level multiplies what a hostile one can ask for."""

CAPTURES = (detect.PCAP, detect.PCAPNG)

_URL = re.compile("[A-Za-z][A-Za-z0-9+.-]+://")


@dataclass(frozen=True, slots=True)
class Source:
    """One capture to analyze.

    Attributes:
        name: path below the input, with ``/``; unique in a batch.
        location: absolute path or URL of the file; member: the way to it inside an archive, from archive to archive.
        size: bytes, where it is known; error: why it cannot even be tried.
    """

    name: str
    location: str
    member: tuple[str, ...] = ()
    size: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Search:
    """How to look into folders.

    Attributes:
        recursive: enter folders below; pattern: take the files whose name fits, instead of those that are captures.
        leave: absolute path of a folder that is not entered: that of the results.
    """

    recursive: bool = False
    pattern: str | None = None
    leave: str | None = None

    def wants(self, name: str) -> bool | None:
        """Tell by its name whether a file of a folder is wanted; None where its first bytes must say."""
        if self.pattern is not None:
            return fnmatch(name, self.pattern)
        return True if is_named_like_a_capture(name) else None


@dataclass(slots=True)
class Found:
    """What was found: captures in order of their names, and what was left aside.

    Attributes:
        skipped: names of files that are no captures; twice: files that were reached more than once; notes: what could
            not be looked into; folders: those below that were not entered.
    """

    sources: list[Source] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    folders: int = 0
    twice: int = 0
    notes: list[str] = field(default_factory=list)


def is_url(path: str) -> bool:
    """Tell whether a path is a URL, for fsspec."""
    return bool(_URL.match(path))


def is_file(path: Path) -> bool:
    """Tell whether a path is a regular file; what the system refuses to tell of is none."""
    try:
        return path.is_file()
    except OSError:
        return False


def is_folder(path: Path) -> bool:
    """Tell whether a path is a folder; what the system refuses to tell of is none."""
    try:
        return path.is_dir()
    except OSError:
        return False


def is_hidden(path: PurePosixPath) -> bool:
    """Tell whether a relative path is one that systems do not show, or that only one system's archives have."""
    return any(part.startswith(".") or part == "__MACOSX" for part in path.parts)


def is_named_like_a_capture(name: str) -> bool:
    """Tell whether a file's name ends as captures' names do."""
    name = name.lower()
    for ending in PACKED:
        name = name.removesuffix(ending)
    return name.endswith(ENDINGS)


def begins_like_a_capture(file: IO[bytes]) -> bool:
    """Tell whether a file, or what is packed in it, begins like something to list. Moves the file's position.

    Raises:
        OSError: it cannot be read (what is packed in it may be damaged).
    """
    head = file.read(archives.HEAD_BYTES)
    file.seek(0)
    try:
        with archives.unpacked(file, head) as inner:
            head = inner.read(detect.HEAD_BYTES)
    except archives.BROKEN:
        return False
    return detect.form(head) in CAPTURES or detect.is_of_others(head)


def archive_kind(name: str, file: IO[bytes]) -> str | None:
    """Tell whether a file is an archive (``zip``, ``tar``) and no capture; it is at its beginning then.

    Raises:
        OSError: it cannot be read.
    """
    head = file.read(archives.HEAD_BYTES)
    file.seek(0)
    form = archives.kind(name, head)
    if form is not None and begins_like_a_capture(file):
        form = None
    file.seek(0)
    return form


def packed(file: IO[bytes], form: str, source: Source, found: Found, depth: int = 1) -> Iterator[Source]:
    """Give the captures in an archive, then what could not be read of it.

    Args:
        file: at its beginning.
        source: the archive itself.
        found: where members are noted that are no captures.
    """
    amount, named, others = 0, source.name.lower().endswith(archives.NAMES), len(found.skipped)
    try:
        with archives.unfolded(file, source.name, source.size or 0) as plain:
            last = _last_of_each_name(plain, form)
            for number, member in enumerate(archives.members(plain, form)):
                if number >= archives.MAX_MEMBERS:
                    more = f"it has more than {archives.MAX_MEMBERS} members; the others were not looked at"
                    yield _fault(source, more)
                    return
                if is_hidden(archives.inside(member.name)):
                    continue
                again = last.get(member.name, number) != number  # by its name only the last one can be had
                inner = Source(
                    f"{source.name}/{archives.inside(member.name)}",
                    source.location,
                    (*source.member, member.name),
                    member.size,
                )
                for one in _again(inner) if again else _member(member, inner, found, depth):
                    amount += 1
                    yield one
    except archives.BROKEN as error:
        if not named and not amount:
            found.skipped[others:] = [source.name]
            return
        more = "; what comes before is listed" if amount else ""
        yield _fault(source, f"the {form} archive cannot be read: {display(_words(error), 200)}{more}")
        return
    if not amount and named:
        yield _fault(source, f"no capture is in this {form} archive")
    elif not amount:
        found.skipped[others:] = [source.name]  # one document: many of them are archives, too (.docx)


def _last_of_each_name(plain: IO[bytes], form: str) -> dict[str, int]:
    """Return which member is the last of its name, as far as the archive can be read; the file is at its beginning."""
    last: dict[str, int] = {}
    with contextlib.suppress(*archives.BROKEN):
        for number, member in enumerate(islice(archives.members(plain, form), archives.MAX_MEMBERS)):
            last[member.name] = number
    plain.seek(0)
    return last


def _again(inner: Source) -> Iterator[Source]:
    if is_named_like_a_capture(inner.member[-1]):
        yield _fault(inner, "another member of the archive has this name, too; only the last one is read")


def _member(member: archives.Member, inner: Source, found: Found, depth: int) -> Iterator[Source]:
    if is_named_like_a_capture(member.name):
        yield inner
        return
    try:
        with member.open() as file:
            form = archive_kind(member.name, file)
            if form is None:
                if begins_like_a_capture(file):
                    yield inner
                else:
                    found.skipped.append(inner.name)
            elif depth >= MAX_DEPTH:
                yield _fault(inner, "an archive this deep inside others is not opened")
            else:
                with tempfile.SpooledTemporaryFile(archives.IN_MEMORY) as copy:
                    archives.copy(file, copy, inner.name, member.packed)
                    copy.seek(0)
                    yield from packed(copy, form, inner, found, depth + 1)
    except archives.BROKEN as error:
        yield _fault(inner, f"this member of the archive cannot be read: {display(_words(error), 200)}")


def _fault(source: Source, error: str) -> Source:
    return Source(source.name, source.location, source.member, source.size, error)


def _words(error: BaseException) -> str:
    if isinstance(error, CaptureError):
        return error.reason
    return str(error) or type(error).__name__


def local(path: Path, name: str, found: Found) -> Iterator[Source]:
    """Give a file of this machine, or the captures in an archive.

    Args:
        path: absolute.
    """
    if not is_file(path):  # before opening, which waits for the other end of a pipe
        yield Source(name, str(path), error="it is a device, socket or pipe, not a file")
        return
    try:
        source = Source(name, str(path), size=path.stat().st_size)
        with path.open("rb") as file:
            form = archive_kind(path.name, file)
            if form is not None:
                yield from packed(file, form, source, found)
                return
    except OSError:
        source = Source(name, str(path))  # listed; the worker says what is wrong with it
    yield source


def remote(system: Any, path: str, source: Source, found: Found) -> Iterator[Source]:
    """Give an object of a file system of fsspec's, or the captures in an archive; the name says whether it is one."""
    if not PurePosixPath(path).name.lower().endswith(archives.NAMES):
        yield source
        return
    try:
        with system.open(path, "rb") as file:
            form = archive_kind(path, file)
            if form is not None:
                yield from packed(file, form, source, found)
                return
    except Exception:  # noqa: BLE001 - whatever the store's library raises; the worker says what is wrong
        pass
    yield source
