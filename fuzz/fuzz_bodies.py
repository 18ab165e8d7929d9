"""Coverage-guided fuzzing of bodies as ``analyze objects`` reads them: any body can be read, whatever it claims to be.

Run: ``python fuzz/fuzz_bodies.py -max_total_time=60`` (needs atheris).

The first bytes choose the framing, the type and the boundary; the rest becomes the body, made of pieces of multipart
bodies and of any bytes. What the table says of the parts must be what is read of them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

with atheris.instrument_imports(include=["analyzer.protocols.http1", "analyzer.export.objects_names"]):
    from analyzer.export.objects_names import from_path, safe_name
    from analyzer.protocols.http1.bodies_found import found
    from analyzer.protocols.http1.coding import CodingError, LimitError
    from analyzer.protocols.http1.session import exchanges, transactions

from tests.http1.talk import Hole, Turn, conversation

TYPES = (
    b"multipart/form-data; boundary=b",
    b'multipart/form-data; boundary="b c"',
    b"multipart/form-data; boundary=b, x",
    b"multipart/mixed;boundary=" + b"y" * 70,
    b"application/x-www-form-urlencoded",
    b"application/json",
)
PARTS = (
    b"",
    b"\r\n--b\r\n",
    b"--b\r\n",
    b"\n--b\n",
    b"\r\n--b--\r\n",
    b"\r\n--b not one\r\n",
    b"\r\n--b c\r\n",
    b"\r\n--" + b"y" * 70 + b"  \r\n",
    b'Content-Disposition: form-data; name="f"; filename="a.txt"\r\n\r\n',
    b"Content-Disposition: form-data; name=f; filename=a; filename*=UTF-8''%e2%82%ac.txt\r\n\r\n",
    b'Content-Disposition: form-data; name="x"\r\n\r\n',
    b'{"password":"x","a":[1,{"b":null}]}',
)


def turns_of(data: atheris.FuzzedDataProvider) -> list[Turn]:
    """Make a request with a body, and an answer with the same one."""
    kind = TYPES[data.ConsumeIntInRange(0, len(TYPES) - 1)]
    chunked, hole = data.ConsumeBool(), data.ConsumeBool()
    body = b""
    while data.remaining_bytes() and len(body) < 4096:
        body += PARTS[data.ConsumeIntInRange(0, len(PARTS) - 1)] + data.ConsumeBytes(data.ConsumeIntInRange(0, 40))
    sent = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if chunked and body else body
    length = b"Transfer-Encoding: chunked" if sent is not body else b"Content-Length: %d" % len(body)
    head = b"Content-Type: " + kind + b"\r\n" + length + b"\r\nContent-Disposition: attachment; filename=x.txt\r\n\r\n"
    half = len(sent) // 2
    middle = Hole(sent[half : half + 8]) if hole else sent[half : half + 8]
    turns: list[Turn] = [("c", b"POST /a/b.txt?c HTTP/1.1\r\nHost: a\r\n" + head), ("c", sent[:half]), ("c", middle)]
    turns += [("c", sent[half + 8 :]), ("s", b"HTTP/1.1 200 OK\r\n" + head + sent)]
    return [turn for turn in turns if turn[1]]


def one_input(raw: bytes) -> None:
    """Read every body of one input, and the files in it."""
    data = atheris.FuzzedDataProvider(raw)
    segment = (None, 1, 7)[data.ConsumeIntInRange(0, 2)]
    talk = conversation(turns_of(data), segment=segment)
    told = [p for row in transactions(talk) for p in row.parameters if p.place == "body" and p.filename is not None]
    facing, met = exchanges(talk)
    sizes: list[tuple[str | None, int, bool]] = []
    for body in found(facing, met, "http", requests=True):
        safe_name(body.filename or from_path(body.url or ""))
        try:
            assert sum(map(len, body.pieces(raw=True))) <= (body.transferred or 0)
            for file, part in body.files():
                safe_name(file.filename or "")
                size = sum(map(len, part.pieces))
                sizes.append((file.filename, size, part.complete))
        except (CodingError, LimitError):
            return
    whole = [(p.filename, p.bytes) for p in told if p.why == "file"]
    read = [(name, size) for name, size, complete in sizes if complete]
    if len(whole) == len(read) == len(told) == len(sizes):
        assert whole == read, "both readers find the same files"


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
