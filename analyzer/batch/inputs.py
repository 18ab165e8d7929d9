"""From what was asked for - files, folders, globs, lists, archives, URLs - to the captures to analyze.

Rules:

* A file that is named is taken whatever it is; if it is no capture, it is listed as failed. So is a path, a glob or a
  list where nothing is, unless nothing at all was found.
* Of a folder, captures and archives are taken (:mod:`analyzer.batch.sources`); with ``--glob`` exactly the files whose
  name fits. Hidden files and folders are left, also in archives, and so is the folder of the results. At a URL the name
  alone tells what a file is, and so it does where the system refuses to read one: that is listed as failed.
* Folders below are entered with ``--recursive`` only. Links to folders are not followed (they may run in circles);
  links to files are. A file that is reached twice is taken once.
* ``@LIST`` is a text file with a path or a glob a line, as seen from the working folder; lines with ``#`` are comments.
  A URL (``s3://…``) is whatever fsspec knows; one of this machine (``file:///…``) is a path.
* A capture's name is its path below the folder that was asked for, or, of several paths, below the deepest folder that
  holds them all; it is unique in the batch. Order is by name.
"""

from __future__ import annotations

import codecs
import glob
import os
import re
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from operator import itemgetter
from pathlib import Path, PurePosixPath
from typing import Any

from analyzer.batch import archives, sources
from analyzer.batch.patterns import fitting
from analyzer.batch.sources import Found, Search, Source, is_folder, is_hidden, is_url, refusal
from analyzer.errors import CaptureError, UsageError
from analyzer.text import display, numbered

MAX_PARTS = 64
"""Folders and file in a capture's name: results get as many, and only archives made on purpose have more."""

MAX_PATH = 4096
"""Bytes of a capture's name: PATH_MAX of Linux, of others 1024."""

KEPT_OF_A_PART = 100
"""Characters that are shown of the first and last part of a longer name."""

_MAGIC = re.compile(r"[*?\[]")


def find(asked: Sequence[str], search: Search) -> Found:
    """Find all captures.

    Raises:
        UsageError: standard input was asked for. CaptureError: nothing that was asked for exists or can be read, or no
            capture was found at all.
    """
    found, seen = Found(), set[Hashable]()
    failed: list[CaptureError] = []
    paths = list(_expanded(asked, failed))
    top = _top([path for path in paths if not is_url(path)])
    for path in paths:
        there = _remote(path, search, found, len(paths)) if is_url(path) else _local(path, top, search, found)
        try:
            _take(there, found, seen)
        except CaptureError as error:
            failed.append(error)
    if failed and not found.sources:
        several = len({(_place(fault.path), fault.reason) for fault in failed}) > 1
        raise CaptureError(", ".join(asked), failed[0].reason) if several else failed[0]
    for fault in failed:
        name = fault.path if is_url(fault.path) else _below(_absolute(fault.path), top)
        _take([Source(name, fault.path, error=fault.reason)], found, seen)
    if not found.sources:
        raise CaptureError(", ".join(asked), _nothing(found))
    found.sources.sort(key=lambda source: source.name)
    names = numbered((source.name for source in found.sources), "{} ({})")
    found.sources = [replace(source, name=name) for source, name in zip(found.sources, names, strict=True)]
    return found


def as_path(asked: str) -> str:
    """Return the path that a URL of a file of this machine has; what else there is, as it is.

    Raises:
        CaptureError: the URL names no file.
    """
    scheme, sign, path = asked.partition("://")
    if not sign or scheme.lower() not in ("file", "local"):
        return asked
    if not path:
        raise CaptureError(asked, "this URL names no file")
    return path.removeprefix("localhost") if path.startswith("localhost/") else path


def _take(there: Iterable[Source], found: Found, seen: set[Hashable]) -> None:
    """Take what was found at one place, unless it was found before.

    Raises:
        CaptureError: nothing more can be found there.
    """
    times, place = Counter[Hashable](), lru_cache(1)(_place)
    for source in there:
        # Members of one archive may share a name, and each of them is listed.
        alike = (source.name, source.location, source.member, source.error)
        times[alike] += 1
        key = (place(source.location), source.member, source.error, times[alike])
        if key in seen:
            found.twice += 1
        else:
            seen.add(key)
            found.sources.append(_of_bounded_name(source))


def _of_bounded_name(source: Source) -> Source:
    """Return a source as it is, or refuse it, under a name that can be shown, where no system has such paths."""
    parts = source.name.split("/")
    if len(parts) <= MAX_PARTS and len(source.name.encode("utf-8", "surrogatepass")) <= MAX_PATH:
        return source
    short = "/".join(part[-KEPT_OF_A_PART:] for part in (parts[0], "…", parts[-1]))
    return replace(source, name=short, error=source.error or "its path is too long")


def _place(location: str) -> str:
    """Return what is the same of all names of one file."""
    return location if is_url(location) else os.path.realpath(_absolute(location))


def _nothing(found: Found) -> str:
    others = len(found.skipped)
    skipped = f" ({others} other {'file' if others == 1 else 'files'})" if others else ""
    below = "; the folders below are entered with --recursive" if found.folders else ""
    return f"no captures there{skipped}{below}"


def _expanded(asked: Iterable[str], failed: list[CaptureError]) -> Iterator[str]:
    """Unfold lists and globs of files; note those of which nothing is there."""
    for one in asked:
        if one == "-":
            raise UsageError("a batch does not read standard input (-); analyze - does")
        try:
            one = as_path(one)
            if one.startswith("@"):
                yield from _expanded(_listed(one[1:]), failed)
            elif not is_url(one) and not os.path.lexists(one) and glob.has_magic(one):
                yield from _fitting(one)
            else:
                yield one
        except CaptureError as error:
            failed.append(error)


def _fitting(pattern: str) -> list[str]:
    names = fitting(pattern)
    if not names:
        raise CaptureError(pattern, "no file has a name like this")
    return names


def _listed(path: str) -> list[str]:
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        raise CaptureError(path, f"the list cannot be read: {refusal(error)}") from error
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):  # so do shells of Windows
        raw = raw.decode("utf-16", "replace").encode("utf-8", "surrogatepass")
    if b"\0" in raw:
        raise CaptureError(path, f"it is no list of paths; a capture whose name begins with @ is ./@{path}")
    text = raw.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")  # Windows editors write the mark
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    named = [_named(line) for line in lines if line.strip() and not line.lstrip().startswith("#")]
    return [f"./{name}" if name.startswith(("@", "-")) else name for name in named]


def _named(line: str) -> str:
    """Return the path in a line of a list: without the blanks around it, unless that is a file's name."""
    bare = line.strip()
    return line if line != bare and os.path.lexists(line) else bare


def _top(paths: Sequence[str]) -> str:
    """Return the folder below which captures are named: the only one asked for, or the deepest that holds all paths."""
    if len(paths) == 1 and is_folder(Path(paths[0])):
        return _absolute(paths[0])
    try:
        return os.path.commonpath([str(Path(_absolute(path)).parent) for path in paths])
    except ValueError:  # none, or several drives
        return ""


def _absolute(path: str) -> str:
    """Return a path from the root on, without ``..``. Links stay as they are named; ``..`` is above their target."""
    if ".." not in Path(path).parts or os.name == "nt":  # Windows does not look at links here
        return os.path.abspath(path)  # noqa: PTH100 - it would follow links
    whole = Path(path).absolute()
    here = Path(whole.anchor)
    for part in whole.parts[1:]:
        if part != "..":
            here /= part
        elif os.path.islink(here):  # noqa: PTH114 - without asking for permission
            here = Path(os.path.realpath(here)).parent
        else:
            here = here.parent
    return str(here)


def _below(path: str, top: str) -> str:
    """Return an absolute path as it is named below the top; one that is elsewhere by its whole path."""
    whole = Path(path)
    return whole.relative_to(top if top and whole.is_relative_to(top) else whole.anchor).as_posix()


def _local(one: str, top: str, search: Search, found: Found) -> Iterator[Source]:
    path = Path(_absolute(one))
    try:
        if not Path(one).exists():
            raise CaptureError(one, "there is no such file or folder")
        if is_folder(path):
            yield from _folder(path, top, search, found)
        else:
            yield from sources.local(path, _below(str(path), top), found, asked=True)
    except OSError as error:
        raise CaptureError(one, _unreadable(error)) from error


def _folder(root: Path, top: str, search: Search, found: Found) -> Iterator[Source]:
    failed: list[OSError] = []
    for folder, below, names in os.walk(root, onerror=failed.append):
        below[:] = [name for name in sorted(below) if _entered(folder, name, search)]
        if not search.recursive:
            found.folders += sum(not os.path.islink(Path(folder, name)) for name in below)  # noqa: PTH114 - never raises
            below.clear()
        for name in sorted(names):
            path = Path(folder, name)
            if name.startswith("."):
                continue
            try:
                regular = path.is_file()
            except OSError as refusal:  # the folder may be listed, but not entered
                if _wanted_by_name(name, search):
                    yield Source(_below(str(path), top), str(path), error=_unreadable(refusal))
                    continue
                regular = False
            if regular and _wanted(path, search):
                yield from sources.local(path, _below(str(path), top), found)
            else:
                found.skipped.append(_below(str(path), top))
    for error in failed:
        if Path(error.filename or "") == root:
            raise error
        found.notes.append(f"{display(str(error.filename))}: this folder cannot be read: {error.strerror}")


def _entered(folder: str, name: str, search: Search) -> bool:
    return not name.startswith(".") and os.path.realpath(Path(folder, name)) != search.leave


def _wanted(path: Path, search: Search) -> bool:
    wanted = search.wants(path.name)
    if wanted is not None:
        return wanted
    try:
        with path.open("rb") as file:
            return sources.archive_kind(path.name, file) is not None or sources.begins_like_a_capture(file)
    except OSError:
        return _wanted_by_name(path.name, search)


def _wanted_by_name(name: str, search: Search) -> bool:
    """Tell whether a file is wanted of which no more is known than its name."""
    wanted = search.wants(name)
    return archives.is_named_like_one(name) if wanted is None else wanted


def _unreadable(error: OSError) -> str:
    return f"it cannot be read: {refusal(error)}"


def _remote(url: str, search: Search, found: Found, asked: int) -> Iterator[Source]:
    """Give the captures at a URL: a file, a folder, or a pattern."""
    prefix = ""
    try:
        import fsspec

        system, path = fsspec.core.url_to_fs(url)
        if system.isdir(path):
            deep = search.recursive
            entries = system.find(path, detail=True).values() if deep else system.ls(path, detail=True)
            entries, root = [one for one in entries if _wanted_there(one, path, search, found)], path
            prefix = f"{PurePosixPath(path).name}/" if asked > 1 and PurePosixPath(path).name else ""
        elif system.exists(path):
            entries, root = [system.info(path)], path.rpartition("/")[0]
        elif glob.has_magic(path):
            entries = [one for one in system.glob(path, detail=True).values() if one["type"] != "directory"]
            root = _MAGIC.split(path)[0].rpartition("/")[0]
        else:
            raise CaptureError(url, "there is no such object")
        for entry in sorted(entries, key=itemgetter("name")):
            name = entry["name"].removeprefix(root).lstrip("/") or PurePosixPath(entry["name"]).name
            source = Source(f"{prefix}{name}", system.unstrip_protocol(entry["name"]), size=entry.get("size"))
            yield from sources.remote(system, entry["name"], source, found)
    except CaptureError:
        raise
    except ImportError as error:
        raise CaptureError(url, f"reading it needs another package: {error}") from error
    except Exception as error:
        raise CaptureError(url, f"it cannot be listed: {type(error).__name__}: {error}") from error


def _wanted_there(entry: Mapping[str, Any], root: str, search: Search, found: Found) -> bool:
    if entry["type"] == "directory":
        return False
    path = PurePosixPath(entry["name"])
    if is_hidden(path.relative_to(root) if path.is_relative_to(root) else PurePosixPath(path.name)):
        return False
    wanted = _wanted_by_name(path.name, search)
    if not wanted:
        found.skipped.append(entry["name"])
    return wanted
