"""Findings about what HTTP gave away: where each rule fires and where not, and that no secret is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from analyzer.analysis import Analysis
from analyzer.findings import rules_privacy
from analyzer.findings.model import Hit
from analyzer.schema import FindingRow, HttpRow, changed
from analyzer.sentences import finding_text
from analyzer.visits.model import Facts
from tests.visits.scene import Scene, answer, found, get

SECRET = "hunter2hunter2hunter2"


def post(path: str, body: str, kind: str = "application/x-www-form-urlencoded", host: str = "shop.example") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return (head + body).encode()


def one(folder: Path, code: str, *requests: bytes, **facts: object) -> FindingRow | None:
    """The finding of a code over requests that follow each other, each on its own connection; at most one."""
    scene = Scene()
    for number, request in enumerate(requests):
        scene.exchange(1000 * number, request, answer(), client_port=40000 + number, **facts)
    analysis = scene.analysis(folder)
    assert SECRET not in repr((analysis.findings, analysis.visits, analysis.http)), "nothing shows it"
    hits = found(analysis, code)
    assert len(hits) <= 1
    for hit in hits:
        text = finding_text(hit.title_key, hit.args)
        assert "unknown" not in f"{text.title} {text.why} {text.advice}"
    return hits[0] if hits else None


# ── HTTP-CREDENTIALS-CLEAR ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("request_", "key"),
    [
        (get("/", Authorization=f"Basic {SECRET}"), "HTTP-CREDENTIALS-CLEAR"),
        (get("/", **{"Proxy-Authorization": f"Basic {SECRET}"}), "HTTP-CREDENTIALS-CLEAR"),
        (get("/", Authorization=f"Bearer {SECRET}"), "HTTP-CREDENTIALS-CLEAR.bearer"),
        (post("/login", f"user=anna&password={SECRET}"), "HTTP-CREDENTIALS-CLEAR.form"),
        (post("/login", f'{{"user": "anna", "pwd": "{SECRET}"}}', "application/json"), "HTTP-CREDENTIALS-CLEAR.json"),
        (get(f"http://anna:{SECRET}@shop.example/"), "HTTP-CREDENTIALS-CLEAR.url"),
        # curl -d says urlencoded of whatever it is given
        (post("/login", f'{{"user": "anna", "password": "{SECRET}"}}'), "HTTP-CREDENTIALS-CLEAR.form"),
        (post("/login", f'data={{"password":"{SECRET}"}}'), "HTTP-CREDENTIALS-CLEAR.form"),
        (post("/login", f'j={{"a":{{"auth":{{"passcode":"{SECRET}"}}}}}}'), "HTTP-CREDENTIALS-CLEAR.form"),
        (post("/graphql", f'query=mutation{{login(password:"{SECRET}")}}'), "HTTP-CREDENTIALS-CLEAR.form"),
    ],
)
def test_password_in_clear(tmp_path: Path, request_: bytes, key: str) -> None:
    finding = one(tmp_path, "HTTP-CREDENTIALS-CLEAR", request_)
    assert finding is not None
    assert (finding.title_key, finding.severity, finding.blame) == (key, "warning", "server")
    assert (finding.args["host"], finding.args["count"], finding.frames) == ("shop.example", 1, (4,))


def test_a_password_in_an_address_is_one_finding(tmp_path: Path) -> None:
    """It is told by where it stands; that it was sent in clear is a part of that."""
    request = get(f"/login?user=anna&passwd={SECRET}")
    form = post("/login", f"user=anna&password={SECRET}")
    clear = one(tmp_path, "HTTP-CREDENTIALS-CLEAR", request, form)
    assert clear is not None
    assert (clear.title_key, clear.args["count"], clear.frames) == ("HTTP-CREDENTIALS-CLEAR.form", 1, (10,))
    assert one(tmp_path, "HTTP-CREDENTIALS-CLEAR", request) is None
    told = one(tmp_path, "HTTP-FORM-IN-URL", request)
    assert told is not None
    assert "without encryption" in finding_text(told.title_key, told.args).title


def test_a_password_in_both_places_is_told_twice(tmp_path: Path) -> None:
    request = post(f"/login?password={SECRET}", f"user=anna&password={SECRET}")
    for code in ("HTTP-CREDENTIALS-CLEAR", "HTTP-FORM-IN-URL"):
        assert one(tmp_path, code, request) is not None


@pytest.mark.parametrize("address", ["127.0.0.1", "192.168.1.5"])
def test_password_on_a_private_network(tmp_path: Path, address: str) -> None:
    request = get("/", host=address, Authorization=f"Basic {SECRET}")
    assert one(tmp_path, "HTTP-CREDENTIALS-CLEAR", request, server=address) is not None


def test_the_same_server_again_is_counted(tmp_path: Path) -> None:
    finding = one(
        tmp_path, "HTTP-CREDENTIALS-CLEAR", *[get(f"/{n}", Authorization=f"Basic {SECRET}") for n in range(3)]
    )
    assert finding is not None
    assert (finding.args["count"], finding.frames) == (3, (4, 10, 16))


@pytest.mark.parametrize(
    "request_",
    [
        get("/"),
        get("/", Authorization=f'Digest username="anna", response="{SECRET}"'),
        get("/", Authorization=f"Negotiate {SECRET}"),
        post("/settings", "show_password=1&remember_password=on&password="),
        post("/reset", "email=anna%40shop.example&action=forgot_password"),
        get("/?pw=1280&ph=720"),
        get("/user@shop.example"),
    ],
)
def test_no_password_in_clear(tmp_path: Path, request_: bytes) -> None:
    assert one(tmp_path, "HTTP-CREDENTIALS-CLEAR", request_) is None


# ── HTTP-FORM-IN-URL ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("query", "key", "severity", "names"),
    [
        (f"user=anna&password={SECRET}", "HTTP-FORM-IN-URL.clear", "warning", ["password"]),
        ("token=s3cr3t-abc", "HTTP-FORM-IN-URL.key", "note", ["token"]),
        (f"access_token={SECRET}&v=1", "HTTP-FORM-IN-URL.key", "note", ["access_token"]),
        (f"PHPSESSID={SECRET}", "HTTP-FORM-IN-URL.key", "note", ["PHPSESSID"]),
        (
            "first_name=Anna&email=a%40b.example",
            "HTTP-FORM-IN-URL.personal",
            "warning",
            ["email address", "person's name"],
        ),
    ],
)
def test_form_in_the_address(tmp_path: Path, query: str, key: str, severity: str, names: list[str]) -> None:
    finding = one(tmp_path, "HTTP-FORM-IN-URL", get(f"/send?{query}"), get(f"/send?{query}"))
    assert finding is not None
    assert (finding.title_key, finding.severity) == (key, severity)
    assert (finding.args["names"], finding.args["target"], finding.args["count"]) == (names, "/send", 2)
    assert finding.frames == (4, 10)


@pytest.mark.parametrize(
    "request_",
    [
        get("/search?q=password+reset&page=2&sort=asc&lang=en&utm_source=x"),
        get("/a.js?v=1699999999&token=3"),
        get("/a.js?session=1699999999&token=1699999999123"),
        get("/a.js?token=verbose"),
        get("/?csrf_token=" + "x" * 32),
        get("/oauth?code=" + "x" * 32 + "&state=" + "y" * 32),
        get("/?first_name=&email="),
        get("/find?email=a%40b.example"),
        post("/login", f"user=anna&password={SECRET}"),
    ],
)
def test_ordinary_addresses(tmp_path: Path, request_: bytes) -> None:
    assert one(tmp_path, "HTTP-FORM-IN-URL", request_) is None


# ── HTTP-COOKIE-FLAGS ────────────────────────────────────────────────────────────────────────────────────────────


def cookies(folder: Path, *values: str) -> FindingRow | None:
    lines = "".join(f"Set-Cookie: {value}\r\n" for value in values)
    scene = Scene()
    for number in range(2):
        reply = f"HTTP/1.1 200 OK\r\n{lines}Content-Length: 0\r\n\r\n".encode()
        scene.exchange(1000 * number, get(f"/{number}"), reply, client_port=40000 + number)
    hits = found(scene.analysis(folder), "HTTP-COOKIE-FLAGS")
    return hits[0] if hits else None


@pytest.mark.parametrize(
    ("value", "key", "flags"),
    [
        ("PHPSESSID=x; Path=/", "HTTP-COOKIE-FLAGS.plain", ["HttpOnly", "Secure", "SameSite"]),
        ("sid=x; Secure; SameSite=Lax", "HTTP-COOKIE-FLAGS.plain", ["HttpOnly"]),
        ("auth_token=x; HttpOnly; SameSite=Lax", "HTTP-COOKIE-FLAGS.plain", ["Secure"]),
        ("theme=x; SameSite=None", "HTTP-COOKIE-FLAGS.none_insecure", ["Secure"]),
    ],
)
def test_cookie_without_its_flags(tmp_path: Path, value: str, key: str, flags: list[str]) -> None:
    finding = cookies(tmp_path, value)
    assert finding is not None
    assert (finding.title_key, finding.severity, finding.args["flags"]) == (key, "note", flags)
    assert (finding.args["names"], finding.args["count"], finding.frames) == ([value.partition("=")[0]], 2, (5, 11))


@pytest.mark.parametrize(
    "value",
    [
        "sid=x; HttpOnly; Secure; SameSite=Lax",
        "sid=x; HttpOnly; Secure",  # browsers take it for Lax
        "sid=; Max-Age=0",
        "theme=dark",
        "csrf_token=x",
        "comment_author_0d7d=x",
        "assessment=x",
        "theme=x; SameSite=None; Secure",
    ],
)
def test_cookie_that_needs_no_flags(tmp_path: Path, value: str) -> None:
    assert cookies(tmp_path, value) is None


# ── HTTP-NO-HSTS ─────────────────────────────────────────────────────────────────────────────────────────────────

TO_HTTPS = answer(301, 0, Location="https://shop.example/")


def hsts(folder: Path, policy: str | None, *, host: str = "shop.example") -> list[Hit]:
    """A redirect to https, and an https answer that could be read (its keys were there)."""
    scene = Scene()
    scene.exchange(0, get("/"), TO_HTTPS)
    scene.exchange(500, get("/", host=host), answer(), client_port=40001)
    return list(rules_privacy.no_hsts(secured(scene, folder, policy)))


def secured(scene: Scene, folder: Path, policy: str | None) -> Facts:
    analysis = scene.analysis(folder)
    plain, over_tls = sorted(analysis.http, key=lambda row: row.request_time or 0)
    over_tls = changed(over_tls, scheme="https", decrypted=True, hsts=policy)
    return facts(analysis, (plain, over_tls))


def facts(analysis: Analysis, rows: tuple[HttpRow, ...]) -> Facts:
    """The facts of an analysis with other http rows."""
    return Facts(analysis.capture, (), (), analysis.connections, (), rows, (), analysis.segments)


@pytest.mark.parametrize("policy", [None, "max-age=0", "includeSubDomains", "max-age=later"])
def test_https_that_is_not_remembered(tmp_path: Path, policy: str | None) -> None:
    (hit,) = hsts(tmp_path, policy)
    assert (hit.args["host"], hit.args["count"]) == ("shop.example", 1)
    assert len(hit.frames) == 2


@pytest.mark.parametrize("policy", ["max-age=31536000", 'MAX-AGE="600" ; includeSubDomains', "preload; max-age=1"])
def test_https_that_is_remembered(tmp_path: Path, policy: str) -> None:
    assert hsts(tmp_path, policy) == []


def test_https_of_another_host_says_nothing(tmp_path: Path) -> None:
    assert hsts(tmp_path, None, host="other.example") == []


def test_encrypted_https_says_nothing(tmp_path: Path) -> None:
    scene = Scene()
    scene.exchange(0, get("/"), TO_HTTPS)
    assert found(scene.analysis(tmp_path), "HTTP-NO-HSTS") == []


# ── HTTP-TYPE-MISMATCH ───────────────────────────────────────────────────────────────────────────────────────────


def mismatch(folder: Path, told: str | None, seen: str | None, status: int = 200) -> list[Hit]:
    scene = Scene()
    scene.exchange(0, get("/file"), answer())
    analysis = scene.analysis(folder)
    (row,) = analysis.http
    row = changed(row, content_type=told, content_type_seen=seen, status=status)
    return list(rules_privacy.type_mismatch(facts(analysis, (row, replace(row, index=1)))))


@pytest.mark.parametrize(
    ("told", "seen", "variant", "severity"),
    [
        ("image/png", "application/vnd.microsoft.portable-executable", None, None),
        ("text/plain", "application/x-elf", None, None),
        ("application/pdf", "application/x-mach-binary", None, None),
        ("image/gif", "text/html", "page", "note"),
        ("text/css", "text/html", "page", "note"),
    ],
)
def test_wrong_type(tmp_path: Path, told: str, seen: str, variant: str | None, severity: str | None) -> None:
    (hit,) = mismatch(tmp_path, told, seen)
    assert (hit.variant, hit.severity, hit.args["told"], hit.args["count"]) == (variant, severity, told, 2)


@pytest.mark.parametrize(
    ("told", "seen", "status"),
    [
        ("image/jpeg", "image/webp", 200),
        ("application/octet-stream", "application/vnd.microsoft.portable-executable", 200),
        ("application/x-msdownload", "application/vnd.microsoft.portable-executable", 200),
        ("text/html", "text/plain", 200),
        ("text/html", "text/html", 200),
        ("image/png", "text/html", 404),
        ("application/json", None, 200),
        (None, "text/html", 200),
    ],
)
def test_types_that_do_no_harm(tmp_path: Path, told: str | None, seen: str | None, status: int) -> None:
    assert mismatch(tmp_path, told, seen, status) == []


def test_a_program_called_a_picture(tmp_path: Path) -> None:
    """Through the whole pipeline: a Windows program's first bytes (MZ, and PE at the offset that 0x3C names)."""
    program = b"MZ" + bytes(58) + (64).to_bytes(4, "little") + b"PE\0\0" + bytes(400)
    head = f"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: {len(program)}\r\n\r\n".encode()
    scene = Scene()
    scene.exchange(0, get("/cat.png"), head + program)
    (finding,) = found(scene.analysis(tmp_path), "HTTP-TYPE-MISMATCH")
    assert (finding.severity, finding.frames, finding.args["seen"]) == ("warning", (5,), "a Windows program")
