"""Files that appear whole or not at all.

Rules: an output is written under a temporary name in its own folder and then renamed over the target (POSIX rename
is atomic), so a reader - or an interrupted run - never meets half a file. Permissions are what the umask says, as
for any file a program makes. What is no regular file (``/dev/null``, a pipe) is written to directly: a rename would
replace the device.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import stat
from collections.abc import Collection, Iterable
from pathlib import Path

from analyzer.errors import ExportError
from analyzer.text import display

ENCODING_ERRORS = "backslashreplace"
"""A lone surrogate that slipped into text is written as an escape: one odd character must not lose a report."""


def encoded(data: bytes | str | Iterable[str]) -> Iterable[bytes]:
    """Yield the data as bytes, text as UTF-8."""
    if isinstance(data, bytes):
        yield data
    else:
        for piece in [data] if isinstance(data, str) else data:
            yield piece.encode("utf-8", ENCODING_ERRORS)


def reason(error: OSError) -> str:
    """Return what the system says of an error, in its own words."""
    return error.strerror or type(error).__name__


def write_atomic(path: str | os.PathLike[str], data: bytes | str | Iterable[str]) -> Path:
    """Write a file so that it appears whole or not at all; make its folder when missing.

    Args:
        path: the target. A symbolic link is followed, not replaced.
        data: bytes, text, or pieces of text that are written as they come.

    Returns:
        The path that was written.

    Raises:
        ExportError: the folder or file cannot be written (permissions, disk full, a folder stands there). The target
            is then as it was. Whatever else interrupts (KeyboardInterrupt, an error while pieces are made) passes
            through and leaves nothing behind either.
    """
    shown = Path(path)
    try:
        target = shown.resolve()
        target.parent.mkdir(parents=True, exist_ok=True)
        mode = target.stat().st_mode if target.exists() else stat.S_IFREG
        if stat.S_ISDIR(mode):
            raise ExportError(f"{display(str(shown))}: this is a folder, not a file")
        if stat.S_ISREG(mode):
            _write_and_rename(target, data)
        else:
            with target.open("wb") as device:
                device.writelines(encoded(data))
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of symbolic links (Path.resolve before 3.13)
        words = reason(error) if isinstance(error, OSError) else str(error)
        raise ExportError(f"{display(str(shown))}: cannot be written: {words}") from error
    return shown


def write_folder(
    path: str | os.PathLike[str],
    files: Iterable[tuple[str, bytes | str | Iterable[str]]],
    own: Collection[str],
    *,
    keep: bool = False,
) -> Path:
    """Write a folder of files so that it appears whole, in place of an earlier one.

    Args:
        path: the folder. files: path of each inside it (safe, relative), and what it holds.
        own: names of all files that such a folder can have.
        keep: leave other files of an earlier one where they are; then each file appears whole by itself.

    Raises:
        ExportError: it cannot be written, or a folder stands there that holds something else; that is then as it was.
    """
    target = Path(path)
    if keep:
        for name, data in files:
            write_atomic(target / name, data)
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{secrets.token_hex(8)}.part")
        temporary.mkdir()
    except OSError as error:
        raise ExportError(f"{display(str(target))}: cannot be written: {reason(error)}") from error
    try:
        for name, data in files:
            write_atomic(temporary / name, data)
        if target.is_dir() and not target.is_symlink():
            _must_be_ours(target, own)
            shutil.rmtree(target)
        temporary.rename(target)
    except OSError as error:
        raise ExportError(f"{display(str(target))}: cannot be written: {reason(error)}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return target


def _must_be_ours(old: Path, own: Collection[str]) -> None:
    """Refuse to replace a folder that is somebody's own.

    Raises:
        ExportError: it holds something else than files named as ours are.
    """
    for path in old.iterdir():
        if path.name.startswith("."):
            continue  # a system's own
        if path.name not in own or not path.is_file():
            raise ExportError(f"{display(str(old))}: this folder holds other files ({display(path.name)}); it is left")


def _write_and_rename(target: Path, data: bytes | str | Iterable[str]) -> None:
    temporary = target.with_name(f".{secrets.token_hex(8)}.part")
    # 0o666 less the umask, as open() would do; O_EXCL so that nobody's link is followed.
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines(encoded(data))
        temporary.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
