"""Cookies, credentials, delivery networks: the columns drawn from headers, with the RFCs' own examples."""

from __future__ import annotations

from calendar import timegm
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.protocols.http1 import cookies, credentials, delivery
from analyzer.protocols.http1.cookies import cookie_date
from analyzer.protocols.http1.grammar import Fields
from analyzer.schema import Cookie, Parameter
from analyzer.units import NS_PER_S

NOW = timegm((2026, 1, 1, 0, 0, 0)) * NS_PER_S
BARE = Cookie("SID", False, False, None, False, False, None, None)


def one(value: bytes) -> Cookie:
    (cookie,) = cookies.set_by(Fields([(b"Set-Cookie", value)]), NOW)
    return cookie


# ── cookies ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        # RFC 6265 section 3.1, in its order; the dates there were in the future when it was written
        (b"SID=31d4d96e407aad42", BARE),
        (b"SID=31d4d96e407aad42; Path=/; Domain=example.com", replace(BARE, path="/", domain="example.com")),
        (b"SID=31d4d96e407aad42; Path=/; Secure; HttpOnly", replace(BARE, path="/", secure=True, http_only=True)),
        (b"lang=en-US; Path=/; Domain=example.com",
         replace(BARE, name="lang", path="/", domain="example.com")),
        (b"lang=en-US; Expires=Wed, 09 Jun 2031 10:18:14 GMT", replace(BARE, name="lang", persistent=True)),
        (b"lang=; Expires=Sun, 06 Nov 1994 08:49:37 GMT", replace(BARE, name="lang", deleted=True)),
        # section 5.2: what browsers make of what servers write
        (b" SID = x ;SECURE;httponly", replace(BARE, secure=True, http_only=True)),
        (b"SID=x; Domain=.Example.COM", replace(BARE, domain="example.com")),
        (b"SID=x; Path=relative", BARE),
        (b"SID=x; Path=/a; Path=/b", replace(BARE, path="/b")),
        (b"SID=x; Max-Age=60; Expires=Sun, 06 Nov 1994 08:49:37 GMT", replace(BARE, persistent=True)),
        (b"SID=x; Max-Age=0", replace(BARE, deleted=True)),
        (b"SID=x; Max-Age=-1; Expires=Wed, 09 Jun 2031 10:18:14 GMT", replace(BARE, deleted=True)),
        (b"SID=x; Max-Age=soon", BARE),
        (b"SID=x; Expires=never", BARE),
        (b"SID=x;;; ;Unknown=1", BARE),
        # RFC 6265bis section 5.6.7
        (b"SID=x; SameSite=Lax", replace(BARE, same_site="lax")),
        (b"SID=x; samesite=STRICT", replace(BARE, same_site="strict")),
        (b"SID=x; SameSite=None; Secure", replace(BARE, same_site="none", secure=True)),
        (b"SID=x; SameSite=whatever", BARE),
        (b"justavalue", replace(BARE, name="")),
        (b"=x", replace(BARE, name="")),
        (b"", replace(BARE, name="")),
    ],
)  # fmt: skip
def test_set_cookie(value: bytes, expected: Cookie) -> None:
    assert one(value) == expected


def test_every_set_cookie_is_one() -> None:
    """RFC 6265 section 3: they are never joined by commas, and dates have one."""
    fields = Fields([(b"Set-Cookie", b"a=1; Expires=Wed, 09 Jun 2031 10:18:14 GMT"), (b"set-cookie", b"b=2")])
    assert [cookie.name for cookie in cookies.set_by(fields, NOW)] == ["a", "b"]


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (b"SID=31d4d96e407aad42; lang=en-US", ("SID", "lang")),  # RFC 6265 section 3.1
        (b"a=1;b=2", ("a", "b")),
        (b"a=x=y; a=2", ("a", "a")),
        (b"secretvalue; b=", ("", "b")),
        (b" ; ;", ()),
    ],
)
def test_sent(value: bytes, names: tuple[str, ...]) -> None:
    assert cookies.sent(Fields([(b"Cookie", value)])) == names


def test_more_cookies_than_are_told() -> None:
    names = cookies.sent(Fields([(b"Cookie", b"; ".join(b"c%d=1" % n for n in range(cookies.COOKIES_KEPT + 3)))]))
    assert len(names) == cookies.COOKIES_KEPT + 1
    assert names[-1] == "… (+3)"


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("Wed, 09 Jun 2021 10:18:14 GMT", (2021, 6, 9, 10, 18, 14)),
        ("Sunday, 06-Nov-94 08:49:37 GMT", (1994, 11, 6, 8, 49, 37)),  # RFC 9110 section 5.6.7, both old forms
        ("Sun Nov  6 08:49:37 1994", (1994, 11, 6, 8, 49, 37)),
        ("06 Nov 69 8:9:7", (2069, 11, 6, 8, 9, 7)),  # RFC 6265 section 5.1.1, steps 3 and 4
        ("06 Nov 70 08:49:37", (1970, 11, 6, 8, 49, 37)),
        ("29 Feb 2024 00:00:00", (2024, 2, 29, 0, 0, 0)),
        ("Thu, 1 January 1970 00:00:00 UTC", (1970, 1, 1, 0, 0, 0)),
    ],
)
def test_dates(text: str, when: tuple[int, int, int, int, int, int]) -> None:
    assert cookie_date(text.encode()) == timegm(when)


@pytest.mark.parametrize(
    "text",
    ["", "0", "-1", "29 Feb 2023 00:00:00", "06 Nov 1600 00:00:00", "06 Nov 1994 24:00:00", "06 Nov 1994 00:60:00",
     "32 Nov 1994 00:00:00", "06 Foo 1994 00:00:00", "06 Nov 1994"],
)  # fmt: skip
def test_no_dates(text: str) -> None:
    assert cookie_date(text.encode()) is None


@given(st.binary(max_size=200))
def test_arbitrary_cookies(value: bytes) -> None:
    fields = Fields([(b"Cookie", value), (b"Set-Cookie", value)])
    cookies.sent(fields)
    (cookie,) = cookies.set_by(fields, NOW)
    assert not (cookie.persistent and cookie.deleted)


# ── credentials ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "basic"),  # RFC 7617 section 2
        (b"basic   QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "basic"),
        (b"Digest username=\"Mufasa\", realm=\"http-auth@example.org\"", "digest"),  # RFC 7616 section 3.9.1
        (b"Bearer mF_9.B5f-4.1JqM", "bearer"),  # RFC 6750 section 2.1
        (b"Negotiate a87421000492aa874209af8bc028", "negotiate"),  # RFC 4559 section 5
        (b"NTLM TlRMTVNTUAABAAAA", "ntlm"),
        (b"AWS4-HMAC-SHA256 Credential=x", "other"),
        (b"", None),
        (b"  ", None),
    ],
)  # fmt: skip
def test_authorization(value: bytes, kind: str | None) -> None:
    assert credentials.kind(Fields([(b"Authorization", value)]), ()) == kind
    assert credentials.kind(Fields([(b"Proxy-Authorization", value)]), ()) == kind


def field(name: str, value: str | None = "hunter2", size: int = 7) -> Parameter:
    return Parameter("body", name, value, size)


@pytest.mark.parametrize(
    "name",
    ["password", "Password", "passwd", "pwd", "pass", "userPassword", "user[password]", "login.password", "j_password",
     "new_password2", "vb_login_password", "Passwort", "otp", "cvv", "txtPassword", "PASSWORD"],
)  # fmt: skip
def test_form_with_a_password(name: str) -> None:
    assert credentials.kind(Fields(), [field("user", "anna"), field(name)]) == "form"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("user", "anna"),
        ("compass", "north"),
        ("bypass", "x"),
        ("passenger", "anna"),
        ("passport", "C01X00T47"),
        ("csrf_token", "abcdef"),
        ("show_password", "1"),
        ("remember-password", "on"),
        ("password", ""),
        ("pw", "1280"),
    ],
)
def test_form_without_a_password(name: str, value: str) -> None:
    assert credentials.kind(Fields(), [field(name, value, len(value))]) is None


def test_a_password_that_is_not_shown_is_one() -> None:
    assert credentials.kind(Fields(), [field("password", None, 2000)]) == "form"
    assert credentials.kind(Fields(), [replace(field("password", None, 9), filename="x")]) is None


# ── delivery networks ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("lines", "network"),
    [
        ([(b"CF-RAY", b"230b030023ae2822-SJC"), (b"Server", b"cloudflare")], "Cloudflare"),
        ([(b"Server", b"cloudflare-nginx")], "Cloudflare"),
        ([(b"X-Amz-Cf-Id", b"x"), (b"Via", b"1.1 abc.cloudfront.net (CloudFront)")], "Amazon CloudFront"),
        ([(b"Via", b"1.1 abc.cloudfront.net (CloudFront)")], "Amazon CloudFront"),
        ([(b"Server", b"AkamaiGHost")], "Akamai"),
        ([(b"X-Served-By", b"cache-ams21026-AMS"), (b"X-Timer", b"S1,VS0,VE1")], "Fastly"),
        ([(b"X-Served-By", b"cache-ams21026-AMS")], None),
        ([(b"X-Azure-Ref", b"x")], "Azure Front Door"),
        ([(b"Server", b"BunnyCDN-DE1-756")], "bunny.net"),
        ([(b"Server", b"ECAcc (frc/8F75)")], "Edgio (Edgecast)"),
        ([(b"Server", b"nginx"), (b"X-Cache", b"HIT"), (b"Via", b"1.1 varnish"), (b"Age", b"5")], None),
        ([(b"Server", b"")], None),
        ([], None),
    ],
)
def test_networks(lines: list[tuple[bytes, bytes]], network: str | None) -> None:
    assert delivery.network(Fields(lines)) == network
