"""Form data: vectors from RFC 3986, WHATWG URL and RFC 7578, holes, limits, and arbitrary bytes."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.protocols.http1 import forms
from analyzer.protocols.http1.session import transactions
from analyzer.schema import HttpRow, Parameter
from tests.http1.talk import Hole, Turn, conversation

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
FORM = b"application/x-www-form-urlencoded"


def rows(*asked: bytes, finished: bool = True) -> HttpRow:
    turns: list[Turn] = [("c", part) for part in asked]
    (row,) = transactions(conversation([*turns, ("s", ANSWER)], finished=finished))
    return row


def get(target: bytes) -> tuple[Parameter, ...]:
    return rows(b"GET %s HTTP/1.1\r\nHost: h\r\n\r\n" % target).parameters


def head(body: bytes, kind: bytes) -> bytes:
    return b"POST /f HTTP/1.1\r\nHost: h\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n" % (kind, len(body))


def post(body: bytes, kind: bytes = FORM) -> tuple[Parameter, ...]:
    return rows(head(body, kind) + body).parameters


def pairs(fields: tuple[Parameter, ...]) -> list[tuple[str, str | None]]:
    return [(field.name, field.value) for field in fields]


# ── targets ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (b"/", []),
        (b"/?", []),
        (b"/?a=1", [("a", "1")]),
        (b"/?a=1&a=2", [("a", "1"), ("a", "2")]),
        (b"/?a", [("a", "")]),
        (b"/?a=", [("a", "")]),
        (b"/?=1", [("", "1")]),
        (b"/?a=b=c", [("a", "b=c")]),
        (b"/?&&a=1&", [("a", "1")]),
        (b"/?q=two+words%21", [("q", "two words!")]),
        (b"/?%61=%2B%26%3D", [("a", "+&=")]),
        (b"/?name=M%C3%BCller", [("name", "Müller")]),
        (b"/?name=M%FCller", [("name", "M\\xfcller")]),
        (b"/?a=100%", [("a", "100%")]),
        (b"/?a=%zz", [("a", "%zz")]),
        (b"/?a=1#b=2", [("a", "1")]),
        (b"/?a=1?b=2", [("a", "1?b=2")]),
        (b"/?a=1;b=2", [("a", "1;b=2")]),
        (b"http://h/p?x=%7E", [("x", "~")]),
    ],
)
def test_targets(target: bytes, expected: list[tuple[str, str]]) -> None:
    """WHATWG URL section 5.1: ``&`` separates, ``+`` is a space; RFC 3986 section 2.1: ``%7E`` is ``~``."""
    found = get(target)
    assert pairs(found) == expected
    assert {field.place for field in found} <= {"query"}


def test_the_example_of_the_url_standard() -> None:
    """WHATWG URL section 5.1: ``name=J%C3%BCrgen&…`` as the parser takes it apart."""
    (field,) = get(b"/?q=%F0%9F%8F%B3%EF%B8%8F%E2%80%8D%F0%9F%8C%88")
    assert field.value == "\U0001f3f3\ufe0f\u200d\U0001f308"
    assert field.bytes == 42


def test_size_is_as_sent() -> None:
    (field,) = get(b"/?a=%2B%2B")
    assert (field.value, field.bytes) == ("++", 6)


def test_connect_and_asterisk_have_none() -> None:
    for line in (b"CONNECT h?a=1:443 HTTP/1.1\r\nHost: h\r\n\r\n", b"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"):
        assert rows(line).parameters == ()


@given(st.lists(st.tuples(st.text(min_size=1, max_size=20), st.text(max_size=40)), max_size=20))
def test_what_a_library_encodes_comes_back(fields: list[tuple[str, str]]) -> None:
    encoded = urlencode(fields, encoding="utf-8", errors="replace")
    shown = [(n, v) for n, v in parse_qsl(encoded, keep_blank_values=True, max_num_fields=1000) if "\0" not in v]
    ours = [(field.name, field.value) for field in get(b"/?" + encoded.encode()) if field.why is None]
    assert ours == shown


# ── urlencoded bodies ────────────────────────────────────────────────────────────────────────────────────────────


def test_body() -> None:
    found = post(b"user=anna&password=p%26q&note=two+words\r\n")
    assert pairs(found) == [("user", "anna"), ("password", "p&q"), ("note", "two words")]
    assert {field.place for field in found} == {"body"}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"user":"bob","password":"hunter2"}', [("user", "bob"), ("password", "hunter2")]),  # curl -d's default type
        (b' [{"token":"abc"}]', [("token", "abc")]),
        (b'{"city":"Bonn"}', []),  # as JSON that says so: data
        (b"{}=1&[a]=2", [("{}", "1"), ("[a]", "2")]),  # no JSON
        (b'{"a":1}&b=2', [('{"a":1}', ""), ("b", "2")]),
        (b"[" * 100_000, []),
    ],
)
def test_json_that_is_called_urlencoded(body: bytes, expected: list[tuple[str, str]]) -> None:
    found = pairs(post(body))
    assert found == expected or (len(body) > 1000 and len(found) <= 1)


def test_json_that_is_called_urlencoded_and_cut() -> None:
    body = b'{"user":"bob","password":"hunter2","no'
    request = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Type: %s\r\nContent-Length: 90\r\n\r\n" % FORM
    assert ("password", "hunter2") in pairs(rows(request + body, finished=False).parameters)


def test_target_before_body() -> None:
    body = b"b=2"
    request = b"POST /?a=1 HTTP/1.1\r\nHost: h\r\nContent-Type: %s; charset=UTF-8\r\nContent-Length: 3\r\n\r\n" % FORM
    assert [(f.place, f.name) for f in rows(request + body).parameters] == [("query", "a"), ("body", "b")]


def test_chunked_body() -> None:
    request = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n" % FORM
    assert pairs(rows(request + b"5\r\na=1&b\r\n3\r\n=23\r\n0\r\n\r\n").parameters) == [("a", "1"), ("b", "23")]


@pytest.mark.parametrize("kind", [b"text/plain", b"application/octet-stream", b"application/xml"])
def test_other_bodies_are_no_forms(kind: bytes) -> None:
    assert post(b"a=1&b=2", kind) == ()


def test_compressed_body_is_not_guessed_at() -> None:
    request = (
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Type: %s\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\na=1"
        % FORM
    )
    assert rows(request).parameters == ()


def test_hole_in_a_body() -> None:
    """The fields before the hole are told, the one it cuts without a value; nothing behind it."""
    body = b"a=1&secret=abc" + b"x" * 100 + b"&z=9"
    whole = head(body, FORM) + body
    cut = len(whole) - len(body) + 12
    row = rows(whole[:cut], Hole(whole[cut : cut + 60]), whole[cut + 60 :])
    assert [(f.name, f.value, f.why) for f in row.parameters] == [("a", "1", None), ("secret", None, "lost")]


def test_capture_ends_inside_a_body() -> None:
    body = b"a=1&b=2"
    row = rows((head(body, FORM) + body)[:-2], finished=False)
    assert [(f.name, f.value, f.why) for f in row.parameters] == [("a", "1", None), ("b", None, "cut")]


# ── multipart ────────────────────────────────────────────────────────────────────────────────────────────────────


def part(disposition: str, value: bytes, *more: str) -> bytes:
    lines = "\r\n".join([f"Content-Disposition: form-data; {disposition}", *more])
    return b"--AaB03x\r\n" + lines.encode() + b"\r\n\r\n" + value + b"\r\n"


MULTIPART = b"multipart/form-data; boundary=AaB03x"
END = b"--AaB03x--\r\n"


def test_the_parts_of_rfc_7578() -> None:
    """Section 4.2 (name), 4.3 (file), 4.5 (a character set of its own), in one body."""
    body = (
        part('name="user"', "Mülle r".encode())
        + part('name="field1"', b"Joe owes =E2=82=AC100.", "Content-Type: text/plain;charset=UTF-8")
        + part('name="pics"; filename="file1.txt"', b"0123456789", "Content-Type: text/plain")
        + END
    )
    found = post(body, MULTIPART)
    assert [(f.name, f.value, f.bytes, f.filename, f.why) for f in found] == [
        ("user", "Mülle r", 8, None, None),
        ("field1", "Joe owes =E2=82=AC100.", 22, None, None),
        ("pics", None, 10, "file1.txt", "file"),
    ]


@pytest.mark.parametrize(
    ("disposition", "name", "filename"),
    [
        ("name=plain", "plain", None),
        ('NAME="upper"', "upper", None),
        ('name="a%22b"', 'a"b', None),
        ('name="a\\"b"', 'a"b', None),
        ("name=\"f\"; filename*=UTF-8''n%C3%A4me.txt", "f", "näme.txt"),
        ('name="f"; filename=""', "f", ""),
        ('filename="x; name=y"; name="f"', "f", "x; name=y"),
        ('name="user[password]"', "user[password]", None),
    ],
)
def test_names_of_parts(disposition: str, name: str, filename: str | None) -> None:
    (field,) = post(part(disposition, b"v") + END, MULTIPART)
    assert (field.name, field.filename) == (name, filename)


def test_a_value_may_look_like_a_boundary() -> None:
    """A delimiter stands at the beginning of a line, and its line ends behind it (RFC 2046 section 5.1.1)."""
    value = b"--AaB03\r\nx--AaB03x\r\n--AaB03xy"
    (field,) = post(part('name="a"', value) + END, MULTIPART)
    assert field.value == value.decode()


def test_preamble_epilogue_and_bare_line_feeds() -> None:
    body = (b"to be ignored\r\n" + part('name="a"', b"1") + END + b"neither this").replace(b"\r\n", b"\n")
    assert pairs(post(body, MULTIPART)) == [("a", "1")]


def test_quoted_boundary() -> None:
    body = part('name="a"', b"1").replace(b"AaB03x", b"two words") + b"--two words--\r\n"
    assert pairs(post(body, b'multipart/form-data; boundary="two words"')) == [("a", "1")]


def test_without_boundary() -> None:
    assert post(part('name="a"', b"1") + END, b"multipart/form-data") == ()


def test_hole_in_an_upload() -> None:
    """The field before it is told, the file is cut at the hole, and what comes behind it is not guessed at."""
    body = part('name="a"', b"1") + part('name="f"; filename="x.bin"', b"\0" * 500) + part('name="z"', b"9") + END
    whole = head(body, MULTIPART) + body
    cut = whole.index(b"\0") + 100
    row = rows(whole[:cut], Hole(whole[cut : cut + 200]), whole[cut + 200 :])
    assert [(f.name, f.value, f.bytes, f.why) for f in row.parameters] == [
        ("a", "1", 1, None),
        ("f", None, 100, "lost"),
    ]


# ── JSON ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"user": "anna", "password": "p\\u00e4ss"}', [("user", "anna"), ("password", "päss")]),
        (b'{"login": {"pwd": "x", "n": 1.50}}', [("login.pwd", "x"), ("login.n", "1.50")]),
        (b'{"keep": true, "none": null, "pwd": "x"}', [("keep", "true"), ("pwd", "x")]),
        (b'[{"apiKey": "k"}]', [("apiKey", "k")]),
        (b'{"name": "anna", "age": 3}', []),
        (b'{"bypass": true, "text": "my password"}', []),
        (b'"password"', []),
        (b"", []),
    ],
)  # fmt: skip
def test_json(body: bytes, expected: list[tuple[str, str]]) -> None:
    assert pairs(post(body, b"application/json; charset=utf-8")) == expected


def test_json_login_that_is_cut() -> None:
    body = b'{"password": "secret", "text": "' + b"x" * 50 + b'"}'
    row = rows((head(body, b"application/json") + body)[:-10], finished=False)
    assert pairs(row.parameters) == [("password", "secret")]


@pytest.mark.parametrize(
    "body", [b'{"password":' * 30_000, b"[" * 100_000 + b'"token"', b'{"password": ' + b"9" * 99_999]
)
def test_json_made_to_hurt(body: bytes) -> None:
    assert post(body, b"application/json") == ()


# ── limits ───────────────────────────────────────────────────────────────────────────────────────────────────────


def problems(request: bytes) -> list[str]:
    talk = conversation([("c", request), ("s", ANSWER)])
    transactions(talk)
    return [problem.message for problem in talk.problems if problem.code == "LIMIT-REACHED"]


def test_too_many_fields() -> None:
    target = b"/?" + b"&".join(b"f%d=1" % n for n in range(forms.FIELDS_KEPT + 1))
    request = b"GET %s HTTP/1.1\r\nHost: h\r\n\r\n" % target
    assert len(rows(request).parameters) == forms.FIELDS_KEPT
    (message,) = problems(request)
    assert "200 fields" in message
    assert problems(request.replace(b"&f200=1", b"")) == []


def test_too_long_a_form() -> None:
    body = b"a=1&b=" + b"x" * forms.FORM_BYTES
    request = head(body, FORM) + body
    assert [(f.name, f.why) for f in rows(request).parameters] == [("a", None), ("b", "limit")]
    (message,) = problems(request)
    assert "bytes" in message


def test_large_upload() -> None:
    """Of a file beyond the limit the name is told, not the size."""
    body = part('name="f"; filename="film"', b"\0" * forms.MULTIPART_BYTES) + part('name="z"', b"9") + END
    request = head(body, MULTIPART) + body
    assert [(f.name, f.filename, f.why) for f in rows(request).parameters] == [("f", "film", "limit")]
    assert len(problems(request)) == 1


def test_long_and_binary_values_are_not_shown() -> None:
    long, binary = get(b"/?a=" + b"x" * (forms.VALUE_BYTES + 1) + b"&b=%00%01")
    assert (long.value, long.why, long.bytes) == (None, "long", forms.VALUE_BYTES + 1)
    assert (binary.value, binary.why) == (None, "binary")


def test_long_names_keep_both_ends() -> None:
    (field,) = get(b"/?" + b"x" * 5000 + b"_password=1")
    assert len(field.name) == forms.NAME_BYTES + 1
    assert field.name.endswith("_password")


@pytest.mark.parametrize(
    "body",
    [b"\r\n--AaB03x" * 200_000, b"--AaB03x\r\n" * 200_000, b"--AaB03x\r\n\r\n" * 200_000, b"-" * 1_000_000],
)
def test_boundaries_made_to_hurt(body: bytes) -> None:
    assert post(body, MULTIPART) == ()


@given(
    st.binary(max_size=300),
    st.sampled_from([FORM, MULTIPART, b"application/json", b"multipart/form-data; boundary=-"]),
)
def test_arbitrary_bodies(body: bytes, kind: bytes) -> None:
    """Never an exception, and never more text than was sent."""
    for field in post(body, kind):
        assert field.bytes <= len(body)
        assert len(field.value or "") <= 4 * len(body)
