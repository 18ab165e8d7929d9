"""Where a batch's results lie: a folder, or a place that fsspec knows (``s3://bucket/reports``).

A result appears whole or not at all: files are written beside their name and renamed; object stores do that by
themselves. Paths are relative, with ``/``, made of safe names by whoever asks (:func:`analyzer.batch.plan.stems`).
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analyzer.errors import ExportError
from analyzer.export.files import ENCODING_ERRORS, write_atomic, write_folder
from analyzer.text import display

_PART = re.compile(r"\.[0-9a-f]{16}\.part")
_URL = re.compile("[A-Za-z][A-Za-z0-9+.-]+://")


@dataclass(frozen=True, slots=True)
class Store:
    """A place for results. Picklable: a worker elsewhere opens it anew."""

    root: str

    @property
    def remote(self) -> bool:
        """Whether it is no folder of a file system that this machine mounts."""
        return bool(_URL.match(self.root))

    def write(self, name: str, data: bytes | str | Iterable[str]) -> None:
        """Write one result.

        Raises:
            ExportError: it cannot be written.
        """
        if not self.remote:
            write_atomic(Path(self.root, name), data)
            return
        pieces = [data] if isinstance(data, bytes | str) else data
        try:
            system, path = self._there(name)
            with system.open(path, "wb") as file:
                for piece in pieces:
                    file.write(piece if isinstance(piece, bytes) else piece.encode("utf-8", ENCODING_ERRORS))
        except Exception as error:  # whatever the store's own library raises
            raise ExportError(f"{display(self.root)}/{name}: cannot be written: {_reason(error)}") from error

    def write_folder(self, name: str, files: Iterable[tuple[str, bytes | str | Iterable[str]]], *, keep: bool) -> None:
        """Write a result that is a folder of files, in place of an earlier one.

        Args:
            keep: other files of the earlier one stay (a dataset that captures share).

        Raises:
            ExportError: it cannot be written.
        """
        if not self.remote:
            write_folder(Path(self.root, name), files, keep=keep)
            return
        for file, data in files:
            self.write(f"{name}/{file}", data)

    def share_library(self) -> None:
        """Put the library that draws the charts beside the reports, unless it is there: before one refers to it.

        Raises:
            ExportError: it cannot be written.
        """
        from analyzer.report import plotly_library

        if self.remote or not plotly_library.is_there(Path(self.root)):
            self.write(plotly_library.shared_path(), plotly_library.plotly_script())

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

    def has(self, name: str) -> bool:
        """Tell whether a result is there."""
        if not self.remote:
            return Path(self.root, name).exists()
        try:
            system, path = self._there(name)
            return bool(system.exists(path))
        except Exception:  # noqa: BLE001 - as good as not there
            return False

    def remove(self, name: str) -> None:
        """Remove a result if it is there."""
        with contextlib.suppress(Exception):
            if self.remote:
                system, path = self._there(name)
                system.rm(path)
            else:
                Path(self.root, name).unlink()

    def sweep(self, since: float) -> None:
        """Remove what workers that were ended left half-written since an instant (seconds since the epoch)."""
        if self.remote:
            return
        for path in Path(self.root).rglob(".*.part"):
            with contextlib.suppress(OSError):
                if _PART.fullmatch(path.name) and path.stat().st_mtime >= since:
                    path.unlink()

    def _there(self, name: str) -> tuple[Any, str]:
        import fsspec

        system, path = fsspec.core.url_to_fs(f"{self.root.rstrip('/')}/{name}")
        return system, path


def _reason(error: Exception) -> str:
    return str(error).splitlines()[0][:300] if str(error) else type(error).__name__
