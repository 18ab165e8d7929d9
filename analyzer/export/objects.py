"""A folder that bodies are written into, with a list of their hashes and a table of where they came from.

Rules: nothing that is there is overwritten, not even when it appears while we write; each file appears whole or not at
all; what is written goes through in pieces, so the size of a body needs no memory; all files together stay below a
limit. ``SHA256SUMS`` can be checked with ``sha256sum -c`` inside the folder; ``objects.tsv`` has a line for every body,
also for those that were left out. A folder is made only once there is something to write.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from analyzer.errors import ExportError, UsageError
from analyzer.export.files import reason
from analyzer.export.objects_names import Names
from analyzer.text import display, visible

SUMS, TABLE = "SHA256SUMS", "objects.tsv"

_BUFFER = 256 << 10
_FORMULA = re.compile(r"[=+@-]")
"""What makes a spreadsheet run a cell that begins with it."""


class FullError(Exception):
    """The limit on all files together is reached."""


class Draft:
    """A file being written that has no name yet.

    Attributes:
        size: bytes so far.
        most: bytes it may have, None without a limit.
    """

    def __init__(self, temporary: Path | None, most: int | None = None) -> None:
        """Begin a file under a temporary name; with None nothing is written, only counted and hashed."""
        self._temporary = temporary
        self._hash = hashlib.sha256()
        self._file: BinaryIO | None = None
        self.size, self.most = 0, most
        if temporary is not None:
            # 0o666 less the umask, as open() would do; O_EXCL so that nobody's link is followed.
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
            self._file = os.fdopen(handle, "wb", buffering=_BUFFER)

    @property
    def sha256(self) -> str:
        """Of what was written so far, in hexadecimal."""
        return self._hash.hexdigest()

    def write(self, piece: bytes) -> None:
        """Write a piece.

        Raises:
            FullError: that would be more than it may have; nothing of the piece was written.
        """
        if self.most is not None and self.size + len(piece) > self.most:
            raise FullError
        self._hash.update(piece)
        self.size += len(piece)
        if self._file is not None:
            self._file.write(piece)

    def place(self, target: Path) -> bool:
        """Give the file a name that nobody has; False, and nothing has changed, when somebody has it.

        The name is claimed with an empty file first: unlike a hard link, every file system can do that.
        """
        if self._temporary is None:
            return True
        if self._file is not None:
            self._file.close()
        try:
            os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        except FileExistsError:
            return False
        try:
            self._temporary.replace(target)
        except BaseException:
            with contextlib.suppress(OSError):
                target.unlink()
            raise
        self._temporary = None
        return True

    def discard(self) -> None:
        """Leave nothing behind; a file that has its name stays."""
        with contextlib.suppress(OSError):
            if self._file is not None:
                self._file.close()
        if self._temporary is not None:
            with contextlib.suppress(OSError):
                self._temporary.unlink()
            self._temporary = None


class Folder:
    """Where bodies are written to; a context manager, at whose end the two lists get their names.

    Attributes:
        path: None for a rehearsal: everything is done, hashes and names included, but nothing is written.
        left: bytes that may still be written, None without a limit.
        files, size: bodies written so far, and their bytes.
    """

    def __init__(self, path: Path | None, columns: Sequence[str], limit: int | None = None) -> None:
        """Look at the folder without making it.

        Args:
            path: the folder; None for a rehearsal.
            columns: of the table.
            limit: most bytes of all bodies together.

        Raises:
            UsageError: it is no folder, or has lists of an earlier run, which would be overwritten.
            ExportError: it cannot be looked into.
        """
        self.path, self.left, self.files, self.size = path, limit, 0, 0
        self._columns = columns
        self._sums: Draft | None = None
        self._table: Draft | None = None
        there = _entries(path)
        for name in (SUMS, TABLE):
            if name in there:
                raise UsageError(f"{display(str(path))}: {name} is there already, and nothing is overwritten")
        self._names = Names([*there, SUMS, TABLE])

    def __enter__(self) -> Folder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Name the lists; when something went wrong they are discarded, while bodies that have a name stay."""
        try:
            if kind is None:
                with self._writing():
                    self._name_lists()
        finally:
            for draft in (self._sums, self._table):
                if draft is not None:
                    draft.discard()

    @contextlib.contextmanager
    def draft(self) -> Iterator[Draft]:
        """Begin a file; what is not kept when the context ends is discarded.

        Raises:
            ExportError: the folder or the file cannot be written.
        """
        with self._writing():
            made = self._new(self.left)
            try:
                yield made
            finally:
                made.discard()

    def keep(self, draft: Draft, name: str, suffix: str = "") -> str:
        """Give a draft a name and return the name it got: with a number, when that one was taken."""
        while True:
            taken = self._names.take(name, suffix)
            if self.path is None or draft.place(self.path / taken):
                break
        self.files += 1
        self.size += draft.size
        if self.left is not None:
            self.left -= draft.size
        return taken

    def record(self, row: Mapping[str, object], sums: tuple[str, str] | None = None) -> None:
        """Add a line to the table, and (hash, name) to the list of hashes.

        Raises:
            ExportError: they cannot be written.
        """
        with self._writing():
            if self._table is None:
                self._table = self._new()
                self._table.write(("\t".join(self._columns) + "\n").encode())
            self._table.write(("\t".join(_cell(row[name]) for name in self._columns) + "\n").encode("utf-8", "replace"))
            if sums is not None:
                self._sums = self._sums or self._new()
                self._sums.write(f"{sums[0]}  {sums[1]}\n".encode())

    def _new(self, most: int | None = None) -> Draft:
        if self.path is None:
            return Draft(None, most)
        self.path.mkdir(parents=True, exist_ok=True)
        return Draft(self.path / f".{secrets.token_hex(8)}.part", most)

    def _name_lists(self) -> None:
        for name, draft in ((SUMS, self._sums), (TABLE, self._table)):
            if draft is not None and self.path is not None and not draft.place(self.path / name):
                raise ExportError(f"{display(str(self.path / name))}: appeared meanwhile, and nothing is overwritten")

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ExportError(f"{display(str(self.path))}: cannot be written: {reason(error)}") from error


def _entries(path: Path | None) -> frozenset[str]:
    """Return the names in a folder that may not exist yet.

    Raises:
        UsageError: a file stands there, or a link that leads nowhere.
        ExportError: it cannot be looked into.
    """
    if path is None:
        return frozenset()
    try:
        return frozenset(os.listdir(path))  # noqa: PTH208 - names are all that is wanted, of folders of any size
    except FileNotFoundError:
        if path.is_symlink():
            raise UsageError(f"{display(str(path))}: this is a link to something that does not exist") from None
        return frozenset()
    except NotADirectoryError:
        raise UsageError(f"{display(str(path))}: this is a file, not a folder") from None
    except OSError as error:
        raise ExportError(f"{display(str(path))}: cannot be read: {reason(error)}") from error


def _cell(value: object) -> str:
    """Return a cell of the table: nothing for None, no control characters, and nothing a spreadsheet would run."""
    if value is None:
        return ""
    text = visible(str(value))
    return f"'{text}" if isinstance(value, str) and _FORMULA.match(text) else text
