"""A capture as a local file: itself, or a temporary copy of what is at a URL or in an archive.

Copies lie in the system's folder for temporary files under a name that says which batch made them, so that the batch
finds what workers that were ended have left (:func:`sweep`).
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from analyzer.batch.archives import opened
from analyzer.batch.sources import Source, archive_kind, is_url
from analyzer.capture.unpack import Meter
from analyzer.errors import CaptureError
from analyzer.options import Limits

_PIECE = 1 << 20


@contextlib.contextmanager
def at_hand(source: Source, run: str) -> Iterator[Path]:
    """Give a capture as a local file while the body runs.

    Args:
        run: names the batch (:class:`analyzer.batch.plan.Settings`).

    Raises:
        CaptureError: it is not there, or cannot be fetched. LimitExceededError: it is larger than we believe.
    """
    if not source.member and not is_url(source.location):
        path = Path(source.location)
        if not path.is_file():
            raise CaptureError(source.name, "it is no file" if path.exists() else "it is not there")
        yield path
        return
    with tempfile.TemporaryDirectory(prefix=_prefix(run)) as folder:
        path = Path(folder, "capture")
        try:
            with _stream(source) as stream, path.open("wb") as out:
                _copy(stream, out, source)
        except CaptureError:
            raise
        except Exception as error:
            raise CaptureError(source.name, f"it cannot be fetched: {type(error).__name__}: {error}") from error
        yield path


def sweep(run: str) -> None:
    """Remove the copies that a batch's ended workers have left on this machine."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_prefix(run)}*"):
        shutil.rmtree(folder, ignore_errors=True)


def _prefix(run: str) -> str:
    return f"analyze-{run}-"


@contextlib.contextmanager
def _stream(source: Source) -> Iterator[IO[bytes]]:
    with contextlib.ExitStack() as stack:
        name, file = source.location, stack.enter_context(_file(source.location))
        for member in source.member:
            form = archive_kind(name, file)
            if form is None:
                raise CaptureError(source.name, "its archive is not there any more")
            name, file = member, stack.enter_context(opened(file, form, member))
        yield file


def _file(location: str) -> Any:
    if not is_url(location):
        return Path(location).open("rb")
    import fsspec

    return fsspec.open(location, "rb")


def _copy(stream: IO[bytes], out: IO[bytes], source: Source) -> None:
    """Copy a stream within the limits of what a capture may unfold to."""
    inside = source.member and not is_url(source.location)
    packed = Path(source.location).stat().st_size if inside else sys.maxsize  # elsewhere nothing is known to unfold
    meter = Meter(source.name, Limits(), 0, read=packed)
    while piece := stream.read(_PIECE):
        meter.written += len(piece)
        meter.check()
        out.write(piece)
