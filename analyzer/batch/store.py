"""Where a batch's results lie: a folder, or a place that fsspec knows (``s3://bucket/reports``).

A result appears whole or not at all: files are written beside their name and renamed, or made here and put into the
object store as a whole. One batch at a time writes into a folder (:meth:`Store.held`). Paths are relative, with ``/``,
made of safe names by whoever asks (:func:`analyzer.batch.plan.jobs`).
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from analyzer.batch.lock import lock
from analyzer.batch.sources import is_folder, is_url
from analyzer.errors import ExportError
from analyzer.export.files import encoded, reason, write_atomic, write_folder
from analyzer.text import display

Data = bytes | str | Iterable[str]
"""What a file holds: bytes, text, or text in pieces."""

_PART = re.compile(r"\.[0-9a-f]{16}\.part")
_FOLDERS = frozenset({"file", "local", "memory", "sftp", "ssh", "ftp", "smb", "hdfs", "webhdfs", "dbfs"})


@dataclass(frozen=True, slots=True)
class Store:
    """A place for results. Picklable: a worker elsewhere opens it anew."""

    root: str

    @property
    def remote(self) -> bool:
        """Whether it is no folder of a file system that this machine mounts."""
        return is_url(self.root)

    def write(self, name: str, data: Data) -> int:
        """Write one result; return how many bytes it has.

        Raises:
            ExportError: it cannot be written.
        """
        if not self.remote:
            return write_atomic(Path(self.root, name), data).stat().st_size
        try:
            system, path = self._there(name)
            with tempfile.NamedTemporaryFile() as file:
                file.writelines(encoded(data))
                file.flush()
                try:
                    system.put_file(file.name, path)
                except FileNotFoundError:
                    if not _has_folders(system):  # a bucket that is not there is no folder to be made
                        raise
                    system.makedirs(path.rpartition("/")[0], exist_ok=True)
                    system.put_file(file.name, path)
                return file.tell()
        except Exception as error:  # whatever the store's own library raises
            raise ExportError(f"{display(self.root)}/{name}: cannot be written: {_reason(error)}") from error

    def write_folder(
        self, name: str, files: Iterable[tuple[str, Data]], own: Collection[str], *, keep: bool
    ) -> dict[str, int]:
        """Write a result that is a folder of files, in place of an earlier one.

        Args:
            own: names of all files that such a folder can have.
            keep: other files of the earlier one stay (a dataset that captures share).

        Returns:
            Path of each file, and its bytes.

        Raises:
            ExportError: it cannot be written.
        """
        if not self.remote:
            names: list[str] = []
            write_folder(Path(self.root, name), _noted(files, names), own, keep=keep)
            return {f"{name}/{file}": Path(self.root, name, file).stat().st_size for file in names}
        if not keep:
            self._clear(name, own)
        return {f"{name}/{file}": self.write(f"{name}/{file}", data) for file, data in files}

    def _clear(self, name: str, own: Collection[str]) -> None:
        """Remove an earlier folder of results at a remote place.

        Raises:
            ExportError: it holds something else.
        """
        system, path = self._there(name)
        try:
            there = system.find(path)
        except FileNotFoundError:
            return
        for one in there:
            if one.rpartition("/")[2] not in own:
                raise ExportError(f"{display(self.root)}/{name}: this folder holds other files ({display(one)})")
        if there:
            system.rm(path, recursive=True)

    def share_library(self) -> None:
        """Put the library that draws the charts beside the reports, unless it is there: before one refers to it.

        Raises:
            ExportError: it cannot be written.
        """
        from analyzer.report import plotly_library

        name, script = plotly_library.shared_path(), plotly_library.plotly_script()
        there = self.size(name) == len(script.encode()) if self.remote else plotly_library.is_there(Path(self.root))
        if not there:
            self.write(name, script)

    def read(self, name: str) -> bytes | None:
        """Return a result, None when there is none (or it cannot be read)."""
        try:
            if not self.remote:
                return Path(self.root, name).read_bytes()
            system, path = self._there(name)
            found: bytes = system.cat_file(path)
        except Exception:  # noqa: BLE001 - as good as not there
            return None
        return found

    def size(self, name: str) -> int | None:
        """Return how many bytes a result has, None when there is none."""
        try:
            if not self.remote:
                return Path(self.root, name).stat().st_size
            system, path = self._there(name)
            return int(system.size(path))
        except Exception:  # noqa: BLE001 - as good as not there
            return None

    def remove(self, name: str) -> None:
        """Remove a file if it is there.

        Raises:
            ExportError: it is there and cannot be removed.
        """
        try:
            if self.remote:
                system, path = self._there(name)
                system.rm_file(path)
            else:
                Path(self.root, name).unlink(missing_ok=True)
        except Exception as error:  # whatever the store's own library raises, also where nothing is
            if self.size(name) is not None:
                raise ExportError(f"{display(self.root)}/{name}: cannot be removed: {_reason(error)}") from error

    @contextlib.contextmanager
    def held(self, name: str) -> Iterator[None]:
        """Keep other batches of this machine out of the folder while the body runs.

        Args:
            name: file that is locked, inside the folder; the lock ends with the process, whatever ends it.

        Raises:
            ExportError: another batch is writing there, or the folder cannot be written.
        """
        if self.remote:
            self.write(name, b"")  # hours should not be spent on results that cannot be written
            yield
            return
        path = Path(self.root, name)
        with contextlib.ExitStack() as stack:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                lock(stack.enter_context(path.open("ab")), wait=False)
            except BlockingIOError as error:
                raise ExportError(f"{display(self.root)}: another batch is writing there") from error
            except OSError as error:
                raise ExportError(f"{display(self.root)}: cannot be written: {reason(error)}") from error
            yield

    def sweep(self, notes: str, ours: Callable[[str], bool]) -> None:
        """Remove what workers that were ended have left in a folder that this batch holds: half-written files, notes.

        Args:
            notes: folder in which they leave notes. One below that has such a folder is that of other batches.
            ours: tells whether a path is that of a folder of results; one in which nothing is left goes, too.
        """
        if self.remote:
            return
        empty = []
        for folder, below, names in os.walk(self.root):
            below[:] = [name for name in below if not is_folder(Path(folder, name, notes))]
            place = PurePath(os.path.relpath(folder, self.root))
            empty += [Path(folder, name) for name in below if ours((place / name).as_posix())]
            for name in (*below, *names):
                path = Path(folder, name)
                if _PART.fullmatch(name):
                    shutil.rmtree(path, ignore_errors=True)
                if _PART.fullmatch(name) or (path.suffix == ".txt" and path.parent == Path(self.root, notes)):
                    with contextlib.suppress(OSError):
                        path.unlink()
        for path in empty:
            with contextlib.suppress(OSError):
                path.rmdir()  # which fails unless it is empty

    def _there(self, name: str) -> tuple[Any, str]:
        import fsspec

        system, path = fsspec.core.url_to_fs(f"{self.root.rstrip('/')}/{name}")
        return system, path


def _has_folders(system: Any) -> bool:
    """Tell whether a place has folders that must be there before files are, as object stores do not."""
    names = system.protocol if isinstance(system.protocol, tuple | list) else (system.protocol,)
    return not _FOLDERS.isdisjoint(names)


def _noted(files: Iterable[tuple[str, Data]], names: list[str]) -> Iterator[tuple[str, Data]]:
    """Hand files on, and note their names."""
    for name, data in files:
        names.append(name)
        yield name, data


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return reason(error)
    return str(error).splitlines()[0][:300] if str(error) else type(error).__name__
