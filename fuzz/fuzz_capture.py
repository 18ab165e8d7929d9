"""Fuzz target: any bytes, opened as a capture, give an index whose rows lie in the data, or a CaptureError.

Run: ``python fuzz/fuzz_capture.py [corpus folder]`` with atheris installed.
"""

from __future__ import annotations

import sys
import tempfile

import atheris

with atheris.instrument_imports(include=["analyzer"]):
    from analyzer.capture.source import open_capture
    from analyzer.errors import CaptureError
    from analyzer.options import Limits, Options

OPTIONS = Options(limits=Limits(decompressed_bytes=8 << 20))


def one(data: bytes) -> None:
    """Open one input."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        try:
            index = open_capture(file.name, OPTIONS)
        except CaptureError:
            return
    size = index.data.array.size
    assert int((index.offset + index.caplen).max(initial=0)) <= size
    assert int(index.interface.max(initial=0)) < max(len(index.interfaces), 1)
    assert 0 <= index.bytes_unread <= size
    assert all(frame is None or 1 <= frame <= len(index) for frame, _ in index.comments)


def main() -> None:
    """Start atheris with the command line's arguments."""
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
