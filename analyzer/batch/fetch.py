"""A capture as a local file: itself, or a temporary copy of what is at a URL or in an archive.

Copies lie in one folder of the batch below the system's for temporary files, which nobody else can read or write; it
goes with the batch (:func:`sweep`). An archive that cannot be read at any place, a packed tar archive or one at a URL,
is unfolded there once for all of its members, which come one after the other.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from analyzer.batch import archives
from analyzer.batch.lock import lock
from analyzer.batch.shelf import Key, Shelf, key_of
from analyzer.batch.sources import Source, archive_kind, is_url
from analyzer.errors import CaptureError

MAX_KEPT = 2
"""Unfolded archives that are kept: workers that share a machine are in one or the next."""

_SHELF = Shelf()
"""What this process has opened; the task of another capture finds it there."""


@contextlib.contextmanager
def at_hand(source: Source, run: str) -> Iterator[Path]:
    """Give a capture as a local file while the body runs.

    Args:
        run: names the batch (:class:`analyzer.batch.plan.Settings`).

    Raises:
        CaptureError: it is not there, or cannot be fetched. LimitExceededError: it is larger than is believed.
    """
    if not source.member and not is_url(source.location):
        path = Path(source.location)
        if not path.is_file():
            raise CaptureError(source.name, "it is no file" if path.exists() else "it is not there")
        yield path
        return
    with _copied(source, run) as path:
        yield path


@contextlib.contextmanager
def _copied(source: Source, run: str) -> Iterator[Path]:
    with contextlib.ExitStack() as stack:
        try:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=_folder(run))))
            with (folder / "capture").open("wb") as out, _stream(source, run) as (stream, packed):
                archives.copy(stream, out, source.name, packed)
        except CaptureError:
            raise
        except Exception as error:
            words = archives.words(error)
            if source.member:
                raise CaptureError(source.name, f"it cannot be read from its archive: {words}") from error
            raise CaptureError(source.name, f"it cannot be fetched: {type(error).__name__}: {words}") from error
        yield folder / "capture"


def prepare(source: Source, run: str) -> None:
    """Unfold the archive that a capture is in, unless it can be read as it is or somebody has: all its captures wait.

    Raises:
        CaptureError: it is not there, or cannot be read.
    """
    if not source.member:
        return
    try:
        _plain(source, run)[1].close()
    except CaptureError:
        raise
    except Exception as error:
        raise CaptureError(source.name, f"its archive cannot be read: {archives.words(error)}") from error


def sweep(run: str) -> None:
    """Remove what a batch has copied to this machine, and close what this process has opened."""
    _SHELF.clear()
    shutil.rmtree(_place(run), ignore_errors=True)


def _place(run: str) -> Path:
    return Path(tempfile.gettempdir(), f"analyze-{run}")


def _folder(run: str) -> Path:
    """Return the batch's folder for copies; make it.

    Raises:
        PermissionError: somebody else was first.
    """
    folder = _place(run)
    folder.mkdir(mode=0o700, exist_ok=True)
    if hasattr(os, "geteuid") and folder.stat().st_uid != os.geteuid():
        raise PermissionError(f"{folder} is somebody else's")
    return folder


@contextlib.contextmanager
def _stream(source: Source, run: str) -> Iterator[tuple[IO[bytes], int]]:
    """Give what is to be copied, and the bytes that it is unfolded from."""
    if not source.member:
        with _file(source.location) as file:
            yield file, sys.maxsize  # nothing is unfolded
        return
    with _archive(source, run, len(source.member) - 1) as (_, archive):
        stream, packed = archive.open(source.member[-1])
        with stream:
            yield stream, packed


@contextlib.contextmanager
def _archive(source: Source, run: str, depth: int) -> Iterator[tuple[Key, archives.Archive]]:
    """Give the archive that is so deep inside the others, opened before or now, and its key.

    It stays opened unless something goes wrong.
    """
    key, archive = _outermost(source, run) if depth == 0 else _inner(source, run, depth)
    try:
        yield key, archive
    except BaseException:
        archive.close()
        raise
    _SHELF.put(key, archive)


def _outermost(source: Source, run: str) -> tuple[Key, archives.Archive]:
    form, file = _plain(source, run)
    try:
        key = key_of(file)
        archive = _SHELF.take(key)
        if archive is None:
            return key, archives.Archive(file, form)
        file.close()
    except BaseException:
        file.close()
        raise
    return key, archive


def _inner(source: Source, run: str, depth: int) -> tuple[Key, archives.Archive]:
    """Return an archive that is a member of another; what is read of it is a copy."""
    name = source.member[depth - 1]
    with _archive(source, run, depth - 1) as (outer, archive):
        key = (*outer, name)
        found = _SHELF.take(key)
        if found is not None:
            return key, found
        stream, packed = archive.open(name)
        with stream, tempfile.TemporaryFile() as copy:
            archives.copy(stream, copy, source.name, packed)
            copy.seek(0)
            form = _form(name, copy, source)
            plain: Any = tempfile.SpooledTemporaryFile(archives.IN_MEMORY)  # noqa: SIM115 - closed with the archive
            try:
                archives.unfold(copy, plain, source.name, packed)
                return key, archives.Archive(plain, form)
            except BaseException:
                plain.close()
                raise


def _plain(source: Source, run: str) -> tuple[str, Any]:
    """Return an archive's kind, and the archive as an opened file that can be read at any place."""
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(_file(source.location))
        form = _form(source.location, file, source)
        if not is_url(source.location) and not archives.is_packed(file):
            stack.pop_all()
            return form, file
    kept = _folder(run) / f"{hashlib.sha256(source.location.encode('utf-8', 'surrogatepass')).hexdigest()}.archive"
    return form, _found(kept) or _unfolded(source, kept)


def _unfolded(source: Source, kept: Path) -> Any:
    """Unfold an archive into a file that others find, in place of those that came before; return it, opened."""
    with kept.with_suffix(".lock").open("ab") as file:
        lock(file, wait=True)  # one worker unfolds, those beside it wait
        return _found(kept) or _made(source, kept)


def _found(kept: Path) -> Any:
    try:
        return kept.open("rb")
    except FileNotFoundError:
        return None


def _made(source: Source, kept: Path) -> Any:
    part = kept.with_suffix(".part")  # one of this name: what a worker that was ended has left is written over
    out = part.open("w+b")
    try:
        with _file(source.location) as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            archives.unfold(file, out, source.name, size)
        for old in sorted(kept.parent.glob("*.archive"), key=_age)[: 1 - MAX_KEPT]:
            old.unlink(missing_ok=True)  # whoever reads it still can
        part.rename(kept)
    except BaseException:
        out.close()
        part.unlink(missing_ok=True)
        raise
    return out


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # another worker was faster
        return 0.0


def _form(name: str, file: IO[bytes], source: Source) -> str:
    form = archive_kind(name, file)
    if form is None:
        raise CaptureError(source.name, "its archive is no archive any more")
    return form


def _file(location: str) -> Any:
    if not is_url(location):
        return Path(location).open("rb")
    import fsspec

    return fsspec.open(location, "rb")
