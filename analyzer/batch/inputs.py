"""From what was asked for - files, folders, globs, lists, archives, URLs - to the captures to analyze.

Rules:

* A file that is named is taken whatever it is; if it is no capture, it is listed as failed.
* Of a folder, files are taken that begin like a capture, or end like one (an empty ``a.pcap`` is listed as failed, a
  ``README`` is not); archives are looked into. With ``--glob`` exactly the files whose name fits are taken.
* Folders below are entered with ``--recursive`` only. Links to folders are not followed (they may run in circles);
  links to files are. A file that is reached twice is taken once.
* ``@LIST`` is a text file with a path a line. A URL (``s3://…``) is whatever fsspec knows.
* Each capture has a name: its path below what was asked for, unique in the batch. Order is by name.
"""

from __future__ import annotations

import glob
import gzip
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

from analyzer.batch import archives
from analyzer.capture import detect
from analyzer.errors import CaptureError, UsageError
from analyzer.text import display

ENDINGS = (".pcap", ".pcapng", ".cap", ".dmp", ".ntar")
"""Endings of captures, perhaps with one of :data:`PACKED` behind them."""

PACKED = (".gz", ".zst", ".lz4", ".xz")
_URL = re.compile("[A-Za-z][A-Za-z0-9+.-]+://")
_HEAD = 512


@dataclass(frozen=True, slots=True)
class Source:
    """One capture to analyze.

    Attributes:
        name: path below the input, with ``/``; unique in a batch.
        location: path or URL of the file; member: name inside it, for an archive.
        size: bytes, where it is known; error: why it cannot even be tried.
    """

    name: str
    location: str
    member: str | None = None
    size: int | None = None
    error: str | None = None


@dataclass(slots=True)
class Found:
    """What was found: captures in order of their names, and what was left aside."""

    sources: list[Source] = field(default_factory=list)
    skipped: int = 0
    twice: int = 0
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Search:
    """How to look into folders."""

    recursive: bool = False
    pattern: str | None = None


def find(asked: Iterable[str], search: Search) -> Found:
    """Find all captures.

    Raises:
        UsageError: standard input was asked for. CaptureError: something does not exist or cannot be read, or nothing
            was found at all.
    """
    found, seen = Found(), set[tuple[str, str | None]]()
    asked = list(asked)
    for one in _expanded(asked):
        taken = list(_remote(one, search) if _URL.match(one) else _local(one, search, found))
        prefix = _prefix(one) if len(asked) > 1 and not _is_file(taken, one) else ""
        for source in taken:
            key = (_identity(source.location), source.member)
            if key in seen:
                found.twice += 1
                continue
            seen.add(key)
            found.sources.append(replace(source, name=f"{prefix}{source.name}") if prefix else source)
    if not found.sources:
        raise CaptureError(", ".join(map(str, asked)), _nothing(found))
    found.sources.sort(key=lambda source: source.name)
    found.sources = list(_unique(found.sources))
    return found


def _nothing(found: Found) -> str:
    skipped = f" ({found.skipped} other files)" if found.skipped else ""
    return f"no captures there{skipped}; folders below are entered with --recursive"


def _expanded(asked: Iterable[str]) -> Iterator[str]:
    """Unfold lists and globs of files."""
    for one in asked:
        if one == "-":
            raise UsageError("a batch does not read standard input (-); analyze - does")
        if one.startswith("@"):
            yield from _listed(one[1:])
        elif not _URL.match(one) and not os.path.lexists(one) and glob.has_magic(one):
            names = sorted(glob.glob(one, recursive=True))  # noqa: PTH207 - patterns may be absolute
            if not names:
                raise CaptureError(one, "no file has a name like this")
            yield from names
        else:
            yield one


def _listed(path: str) -> Iterator[str]:
    try:
        lines = Path(path).read_text("utf-8", "surrogateescape").splitlines()
    except OSError as error:
        raise CaptureError(path, f"the list cannot be read: {error.strerror or error}") from error
    yield from (line for line in map(str.strip, lines) if line and not line.startswith("#"))


def _is_file(taken: list[Source], one: str) -> bool:
    return len(taken) == 1 and taken[0].location == one and taken[0].member is None


def _prefix(one: str) -> str:
    name = PurePosixPath(one.rstrip("/")).name
    return f"{name}/" if name not in ("", ".", "..") else ""


def _identity(location: str) -> str:
    return location if _URL.match(location) else os.path.realpath(location)


def _local(one: str, search: Search, found: Found) -> Iterator[Source]:
    path = Path(one)
    try:
        if path.is_dir():
            yield from _folder(path, search, found)
        elif path.exists():
            yield from _file(path, path.name)
        else:
            raise CaptureError(one, "there is no such file or folder")
    except OSError as error:
        raise CaptureError(one, f"it cannot be read: {(error.strerror or str(error)).lower()}") from error


def _folder(root: Path, search: Search, found: Found) -> Iterator[Source]:
    failed: list[OSError] = []
    for folder, below, names in os.walk(root, onerror=failed.append):
        below[:] = sorted(below) if search.recursive else []
        for name in sorted(names):
            path = Path(folder, name)
            if name.startswith(".") or not path.is_file():
                continue
            if _wanted(path, search.pattern):
                yield from _file(path, path.relative_to(root).as_posix())
            else:
                found.skipped += 1
    for error in failed:
        if Path(error.filename or "") == root:
            raise error
        found.notes.append(f"{display(str(error.filename))}: this folder cannot be read: {error.strerror}")


def _wanted(path: Path, pattern: str | None) -> bool:
    if pattern is not None:
        return fnmatch(path.name, pattern)
    if is_named_like_a_capture(path.name):
        return True
    head = head_of(path)
    return archives.kind(path, head) is not None or begins_like_a_capture(path, head)


def is_named_like_a_capture(name: str) -> bool:
    """Tell whether a file's name ends as captures' names do."""
    name = name.lower()
    for ending in PACKED:
        name = name.removesuffix(ending)
    return name.endswith(ENDINGS)


def head_of(path: Path) -> bytes:
    """Return a file's first bytes; empty when it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(_HEAD)
    except OSError:
        return b""


def begins_like_a_capture(path: Path, head: bytes) -> bool:
    """Tell whether a file, or what a gzip file holds, begins like a capture."""
    form = detect.form(head)
    if form != detect.GZIP:
        return form in (detect.PCAP, detect.PCAPNG)
    try:
        with gzip.open(path) as file:
            return detect.form(file.read(detect.HEAD_BYTES)) in (detect.PCAP, detect.PCAPNG)
    except (OSError, EOFError, ValueError):
        return False


def _file(path: Path, name: str) -> Iterator[Source]:
    """Give a file, or the captures in an archive."""
    form = archives.kind(path, head_of(path))
    if form is None:
        yield Source(name, str(path), size=path.stat().st_size)
        return
    try:
        inside = [
            Source(f"{name}/{archives.inside(member)}", str(path), member, size)
            for member, size in archives.members(path, form)
            if is_named_like_a_capture(member)
        ]
    except archives.BROKEN as error:
        yield Source(name, str(path), error=f"the {form} archive cannot be read: {error}")
        return
    yield from inside or [Source(name, str(path), error=f"no capture is in this {form} archive")]


def _remote(url: str, search: Search) -> Iterator[Source]:
    """Give the captures at a URL: a file, a folder, or a pattern."""
    try:
        import fsspec

        system, path = fsspec.core.url_to_fs(url)
        if glob.has_magic(url):
            paths, root = sorted(system.glob(path)), path.split("*", 1)[0].rpartition("/")[0]
        elif system.isdir(path):
            paths = sorted(system.find(path) if search.recursive else system.ls(path, detail=False))
            paths = [one for one in paths if _wanted_there(one, search.pattern) and not system.isdir(one)]
            root = path
        else:
            paths, root = [path], path.rpartition("/")[0]
            if not system.exists(path):
                raise CaptureError(url, "there is no such object")
        for one in paths:
            name = one.removeprefix(root).lstrip("/") or PurePosixPath(one).name
            yield Source(name, system.unstrip_protocol(one), size=system.size(one))
    except CaptureError:
        raise
    except ImportError as error:
        raise CaptureError(url, f"reading it needs another package: {error}") from error
    except Exception as error:
        raise CaptureError(url, f"it cannot be listed: {type(error).__name__}: {error}") from error


def _wanted_there(path: str, pattern: str | None) -> bool:
    name = PurePosixPath(path).name
    return is_named_like_a_capture(name) if pattern is None else fnmatch(name, pattern)


def _unique(sources: Iterable[Source]) -> Iterator[Source]:
    """Number the captures that would have one name (two roots with the same folders)."""
    taken: set[str] = set()
    for source in sources:
        name, number = source.name, 1
        while name in taken:
            number += 1
            name = f"{source.name} ({number})"
        taken.add(name)
        yield replace(source, name=name) if name != source.name else source
