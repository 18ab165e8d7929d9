"""A multipart body has one meaning: what the table says of its files is what ``analyze objects`` writes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.protocols.base import Conversation
from analyzer.protocols.http1.bodies_found import found
from analyzer.protocols.http1.session import exchanges, transactions
from tests.http1.talk import conversation

HEAD = b'Content-Disposition: form-data; name="f"; filename="f.txt"\r\n\r\n'
LINES = (
    b"\r\n--B\r\n",
    b"\r\n--B--\r\n",
    b"\n--B\n",
    b"--B",
    b"\r\n--B \t\r\n",
    b"\r\n--BX no boundary\r\n",
    b"\r\n",
    HEAD,
    b"x",
)


def upload(body: bytes, boundary: bytes = b"B", segment: int | None = None) -> Conversation:
    length = b"Content-Length: %d\r\n\r\n" % len(body)
    request = b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=" + boundary + b"\r\n"
    talk = [("c", request + length + body), ("s", b"HTTP/1.1 204 No Content\r\n\r\n")]
    return conversation(talk, segment=segment)


def told(talk: Conversation) -> list[tuple[str | None, int, bool]]:
    (row,) = transactions(talk)
    return [(p.filename, p.bytes, p.why == "file") for p in row.parameters if p.filename is not None]


def written(talk: Conversation) -> list[tuple[str | None, bytes, bool]]:
    bodies = [body for body in found(*exchanges(talk), "http", requests=True) if body.kind == "request"]
    return [(file.filename, b"".join(part.pieces), part.complete) for body in bodies for file, part in body.files()]


@pytest.mark.parametrize(
    ("body", "boundary", "content"),
    [
        (
            b"--B\r\n" + HEAD + b"line --B\r\n--BX no boundary\r\nend\r\n--B--\r\n",
            b"B",
            b"line --B\r\n--BX no boundary\r\nend",
        ),
        (b"--B\n" + HEAD.replace(b"\r", b"") + b"line\nend\n--B--\n", b"B", b"line\nend"),
        (b"--B\r\n" + HEAD + b"end\r\n--B--\r\n", b"B, x", b"end"),
        (b"--B\r\n" + HEAD + b"end\r\n--B--\r\n", b'"B"', b"end"),
        (b"--B\r\n" + HEAD + b"end\r\n--B  \t\r\n\r\n\r\n--B--", b"B", b"end"),
    ],
)
def test_one_boundary_rule(body: bytes, boundary: bytes, content: bytes) -> None:
    """RFC 2046 section 5.1.1: a delimiter is a line of its own; what fills it up is blank."""
    talk = upload(body, boundary)
    assert written(talk)[:1] == [("f.txt", content, True)]
    assert told(talk)[:1] == [("f.txt", len(content), True)]


@given(st.lists(st.sampled_from(LINES), max_size=12), st.sampled_from([None, 1, 7]))
def test_the_table_and_the_files_agree(lines: list[bytes], segment: int | None) -> None:
    body = b"--B\r\n" + HEAD + b"".join(lines)
    talk = upload(body, segment=segment)
    assert told(talk) == [(name, len(content), complete) for name, content, complete in written(talk)]
