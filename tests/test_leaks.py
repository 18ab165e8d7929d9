"""No secret leaves: one is planted at every place a capture can carry one, and every output is searched for it.

Each place is a connection of its own with a marker of its own, all in one capture; the terminal, the page, JSON, HAR,
``analyze explain``, ``analyze objects`` and the names of its files must hold none of the markers. What is ordinary must
stay readable, and is planted and looked for in the same way. Beside it, a guard: a text column of the HTTP and
WebSocket tables is masked, or it is on a list here with the reason why it need not be.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import typing
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from analyzer.__main__ import main
from analyzer.explain_text import document
from analyzer.masking import mask_row
from analyzer.masking_messages import mask_messages
from analyzer.pipeline import analyze
from analyzer.protocols.http1.session import transactions
from analyzer.schema import Cookie, HttpRow, Parameter, WebSocketMessage, WebSocketRow
from tests import build
from tests.http1.talk import conversation
from tests.playbook import Playbook
from tests.websocket import wire

Turns = tuple[bytes, bytes]
Place = Callable[[str], Turns]
"""Given a marker, what client and server say."""

OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"
HEAD, CLAIMS = "eyJhbGciOiJIUzI1NiJ9", "eyJzdWIiOiIxMjM0In0"
"""The first two parts of a JSON Web Token (RFC 7519 section 3.1)."""


def header(line: str) -> Place:
    return lambda mark: (f"GET /h HTTP/1.1\r\nHost: a.test\r\n{line.replace('@@', mark)}\r\n\r\n".encode(), OK)


def answer(line: str) -> Place:
    def turns(mark: str) -> Turns:
        told = f"HTTP/1.1 200 OK\r\n{line.replace('@@', mark)}\r\nContent-Length: 2\r\n\r\nok"
        return b"GET /r HTTP/1.1\r\nHost: a.test\r\n\r\n", told.encode()

    return turns


def target(text: str) -> Place:
    return lambda mark: (f"GET {text.replace('@@', mark)} HTTP/1.1\r\nHost: a.test\r\n\r\n".encode(), OK)


def post(kind: str, text: str) -> Place:
    def turns(mark: str) -> Turns:
        body = text.replace("@@", mark).encode()
        head = f"POST /f HTTP/1.1\r\nHost: a.test\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        return head.encode() + body, OK

    return turns


def form(text: str) -> Place:
    return post("application/x-www-form-urlencoded", text)


def json_body(text: str) -> Place:
    return post("application/json", text)


def part(disposition: str, text: str) -> Place:
    body = f"--BB\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{text}\r\n--BB--\r\n"
    return post("multipart/form-data; boundary=BB", body)


def message(text: str) -> Place:
    return lambda mark: (wire.REQUEST + wire.masked(wire.TEXT, text.replace("@@", mark).encode()), wire.RESPONSE)


NAMED: dict[str, tuple[Callable[[str], Place], tuple[str, ...]]] = {
    "request header": (header, (
        "Authorization: Basic @@", "Authorization: @@", "Authorization: @@ x", "Authorization:\tBasic\t@@ x",
        "Authorization: Token @@", "Authorization: AWS AK:@@", "Proxy-Authorization: Basic @@", "Cookie: a=@@",
        "Cookie: @@", "Cookie: a=b, c=@@", "Cookie: a=b;\r\n c=@@", "(Cookie): a=@@", "X-Forwarded-Cookie: @@",
        "MyCookie: @@", "X-Original-Cookie: sid=@@", "Ocp-Apim-Subscription-Key: @@", "X-RapidAPI-Key: @@",
        "X-Functions-Key: @@", "X-Parse-Master-Key: @@", "X-Master-Key: @@", "X-Auth-Key: @@", "Api_Key: @@",
        "Key: @@", "X-TOTP: @@", "X-PIN: @@", "DPoP: @@", "X-Session: @@", "X-SessionToken: @@", "X-Pwd: @@",
        'X-Custom: {"password":"@@"}', "X-Custom: password: @@", 'X-Data: user="u", password="@@"',
        'X-Data: a=1, b="2", c=3, d=4, e=5, password="@@"', "Referer: http://x/?token=@@", "Referer: http://u:@@@h/",
        "User-Agent: bot http://u:@@@h/", "User-Agent: bot/?token=@@", "Host: u:@@@h.test", "Host: token=@@",
        "Origin: http://u:@@@h", "Upgrade: token=@@", 'If-None-Match: "token=@@"', "Accept: x;token=@@",
        "Content-Type: text/x;token=@@", "X-Api-Key : @@", "Sec-WebSocket-Protocol: access_token, @@",
    )),
    "response header": (answer, (
        "Set-Cookie: a=@@; Path=/", "Set-Cookie: @@", "Set-Cookie: a=1, sid=@@; Path=/",
        "Set-Cookie: a=1; expires=Wed, 09 Jun 2027 10:18:14 GMT, sid=@@; path=/", "Set-Cookie: a=1; path=/, sid=@@",
        "Set-Cookie: a=1; path=/, @@", "Set-Cookie: a=1; HttpOnly, sid=@@; path=/", "Set-Cookie: a=1; Secure=@@",
        "Set-Cookie: a=1; Path=/x?token=@@", "Set-Cookie: a=1; Path=@@", "Set-Cookie: a=1; Domain=@@",
        "Set-Cookie: a=1; Expires=@@", "Set-Cookie: a=1; Max-Age=@@", "Set-Cookie: a=1; SameSite=@@",
        "Set-Cookie: a=1; @@", "Set-Cookie2: a=@@", "Location: http://x/?token=@@", "Location: /cb#access_token=@@",
        "Location: http://u:@@@h/", "Refresh: 0;url=/?token=@@", "Link: </?token=@@>; rel=next", "Server: x token=@@",
        'ETag: "token=@@"', "X-Auth: @@", 'Authentication-Info: x="@@"', "Via: token=@@", 'NEL: {"token":"@@"}',
        "Strict-Transport-Security: token=@@", "Last-Modified: token=@@", "Content-Encoding: token=@@",
        'Content-Disposition: attachment; filename="token=@@"', "Content-Security-Policy: report-uri /?token=@@",
    )),
    "target": (target, (
        "/a?token=@@", "/a?tok%65n=@@", "/a?to%256ben=@@", "/a;jsessionid=@@", "/token=@@", "/a?x=1#token=@@",
        "http://u:@@@h/a", "u:@@@h:443", "/u:@@@h:443", "//u:@@@h/a", "/a?next=http%3A%2F%2Fh%2F%3Ftoken%3D@@",
        "/a?n=%252Fb%25253Ftoken%25253D@@", "/a?data=%7B%22password%22%3A%22@@%22%7D", '/a?data={"password":"@@"}',
        '/a?data={"password":"x&@@"}', "/a?pass+word=@@", "/a?user[password]=@@", "/a?user%5Bpassword%5D=@@",
        "/a?passwordconfirm=@@", "/a?passwordRepeat=@@", "/a?passwordagain=@@", "/a?code_verifier=@@",
        "/a?device_code=@@", "/a?sms_code=@@", "/a?mfa_code=@@", "/a?totp=@@", "/a?pincode=@@", "/a?wresult=@@",
        "/a?macaroon=@@", "/a?sso=@@", "/a?key=@@", "/a?subscriptionkey=@@", "/a?userkey=@@", "/a?cardnumber=@@",
        "/a?token%00=@@", "/a?%20token%20=@@", "/a?token\t=@@", "/a?token[]=@@", "/a?token==@@", "/a?x=1,token=@@",
        "/a?x=token:@@", "/a?t%6Fken%3D@@", "/a?url=ftp%253A%252F%252Fu%253A@@%2540h",
    )),
    "form": (form, (
        "user=bob&password=@@", '{"user":"bob","password":"@@"}', '{"user":"bob","password":"@@', "password%3D@@",
        'data={"password":"@@"}', "data=%7B%22password%22%3A%22@@%22%7D", "a=b&d=<password>@@</password>",
        "x=Bearer+@@", 'j={"a":{"auth":{"secret":"@@"}}}', 'query=mutation{login(password:"@@")}', "user=a;password=@@",
        "wresult=<saml>@@", "ctl00%24pw=@@", "user:bob password:@@", "{password:'" + "x" * 200 + "@@'}", "pw=@@",
    )),
    "JSON": (json_body, (
        '{"password":"@@"}', '{"a":{"b":{"password":"@@"}}}', '{"passwo\\u0072d":"@@"}', '[{"password":"@@"}]',
        '{"password":"x123456","data":"{\\"password\\":\\"@@\\"}"}', '{"password":{"value":"@@"}}',
        '{"token":"abcdefgh","query":"mutation{login(password:\\"@@\\")}"}', '{"token":"abcdefgh","cookie":"@@"}',
        '{"token":"abcdefgh","headers":"Cookie: a=@@"}', '{"token":"abcdefgh","url":"http://u:@@@h"}',
        '{"token":"abcdefgh","k":[{"name":"password","value":"@@"}]}', '{"password":"abcdef","a":"b","@@',
        '{"token":"abcdefgh","k":[{"value":"@@","name":"password"}]}',
    )),
    "message": (message, (
        '{"password":"@@"}', '42["login",{"password":"@@"}]', 'a["{\\"password\\":\\"@@\\"}"]',
        '<auth mechanism="PLAIN">@@</auth>', "<password>@@</password>", "<x:password a='b'>@@", "PASS @@", "AUTH @@",
        "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>@@</response>", "CONNECT\nlogin:bob\npasscode:@@\n\n\0",
        "Authorization: Bearer @@", "Cookie: a=@@", "cookie=@@", '{"type":"auth","payload":"@@"}', "?password=@@",
        '{"type":"connection_init","payload":{"x-hasura-admin-secret":"@@"}}', '{"method":"auth","params":["@@"]}',
        '{"op":"auth","args":["key","@@"]}', '{"access_token" : \n "@@"}', '{"password"\n:\n"@@"}', '["auth","@@"]',
        "{'password': '@@'}", "password=@@", '{"passwordconfirm":"@@"}', '{"pass\\u0077ord":"@@"}', "redis://:@@@h",
        '{"password":"a\\"@@"}', "https://u:@@@h", '{"key":"password","value":"@@"}', '{"value":"@@","key":"password"}',
        '{"token":12345,"password":\t\t\t\t\t\t"@@"}', '{"password":["x","@@"]}', '{"password":{"a":"}","b":"@@"}}',
        '{"password"=>"@@"}',
    )),
}  # fmt: skip
"""Places where something beside the secret says what it is. The marker is a word like any other."""

SHAPED: dict[str, Place] = {
    "token in a header": header(f"X-Id: {HEAD}.{CLAIMS}@@.@@abcdef"),
    "token in a path": target(f"/reset/{HEAD}.{CLAIMS}@@.@@abcdef"),
    "token in a query": target(f"/a?d={HEAD}.{CLAIMS}@@.@@abcdef"),
    "token in a form": form(f"x={HEAD}.{CLAIMS}@@.@@abcdef"),
    "token in a message": message(f'{{"p":"{HEAD}.{CLAIMS}@@.@@abcdef"}}'),
    "token as subprotocol": header(f"Sec-WebSocket-Protocol: {HEAD}.{CLAIMS}@@.@@abcdef"),
    "subprotocol": header("Sec-WebSocket-Protocol: graphql-ws, @@"),
    "bearer": header("X-Custom: Bearer @@"),
    "api key": header("X-Custom: ApiKey @@"),
    "token": header("X-Custom: Token @@"),
    "bearer in JSON": json_body('{"token":"abcdefgh","x":"Bearer @@"}'),
    "bearer in a message": message('{"x":"Bearer @@"}'),
}
"""Places where only the form of a secret tells."""

OTHER: dict[str, Place] = {
    "reason": lambda mark: (
        b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", f"HTTP/1.1 200 token={mark}\r\nContent-Length: 0\r\n\r\n".encode()
    ),
    "method": lambda mark: (f"token={mark} / HTTP/1.1\r\nHost: a.test\r\n\r\n".encode(), OK),
    "HTTP/0.9": lambda mark: (f"GET /?token={mark}\r\n".encode(), b"hello"),
    "trailer": lambda mark: (
        b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n",
        f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Api-Key: {mark}\r\n\r\n".encode(),
    ),
    "close reason": lambda mark: (wire.REQUEST + wire.masked(8, b"\x03\xe8token=" + mark.encode()), wire.RESPONSE),
    "part password": part('name="password"', "@@"),
    "part in apostrophes": part("name='password'", "@@"),
    "part with JSON": part('name="x"', '{"password":"@@"}'),
    "part with a form": part('name="x"', "password=@@"),
    "file name": part('name="x"; filename="token=@@"', "z"),
    "subprotocol chosen": lambda mark: (
        wire.REQUEST + wire.masked(wire.TEXT, b"x"), wire.response(f"Sec-WebSocket-Protocol: bearer.{mark}")
    ),
    "extension": lambda mark: (
        wire.REQUEST + wire.masked(wire.TEXT, b"x"), wire.response(f"Sec-WebSocket-Extensions: x; token={mark}")
    ),
}  # fmt: skip

HARMLESS: dict[str, Place] = {
    **{line: header(line) for line in (
        "Accept: text/@@", "User-Agent: Mozilla/5.0 (@@; rv:109.0)", "Via: 1.1 @@:3128", "Keep-Alive: @@",
        "Author: @@", "Host-Key: @@", "Cache-Control: @@=5", 'If-None-Match: "@@"', "X-Zip-Code: @@",
        "Sec-WebSocket-Key: @@", "Referer: http://x/@@?keyword=@@", "From: @@@b.example", "X-Pages: passage: @@",
    )},
    **{line: answer(line) for line in (
        "Public-Key-Pins: pin-sha256=@@", "Access-Control-Allow-Credentials: @@", 'ETag: "@@"', "Via: 1.1 @@",
        "Server: @@/1.2", "Set-Cookie: a=1; Path=/@@", "Set-Cookie: a=1; Domain=@@.example", "Cache-Control: @@",
        "Location: https://a.test/@@?page=1", "Permissions-Policy: publickey-credentials-get=(@@)",
        'Content-Disposition: attachment; filename="@@.txt"', 'WWW-Authenticate: Basic realm="@@"',
    )},
    **{text: target(text) for text in (
        "/@@", "/a?keyword=@@", "/a?monkey=@@", "/a?passage=@@", "/a?author=@@", "/a?tokenize=@@", "/a?keyboard=@@",
        "/a?compass=@@", "/a?zip_code=@@", "/a:b/@@", "/a?next=%2Fx%3Fpage%3D@@", "/@scope/x@@@1.0/a.js",
    )},
    **{text: form(text) for text in ("q=@@", "comment=I+lost+my+keyboard%3A+@@", "q={\"city\":\"@@\"}")},
    **{text: message(text) for text in (
        '{"type":"chat","text":"@@"}', "the price is @@", '{"type":"status","code":404,"payload":"@@"}', "pass the @@",
        "<message><body>@@</body></message>", '["news","@@"]', '{"name":"city","value":"@@"}',
    )},
}  # fmt: skip
"""Ordinary places: what stands there is to be read."""


NOT_READ = {"method", "trailer", 'JSON: {"password":"abcdef","a":"b","@@'}
"""Places that no table shows anything of: no request, a field behind a body, a name without a value."""


def places() -> dict[str, tuple[Place, bool]]:
    """Return every place with a secret by its name, and whether its marker is a plain word."""
    named = {f"{kind}: {text}": (make(text), True) for kind, (make, texts) in NAMED.items() for text in texts}
    return named | {name: (place, False) for name, place in (SHAPED | OTHER).items()}


def letters(number: int) -> str:
    return "".join(chr(97 + number // 26**power % 26) for power in (2, 1, 0))


def marker(number: int, *, plain: bool) -> str:
    """Return a word that stands nowhere else: of letters, or as tokens look."""
    return f"zqj{letters(number)}vxw" if plain else f"Zq{number:03}Jx{number:03}Wk9"


def capture(said: list[Turns]) -> bytes:
    """Return one capture with a connection for each pair of turns."""
    packets = []
    for number, (asked, told) in enumerate(said):
        book = Playbook(rtt_ms=2, client_port=20_000 + number, mss=9000)
        book.at(number * 20).handshake()
        book.at(number * 20 + 5).client.send(asked)
        book.at(number * 20 + 10).server.send(told)
        book.at(number * 20 + 12).close()
        packets += book.packets
    return build.pcap_file(sorted(packets, key=lambda packet: packet[0]), nanoseconds=True)


def planted() -> list[tuple[str, Place, str, str]]:
    """Return (name, place, marker, secret | ordinary) of every place."""
    kinds = [(name, place, plain, "secret") for name, (place, plain) in places().items()]
    kinds += [(name, place, True, "ordinary") for name, place in HARMLESS.items()]
    return [(name, place, marker(at, plain=plain), kind) for at, (name, place, plain, kind) in enumerate(kinds)]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Analyze the capture, and return everything that is written or shown."""
    folder = tmp_path_factory.mktemp("leaks")
    path = folder / "talk.pcap"
    path.write_bytes(capture([place(mark) for _, place, mark, _ in planted()]))
    reports, bodies = folder / "reports", folder / "bodies"
    reports.mkdir()
    shown = {
        "terminal": said(str(path), "-f", "html", "-f", "json", "-f", "har", "-o", str(reports)),
        "objects on the terminal": said("objects", str(path), "--requests", "--partial", "-o", str(bodies)),
        "revealed": said(str(path), "--reveal", "-f", "json", "-o", str(folder / "revealed.json")),
    }
    shown["stories"] = "\n".join(stories(path))
    shown |= {file.suffix: file.read_text("utf-8") for file in reports.iterdir()}
    shown["objects.tsv"] = (bodies / "objects.tsv").read_text("utf-8")
    shown["names of files"] = "\n".join(file.name for file in bodies.iterdir())
    shown["revealed"] = (folder / "revealed.json").read_text("utf-8")
    assert shown.keys() > {".html", ".json", ".har"}
    return shown


def stories(path: Path) -> Iterator[str]:
    """Tell the capture, and each of its visits, as ``analyze explain`` does, without line breaks in the sentences."""
    analysis = analyze(str(path))
    for visit in (None, *(visit.visit for visit in analysis.visits)):
        for line in document(analysis, visit=visit, lang="en", width=10_000):
            yield "".join(span.text for span in line)


def said(*arguments: str) -> str:
    """Run the program, and return what it shows."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        assert main(list(arguments)) == 0
    return out.getvalue()


def test_no_secret_leaves(outputs: dict[str, str]) -> None:
    found = {where: text + text.lower() for where, text in outputs.items() if where != "revealed"}
    marks = [(name, mark) for name, _, mark, kind in planted() if kind == "secret"]
    assert [(name, where) for name, mark in marks for where, text in found.items() if mark in text] == []


def test_what_is_ordinary_stays_readable(outputs: dict[str, str]) -> None:
    marks = [(name, mark) for name, _, mark, kind in planted() if kind == "ordinary"]
    assert [name for name, mark in marks if mark not in outputs[".json"]] == []


def test_revealed_they_are_there(outputs: dict[str, str]) -> None:
    """Or the first test would find nothing whatever the program does: what cannot be read is no proof."""
    hidden = {name for name, _, mark, _ in planted() if mark not in outputs["revealed"]}
    assert hidden == NOT_READ


# ── the guard ────────────────────────────────────────────────────────────────────────────────────────────────────

OWN_WORDS = {
    HttpRow: {
        "http_version": "digits of the parser's", "framing": "word of ours", "cache": "word of ours",
        "outcome": "word of ours", "outcome_why": "word of ours", "dns_why": "word of ours",
        "connect_why": "word of ours", "tls_why": "word of ours", "wait_why": "word of ours",
        "blocked_why": "word of ours", "vantage": "word of ours", "response_decoded_why": "word of ours",
        "content_type_seen": "from a table of ours", "authentication": "word of ours", "cdn": "from a table of ours",
        "background": "word of ours", "request_cut": "word of ours", "response_cut": "word of ours",
        "scheme": "letters and digits only", "wrong_scheme": "one of two words",
        "cookies_sent": "names", "set_cookies": "names",
    },
    Cookie: {"same_site": "one of three words"},
    Parameter: {"place": "word of ours", "why": "word of ours"},
    WebSocketRow: {"closed_by": "word of ours", "accept": "word of ours", "outcome": "word of ours",
                   "outcome_why": "word of ours"},
    WebSocketMessage: {"from_": "word of ours", "opcode": "word of ours", "why": "word of ours"},
}  # fmt: skip
"""Text columns that need no masking, and why. A new column is added here, or to the masking."""

LEAK = f"http://u:s3cret@h/?token=s3cret {HEAD}.{CLAIMS}.s3cret"
BEFORE = ("GET / HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


def text_columns(of: type) -> set[str]:
    """Return the columns of a row that hold text."""
    hints = typing.get_type_hints(of)
    return {field.name for field in dataclasses.fields(of) if "str" in repr(hints[field.name])}


def filled_with(row: object, value: str) -> dict[str, object]:
    """Return the text columns of a row that may hold what a stranger wrote, each with that."""
    hints = typing.get_type_hints(type(row))
    names = text_columns(type(row)) - OWN_WORDS[type(row)].keys()  # type: ignore[index]
    return {name: (value,) if "tuple[str, ...]" in repr(hints[name]) else value
            for name in names if not name.endswith("_headers")}  # fmt: skip


def test_every_text_column_of_http_is_masked() -> None:
    (row,) = transactions(conversation([("c", BEFORE[0].encode()), ("s", BEFORE[1].encode())]))
    cookie = Cookie("a", False, False, None, False, False, "d", "/")
    field = Parameter("body", "a", "b", 1, "c")
    columns = filled_with(row, LEAK)
    names = ("user-agent", "referer", "upgrade"), ("server", "location", "etag", "last-modified", "content-type",
             "strict-transport-security", "content-encoding", "upgrade")  # fmt: skip
    planted = dataclasses.replace(
        row,
        **columns,  # type: ignore[arg-type]
        request_headers=tuple((name, LEAK) for name in names[0]),
        response_headers=tuple((name, LEAK) for name in names[1]),
        cookies_set=(dataclasses.replace(cookie, **filled_with(cookie, LEAK)),),  # type: ignore[arg-type]
        parameters=(dataclasses.replace(field, **filled_with(field, LEAK)),),  # type: ignore[arg-type]
    )
    shown, _ = mask_row(planted)
    assert [name for name in columns if "s3cret" in repr(getattr(shown, name))] == []
    assert "s3cret" not in repr(shown)
    assert mask_row(shown) == (shown, 0)


def test_every_text_column_of_websocket_is_masked() -> None:
    row = wire.row([("c", wire.masked(wire.TEXT, b"x"))])
    (message_,) = row.messages
    planted = dataclasses.replace(
        row,
        **filled_with(row, LEAK),  # type: ignore[arg-type]
        messages=(dataclasses.replace(message_, **filled_with(message_, LEAK)),),  # type: ignore[arg-type]
    )
    (shown,), count = mask_messages([planted])
    assert "s3cret" not in repr(shown)
    assert count > 0


@pytest.mark.parametrize("of", OWN_WORDS)
def test_the_list_names_columns_that_exist(of: type) -> None:
    assert OWN_WORDS[of].keys() <= text_columns(of)
