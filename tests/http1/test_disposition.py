"""Content-Disposition: the examples of RFC 6266, 8187 and 7578, what browsers send, and what nobody should."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.protocols.http1 import disposition
from analyzer.protocols.http1.bodies_found import found
from analyzer.protocols.http1.grammar import Fields
from analyzer.protocols.http1.session import exchanges, transactions
from tests.http1.talk import conversation


def fields(value: bytes) -> Fields:
    return Fields([(b"Content-Disposition", value)])


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (b"attachment", None),
        (b"Attachment; filename=example.html", b"example.html"),  # RFC 6266 section 5
        (b'INLINE; FILENAME= "an example.html"', b"an example.html"),
        (b"attachment; filename*= UTF-8''%e2%82%ac%20rates", "€ rates".encode()),
        (b"attachment; filename=\"EURO rates\"; filename*=utf-8''%e2%82%ac%20rates", "€ rates".encode()),
        (b"attachment; filename*=iso-8859-1'en'%A3%20rates; filename=x", "£ rates".encode()),  # RFC 8187 section 3.2.3
        (rb'attachment; filename="C:\Users\x.doc"', rb"C:\Users\x.doc"),
        (rb'attachment; filename="a \"b\" \\ c"', rb'a "b" \ c'),
        (b"attachment; filename=a b.txt ; x=y", b"a b.txt"),
        (b"attachment; filename=", b""),
        (b'attachment; filename=""', b""),
        (b'attachment; x="; filename=no"; filename=yes', b"yes"),
        (b"attachment; filename=first; filename=second", b"first"),
        (b'attachment; filename="never closed; name=x', b"never closed; name=x"),
        (b'attachment; filename="never closed\\', b"never closed"),
        (b"attachment; filename*=no quotes", b""),
    ],
)
def test_of_a_message(value: bytes, name: bytes | None) -> None:
    assert disposition.of_message(fields(value)) == name
    assert disposition.of_message(Fields()) is None


@pytest.mark.parametrize(
    ("value", "name", "file"),
    [
        (b'form-data; name="user"', b"user", None),  # RFC 7578 section 4.2
        (b'form-data; name="up"; filename="a.txt"', b"up", b"a.txt"),
        (b'form-data; name="up"; filename="a.txt"; filename*=utf-8\'\'b.txt', b"up", b"a.txt"),
        (b"form-data; name=\"up\"; filename*=utf-8''%e2%82%ac.txt", b"up", "€.txt".encode()),
        (b'form-data; name="a%22b%0D%0Ac"; filename="100%.txt"', b'a"b\r\nc', b"100%.txt"),
        (rb'form-data; name="a\"b"; filename=""', b'a"b', b""),
        (b"form-data; filename=x", None, b"x"),
    ],
)
def test_of_a_part(value: bytes, name: bytes | None, file: bytes | None) -> None:
    assert disposition.of_part(fields(value)) == (name, file)
    assert disposition.of_part(Fields()) == (None, None)


@given(st.binary(max_size=300))
def test_any_bytes(value: bytes) -> None:
    disposition.of_part(fields(value))
    disposition.of_message(fields(value))


@given(st.text(min_size=1, max_size=40).filter(lambda text: not set(text) & set('\r\n"\\%') and text == text.strip()))
def test_a_name_in_quotes_comes_back(text: str) -> None:
    raw = text.encode("utf-8", "surrogatepass")
    value = b'form-data; name="' + raw + b'"; filename="' + raw + b'"'
    assert disposition.of_part(fields(value)) == (raw, raw)
    assert disposition.of_message(fields(value)) == raw


@pytest.mark.parametrize(
    ("head", "name", "file"),
    [
        (b"form-data; name=a; filename=\"one.txt\"; filename*=UTF-8''two.txt", "a", "one.txt"),
        (b"form-data; name=a; filename*=UTF-8''two%20.txt", "a", "two .txt"),
        (b'form-data; name=a; filename="say %22hi%22.txt"', "a", 'say "hi".txt'),
    ],
)
def test_the_table_and_the_files_name_a_part_alike(head: bytes, name: str, file: str) -> None:
    body = b"--b\r\nContent-Disposition: " + head + b"\r\n\r\nhello\r\n--b--\r\n"
    request = (
        b"POST /up HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: %d\r\n\r\n"
    )
    talk = conversation([("c", request % len(body) + body), ("s", b"HTTP/1.1 204 No Content\r\n\r\n")])
    (row,) = transactions(talk)
    assert [(p.name, p.filename, p.bytes) for p in row.parameters] == [(name, file, 5)]
    (whole,) = found(*exchanges(talk), "http", requests=True)
    assert [(part.filename, b"".join(got.pieces)) for part, got in whole.files()] == [(file, b"hello")]
