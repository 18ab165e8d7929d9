"""Coverage-guided fuzzing of content codings: any bytes come off, or end in one of three known ways.

Run: ``python fuzz/fuzz_coding.py -max_total_time=60`` (needs atheris).

The first bytes choose a list of codings, the size of the pieces, and whether the rest is coded properly first (then one
byte of it may be broken) or taken as it is.
"""

from __future__ import annotations

import gzip
import sys
import zlib
from collections.abc import Callable, Iterator

import atheris
import brotli
import zstandard

with atheris.instrument_imports(include=["analyzer.protocols.http1"]):
    from analyzer.protocols.http1 import coding

ENCODERS: dict[bytes, Callable[[bytes], bytes]] = {
    b"gzip": gzip.compress,
    b"deflate": zlib.compress,
    b"br": lambda data: bytes(brotli.compress(data, quality=1)),
    b"zstd": zstandard.compress,
}
NAMES = tuple(ENCODERS)
MOST = 1 << 20
SLACK = coding.OUTPUT_BYTES * 256
"""How far one step may go beyond the meter: what zstd makes of the bytes it is given at a time."""


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    """Cut bytes into pieces."""
    return (data[low : low + size] for low in range(0, len(data), size))


def taken_off(data: bytes, names: list[bytes], size: int) -> tuple[bytes, str]:
    """Return what came off, and how it ended."""
    out, meter = bytearray(), coding.Meter(MOST)
    try:
        for piece in coding.decoded(pieces(data, size), names, meter):
            assert piece
            out += piece
    except coding.CodingError as error:
        return bytes(out), error.why
    except coding.LimitError:
        assert meter.spent <= MOST + SLACK
        return bytes(out), "limit"
    assert meter.spent >= len(out)
    return bytes(out), "whole"


def one_input(raw: bytes) -> None:
    """Take codings off one input, in pieces of two sizes."""
    data = atheris.FuzzedDataProvider(raw)
    names = [NAMES[data.ConsumeIntInRange(0, 3)] for _ in range(data.ConsumeIntInRange(1, 3))]
    size = data.ConsumeIntInRange(1, 64)
    kind = data.ConsumeIntInRange(0, 3)
    at, flip = data.ConsumeIntInRange(0, 1 << 16), data.ConsumeIntInRange(1, 255)
    plain = data.ConsumeBytes(data.remaining_bytes())
    coded = plain
    if kind:
        for name in names:
            coded = ENCODERS[name](coded)
    if kind == 2:
        coded = coded[: at % len(coded)]
    elif kind == 3:
        at %= len(coded)
        coded = coded[:at] + bytes([coded[at] ^ flip]) + coded[at + 1 :]
    small, how = taken_off(coded, names, size)
    large, again = taken_off(coded, names, 1 << 16)
    assert {how, again} <= {"whole", "broken", "incomplete", "limit"}
    if kind == 1:
        assert (small, how) == (plain, "whole")
    elif kind == 2:
        assert plain.startswith(small)
    if how == again == "whole":
        assert small == large, "how it was cut plays no part"


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
