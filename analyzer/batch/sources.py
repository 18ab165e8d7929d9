"""What a batch takes for a capture, and what it knows of one before it is analyzed.

Rules: a file counts as a capture when it begins like one (also inside gzip, bzip2 or xz), or when its name ends like
one: an empty ``a.pcap`` is to be listed as failed, a ``README`` is not. So is what this program cannot read but should
not pass over: captures of other programs, and archives of other packers (RAR, 7-Zip), which may be somebody's work.
Archives are looked into, one archive inside another
included (a class's submissions, each packed by its student), three deep; the same rule holds for what is in them.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import IO, Any

from analyzer.batch import archives
from analyzer.capture import detect
from analyzer.errors import LimitExceededError
from analyzer.text import display

ENDINGS = (".pcap", ".pcapng", ".cap", ".dmp", ".ntar")
"""Endings of captures, perhaps with one of :data:`PACKED` behind them."""

UNOPENED = (".tar.zst", ".tzst", ".tar.lz4", ".zip.gz")
"""Endings of archives that are not looked into, and do not begin like those of other packers."""

PACKED = (".gz", ".zst", ".lz4", ".xz", ".bz2")

MAX_DEPTH = 3
"""Archives inside each other that are opened; each level multiplies what a hostile one can ask for."""

MAX_NESTED = 2 << 30
"""Bytes that all archives inside one may unfold to, together, while they are looked into: some ten seconds."""

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


def refusal(error: OSError) -> str:
    """Return why the system did not let something be read, as a part of a sentence."""
    return (error.strerror or str(error)).lower()


def is_hidden(path: PurePosixPath) -> bool:
    """Tell whether a relative path is one that systems do not show, or that only one system's archives have."""
    return any(part.startswith(".") or part == "__MACOSX" for part in path.parts)


def is_named_like_a_capture(name: str) -> bool:
    """Tell whether a file's name ends as captures' names do, or those of archives that are not looked into."""
    name = name.lower()
    if name.endswith(UNOPENED):
        return True
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


@dataclass(slots=True)
class _Nest:
    """Where in an archive one is: how deep, and what was unfolded of all archives inside it.

    Attributes:
        asked: the archive was named; unread: why a member could not even be looked at.
    """

    depth: int = 1
    unfolded: int = 0
    asked: bool = False
    unread: str | None = None


def packed(file: IO[bytes], form: str, source: Source, found: Found, nest: _Nest) -> Iterator[Source]:
    """Give the captures in an archive, then what could not be read of it.

    What only begins like an archive is one document (many are: ``.docx``) if no capture is in it; it is left aside,
    unless somebody named it, or it is named like a capture: then it is given itself.

    Args:
        file: at its beginning.
        source: the archive itself.
        found: where members are noted that are no captures.
    """
    amount, others, why = 0, len(found.skipped), None
    asked = nest.asked or (nest.depth == 1 and archives.is_named_like_one(source.name))
    try:
        with archives.unfolded(file, source.name, source.size or 0) as (plain, why):
            if nest.depth > 1:
                nest.unfolded += plain.seek(0, os.SEEK_END)
                plain.seek(0)
            last = _last_of_each_name(plain, form)
            for number, member in enumerate(archives.members(plain, form)):
                if nest.unfolded > MAX_NESTED:
                    raise LimitExceededError(source.name, f"what is in it unfolds to more than {MAX_NESTED} bytes")
                place = archives.inside(member.name)
                if is_hidden(place):
                    continue
                again = last.get(member.name, number) != number  # by its name only the last one can be had
                inner = Source(
                    f"{source.name}/{place}",
                    source.location,
                    (*source.member, member.name),
                    member.size,
                )
                for one in _again(inner, found) if again else _member(member, inner, found, nest):
                    amount += 1
                    yield one
    except archives.BROKEN as error:
        why = why or archives.words(error)
    if why is not None and (amount or asked or _may_be_work(source.name)):
        more = "; what comes before is listed" if amount else ""
        yield _fault(source, f"the {form} archive cannot be read: {display(why, 200)}{more}")
    elif not amount and is_named_like_a_capture(source.name):
        del found.skipped[others:]
        yield source
    elif not amount and nest.unread is not None and archives.is_named_like_one(source.name):
        yield _fault(source, f"what is in this {form} archive cannot be read: {display(nest.unread, 200)}")
    elif not amount and asked:
        yield _fault(source, f"no capture is in this {form} archive")
    elif not amount:
        found.skipped[others:] = [source.name]


def _may_be_work(name: str) -> bool:
    """Tell whether something broken is named so that it may be an archive of captures, or a capture."""
    return archives.is_named_like_one(name) or is_named_like_a_capture(name) or not PurePosixPath(name).suffix


def _last_of_each_name(plain: IO[bytes], form: str) -> dict[str, int]:
    """Return which member is the last of its name, as far as the archive can be read; the file is at its beginning."""
    last: dict[str, int] = {}
    with contextlib.suppress(*archives.BROKEN):
        for number, member in enumerate(archives.members(plain, form)):
            last[member.name] = number
    plain.seek(0)
    return last


def _again(inner: Source, found: Found) -> Iterator[Source]:
    name = inner.member[-1]
    if not is_named_like_a_capture(name) and not archives.is_named_like_one(name):
        found.skipped.append(inner.name)
    else:
        yield _fault(inner, "another member of the archive has this name, too; only the last one is read")


def _member(member: archives.Member, inner: Source, found: Found, nest: _Nest) -> Iterator[Source]:
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
            elif nest.depth >= MAX_DEPTH:
                yield _fault(inner, "an archive this deep inside others is not opened")
            else:
                with tempfile.SpooledTemporaryFile(archives.IN_MEMORY) as copy:
                    archives.copy(file, copy, inner.name, member.packed)
                    deeper = _Nest(nest.depth + 1, nest.unfolded + copy.tell())
                    copy.seek(0)
                    yield from packed(copy, form, inner, found, deeper)
                    nest.unfolded = deeper.unfolded
    except archives.BROKEN as error:
        if _may_be_work(member.name):
            yield _fault(inner, f"this member of the archive cannot be read: {display(archives.words(error), 200)}")
        else:
            nest.unread = archives.words(error)
            found.skipped.append(inner.name)


def _fault(source: Source, error: str) -> Source:
    return Source(source.name, source.location, source.member, source.size, error)


def local(path: Path, name: str, found: Found, *, asked: bool = False) -> Iterator[Source]:
    """Give a file of this machine, or the captures in an archive.

    Args:
        path: absolute. asked: it was named, and is not only one of a folder.
    """
    if not is_file(path):  # before opening, which waits for the other end of a pipe
        yield Source(name, str(path), error="it is a device, socket or pipe, not a file")
        return
    try:
        source = Source(name, str(path), size=path.stat().st_size)
        with path.open("rb") as file:
            form = archive_kind(path.name, file)
            if form is not None:
                yield from packed(file, form, source, found, _Nest(asked=asked))
                return
    except OSError:
        source = Source(name, str(path))  # listed; the worker says what is wrong with it
    yield source


def remote(system: Any, path: str, source: Source, found: Found) -> Iterator[Source]:
    """Give an object of a file system of fsspec's, or the captures in an archive; the name says whether it is one."""
    if not archives.is_named_like_one(PurePosixPath(path).name):
        yield source
        return
    try:
        with system.open(path, "rb") as file:
            form = archive_kind(path, file)
            if form is not None:
                yield from packed(file, form, source, found, _Nest())
                return
    except Exception:  # noqa: BLE001 - whatever the store's library raises; the worker says what is wrong
        pass
    yield source
