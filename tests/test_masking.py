"""Masking: what is secret disappears, what is around it stays."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer import secret_names
from analyzer.masking import (
    MASKED,
    mask_args,
    mask_findings,
    mask_header,
    mask_row,
    mask_rows,
    mask_url,
    mask_value,
    mask_visits,
)
from analyzer.masking_text import may_hold
from analyzer.protocols.http1.session import transactions
from analyzer.schema import FindingRow, HttpRow, Remark, Step, VisitPhases, VisitRow
from analyzer.secret_names import is_key, is_password, is_secret
from tests.http1.talk import conversation

KEYS = sorted(secret_names._KEYS)


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("Authorization", "Basic dXNlcjpwYXNz", "Basic [masked]"),
        ("authorization", "Bearer a.b.c", "Bearer [masked]"),
        ("Authorization", "onlyasecret", "[masked]"),
        ("Proxy-Authorization", "Digest username=\"u\", response=\"f\"", "Digest [masked]"),
        ("Cookie", "sid=abc; theme=dark", "sid=[masked]; theme=[masked]"),
        ("Cookie", "nameless", "[masked]"),
        ("Set-Cookie", "sid=abc; Path=/; Max-Age=60; HttpOnly; SameSite=Lax",
         "sid=[masked]; Path=/; Max-Age=60; HttpOnly; SameSite=Lax"),
        ("Set-Cookie", "sid=abc=d; Token=xyz", "sid=[masked]; Token=[masked]"),
        ("X-Api-Key", "k-1", "[masked]"),
        ("X-CSRF-Token", "t", "[masked]"),
        ("x-amz-security-token", "t", "[masked]"),
        ("Location", "https://a/cb?code=4/abc&state=1", "https://a/cb?code=[masked]&state=1"),
        ("Referer", "http://u:p@h/", "http://u:[masked]@h/"),
        ("Content-Type", "text/html", "text/html"),
        ("WWW-Authenticate", "Basic realm=\"x\"", "Basic realm=\"x\""),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("X-Original-URI", "/x?token=1&a=2", "/x?token=[masked]&a=2"),
        ("Destination", "http://u:p@h/", "http://u:[masked]@h/"),
        ("Refresh", "0; url=http://u:p@h/?token=1", "0; url=http://u:[masked]@h/?token=[masked]"),
        ("Link", "<http://u:p@h/>; rel=next, </y?token=1>; rel=prev",
         "<http://u:[masked]@h/>; rel=next, </y?token=[masked]; rel=prev"),
        ("X-User-Pass", "p", "[masked]"),
        ("X-Upstream", "Bearer a.b.c", "[masked]"),
        ("Sec-WebSocket-Protocol", "base64url.bearer.authorization.k8s.io.abc", "[masked]"),
        ("Sec-WebSocket-Protocol", "chat, superchat", "chat, superchat"),
        ("WWW-Authenticate", "Digest realm=\"x\", nonce=\"n\"", "Digest realm=\"x\", nonce=\"n\""),
        ("Content-Type", "multipart/form-data; boundary=--x", "multipart/form-data; boundary=--x"),
        ("User-Agent", "Bot/1.0 (+http://h/?about=us; a@b.c)", "Bot/1.0 (+http://h/?about=us; a@b.c)"),
        ("Author", "me", "me"),
        ("Authorization", "Basic\tdXNlcjpwYXNz x", "Basic [masked]"),
        ("Authorization", "s3cr3t x", "[masked]"),  # the first word is no scheme
        ("Authorization", "AWS4-HMAC-SHA256 Credential=a, Signature=b", "AWS4-HMAC-SHA256 [masked]"),
        ("Set-Cookie", "a=1; expires=Wed, 09 Jun 2027 10:18:14 GMT, sid=x; path=/",
         "a=[masked]; expires=Wed, 09 Jun 2027 10:18:14 GMT, sid=[masked]; path=/"),
        ("Set-Cookie", "a=1; path=/, sid=x; Secure", "a=[masked]; path=/, sid=[masked]; Secure"),
        ("Set-Cookie", "a=1; HttpOnly, sid=x; path=/", "a=[masked]; HttpOnly, sid=[masked]; path=/"),
        ("Set-Cookie", "a=1; x; Secure; Path=/y?token=z; Domain=.shop.example",
         "a=[masked]; [masked]; Secure; Path=/y?token=[masked]; Domain=.shop.example"),
        ("Set-Cookie", "a=1; Expires=Thu, 01-Jan-1970 00:00:10 GMT; Max-Age=0; Priority=High",
         "a=[masked]; Expires=Thu, 01-Jan-1970 00:00:10 GMT; Max-Age=0; Priority=High"),
        ("Set-Cookie", "a=1; Expires=soon; Path=x; Domain=y; SameSite=z; Max-Age=w",
         "a=[masked]; Expires=[masked]; Path=[masked]; Domain=[masked]; SameSite=[masked]; Max-Age=[masked]"),
        ("X-Forwarded-Cookie", "a=1; b=2", "a=[masked]; b=[masked]"),
        ("Ocp-Apim-Subscription-Key", "k", "[masked]"),
        ("Key", "k", "[masked]"),
        ("X-Custom", '{"password":"x","n":1}', '{"password":"[masked]","n":1}'),
        ("X-Custom", "password: x", "password: [masked]"),
        ("X-Custom", "ApiKey x", "[masked]"),
        ("X-Custom", "Token abc123def", "Token [masked]"),
        ("X-Id", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.sig", "[masked]"),
        ("Sec-WebSocket-Protocol", "graphql-transport-ws, 8f3kd93kd", "graphql-transport-ws, [masked]"),
        ("Sec-WebSocket-Protocol", "access_token, abc, chat", "[masked], [masked], chat"),
        ("Sec-WebSocket-Protocol", "v12.stomp, ocpp1.6, base64.binary.k8s.io, MBWS.huawei.com, wamp.2.json",
         "v12.stomp, ocpp1.6, base64.binary.k8s.io, MBWS.huawei.com, wamp.2.json"),
        ("Access-Control-Allow-Credentials", "true", "true"),
        ("Access-Control-Allow-Headers", "Authorization, X-Api-Key", "Authorization, X-Api-Key"),
        ("Public-Key-Pins", 'pin-sha256="d6q="; max-age=5', 'pin-sha256="d6q="; max-age=5'),
        ("Host-Key", "ssh-ed25519 AAAA", "ssh-ed25519 AAAA"),
        ("Host", "auth:8080", "auth:8080"),
        ("Via", "1.1 token:3128 (squid)", "1.1 token:3128 (squid)"),
        ("Keep-Alive", "timeout=5, max=100", "timeout=5, max=100"),
        ("Strict-Transport-Security", "max-age=31536000; includeSubDomains", "max-age=31536000; includeSubDomains"),
        ("Permissions-Policy", "publickey-credentials-get=(self), camera=()",
         "publickey-credentials-get=(self), camera=()"),
        ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0",
         "Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0"),
        ("Cookie", "", ""),
    ],
)  # fmt: skip
def test_headers(name: str, value: str, shown: str) -> None:
    assert mask_header(name, value) == shown
    assert mask_header(name, shown) == shown


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://u:p@h:8080/x", "http://u:[masked]@h:8080/x"),
        ("http://u@h/x", "http://u@h/x"),
        ("/x?token=1&a=2", "/x?token=[masked]&a=2"),
        ("/x?a=2;password=3", "/x?a=2;password=[masked]"),
        ("/x?user%5Bpassword%5D=3", "/x?user%5Bpassword%5D=[masked]"),
        ("/x?accessToken=1&API_KEY=2", "/x?accessToken=[masked]&API_KEY=[masked]"),
        ("/x?sid=3&Signature=4", "/x?sid=[masked]&Signature=[masked]"),
        ("/x?monkey=1&zip_code=2&keyword=3&author=4&design=5", "/x?monkey=1&zip_code=2&keyword=3&author=4&design=5"),
        ("/x?password=", "/x?password="),
        ("/x#access_token=abc&state=1", "/x#access_token=[masked]&state=1"),
        ("/x;jsessionid=ABC?y=1", "/x;jsessionid=[masked]?y=1"),
        ("http://u:p:q@h/", "http://u:[masked]@h/"),  # the password goes from the first colon …
        ("http://u:p@q@h/", "http://u:[masked]@h/"),  # … to the last @
        ("u:p@h:443", "u:[masked]@h:443"),
        ("mailto:a@b.example", "mailto:a@b.example"),
        ("/x?password1=1&newPassword2=2&userpass=3&passcode=4",
         "/x?password1=[masked]&newPassword2=[masked]&userpass=[masked]&passcode=[masked]"),
        ("/x?password=a;b&c=1", "/x?password=[masked];[masked]&c=1"),
        ("/in?next=/x?token=1&a=2", "/in?next=/x?token=[masked]&a=2"),
        ("/in?next=http://u:p@h/", "/in?next=http://u:[masked]@h/"),
        ("/in?next=%2Fx%3Ftoken%3D1&a=2", "/in?next=[masked]&a=2"),
        ("/in?next=%252Fx%253Ftoken%253D1&a=2", "/in?next=[masked]&a=2"),
        ("/in?next=%2Fx%3Fpage%3D1", "/in?next=%2Fx%3Fpage%3D1"),
        ("/to/http%3A%2F%2Fu%3Ap%40h%2F", "/to/[masked]"),
        ("/#/cb?code=1", "/#/cb?code=[masked]"),
        ("/in;password=1?a=2", "/in;password=[masked]?a=2"),
        ("/in password=1", "/in password=[masked]"),
        ("b.example:443", "b.example:443"),
        ("token:443", "token:443"),
        ("sip:anna@b.example", "sip:anna@b.example"),
        ("/@scope/x@1.0/a.js", "/@scope/x@1.0/a.js"),
        ("http://a.test/u:p@h:443", "http://a.test/u:[masked]@h:443"),  # the target u:p@h:443 behind a host
        ('/a?d={"password":"x","n":1}', '/a?d={"password":"[masked]","n":1}'),
        ("/a?d=%7B%22password%22%3A%22x%22%7D", "/a?d=[masked]"),
        ("/a?to%256ben=x&pass+word=y&token%00=z", "/a?to%256ben=[masked]&pass+word=[masked]&token%00=[masked]"),
        ("/a?x=token:y&b=2", "/a?x=token:[masked]&b=2"),
        ("/r/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.sig?a=1", "/r/[masked]?a=1"),
        ("*", "*"),
        ("", ""),
    ],
)  # fmt: skip
def test_urls(url: str, shown: str) -> None:
    assert mask_url(url) == shown


@given(st.text(alphabet='abtokenpwd=&;?#/:@%[]x_-"{}, ', max_size=40))
def test_masking_twice_changes_nothing(url: str) -> None:
    once = mask_url(url)
    assert mask_url(once) == once


@given(st.text(max_size=30), st.text(max_size=60))
def test_headers_never_raise_and_settle(name: str, value: str) -> None:
    once = mask_header(name, value)
    assert mask_header(name, once) == once


def test_rows_hold_no_secret_afterwards() -> None:
    secret = "s3cr3t"
    request = (
        f"GET http://u:{secret}@h/p?token={secret} HTTP/1.1\r\nHost: h\r\nCookie: a={secret}\r\n"
        f"Authorization: Bearer {secret}\r\nReferer: http://x/?password={secret}\r\n\r\n"
    )
    response = f"HTTP/1.1 302 Found\r\nLocation: /?sid={secret}\r\nSet-Cookie: b={secret}\r\nContent-Length: 0\r\n\r\n"
    rows = transactions(conversation([("c", request.encode()), ("s", response.encode())]))
    assert secret in repr(rows)
    shown, count = mask_rows(rows)
    assert secret not in repr(shown)
    assert count == 6  # cookie, authorization, referer, location, set-cookie, and the URL once
    assert shown[0].url == f"http://u:{MASKED}@h/p?token={MASKED}"
    assert shown[0].set_cookies == ("b",)
    harmless = replace(
        rows[0],
        request_headers=(),
        response_headers=(),
        url="/",
        target="/",
        referer=None,
        location=None,
        parameters=(),
    )
    assert mask_rows([harmless]) == ([harmless], 0)


def test_a_cookie_without_a_name_is_all_secret() -> None:
    response = b"HTTP/1.1 200 OK\r\nSet-Cookie: s3cr3t; Path=/\r\nSet-Cookie: a=1\r\nContent-Length: 0\r\n\r\n"
    rows = transactions(conversation([("c", b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"), ("s", response)]))
    (shown,), _ = mask_rows(rows)
    assert shown.set_cookies == ("", "a")
    assert "s3cr3t" not in repr(shown)


def test_visits_and_findings_are_masked_too() -> None:
    url, shown = "http://u:s3cr3t@h/?token=s3cr3t", f"http://u:{MASKED}@h/?token={MASKED}"
    step = Step("request", (1,), None, None, "request", {"url": url, "frame": 1}, None)
    phases = VisitPhases(None, None, None, None, None, None, None, None)
    visit = VisitRow(1, url, url, 0, None, (), (), (), (), (), 0, 1, 0, 0, phases, (step,))
    (masked,) = mask_visits([visit])
    assert (masked.url, masked.final_url) == (shown, shown)
    assert masked.steps[0].sentence_args == {"url": shown, "frame": 1}
    finding = FindingRow(
        "HTTP-5XX",
        "error",
        "http",
        "server",
        "k",
        {"url": url},
        None,
        "http",
        0,
        0,
        (1,),
        "frame.number == 1",
        "RFC 9110",
    )
    assert mask_findings([finding])[0].args == {"url": shown}


def test_words_of_the_program_are_no_secrets() -> None:
    """What a finding says of a certificate looks like names with values, and nobody sent it."""
    weak = "key: RSA 1024 bits, signature: SHA-1 with RSA"
    assert mask_args({"weak": weak, "name": "token=s3cr3t"}) == {"weak": weak, "name": f"token={MASKED}"}


def shown_form(body: str, kind: str = "application/x-www-form-urlencoded", target: str = "/f") -> tuple[HttpRow, int]:
    head = f"POST {target} HTTP/1.1\r\nHost: h\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    (shown,), count = mask_rows(transactions(conversation([("c", (head + body).encode()), ("s", answer)])))
    return shown, count


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ("user=anna&password=s3cr3t", [("user", "anna"), ("password", MASKED)]),
        ("user%5Bpass%5D=s3cr3t&password=", [("user[pass]", MASKED), ("password", "")]),
        ("next=%2Fcb%3Ftoken%3Ds3cr3t%26a%3D1", [("next", f"/cb?token={MASKED}&a=1")]),
        ("to=http%3A%2F%2Fu%3As3cr3t%40h%2F", [("to", f"http://u:{MASKED}@h/")]),
        ("header=Basic+s3cr3t", [("header", MASKED)]),
        ("a=1;token=s3cr3t", [("a", f"1;token={MASKED}")]),
        ("token%3Ds3cr3t", [(f"token={MASKED}", "")]),
        ('d={"n":1,"password":"s3cr3t"}', [("d", f'{{"n":1,"password":"{MASKED}"}}')]),
        ("d=%7B%22password%22%3A%22s3cr3t%22%7D", [("d", f'{{"password":"{MASKED}"}}')]),
        ('q=mutation{login(password:"s3cr3t")}', [("q", f'mutation{{login(password:"{MASKED}")}}')]),
        ("x=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.s3cr3t", [("x", MASKED)]),
        ("password=true&q=I+lost+my+keyboard%3A+blue", [("password", "true"), ("q", "I lost my keyboard: blue")]),
    ],
)
def test_form_fields(body: str, fields: list[tuple[str, str]]) -> None:
    shown, count = shown_form(body)
    assert [(field.name, field.value) for field in shown.parameters] == fields
    assert "s3cr3t" not in repr(shown)
    assert count == ("s3cr3t" in body)


def test_json_login() -> None:
    shown, _ = shown_form('{"login": {"user": "anna", "passwordHash": "x", "password": "s3cr3t"}}', "application/json")
    assert [(f.name, f.value) for f in shown.parameters][-1] == ("login.password", MASKED)
    assert "s3cr3t" not in repr(shown)


def test_a_secret_in_the_target_is_counted_once() -> None:
    shown, count = shown_form("a=1", target="/f?token=s3cr3t")
    assert (count, shown.parameters[0].value, shown.url) == (1, MASKED, f"http://h/f?token={MASKED}")


@pytest.mark.parametrize(
    "name", ["password", "user_password", "accessToken", "apiKey", "sessionid", "cvv2", "Kennwort"]
)
def test_names_that_sound_secret(name: str) -> None:
    assert is_secret(name)


SECRET_NAMES = (
    "passwordconfirm passwordagain passwordRepeat code_verifier device_code sms_code mfa_code totp pincode wresult "
    "macaroon sso subscriptionkey userkey cardnumber card-number token%00 token\x01 to%256ben pass+word 'password' "
    "pass\\u0077ord X-TOTP X-PIN DPoP MyCookie X-RapidAPI-Key ctl00$pw loginform:pw"
)
ORDINARY_NAMES = (
    "keyword keywords monkey turkey passage author tokenize tokenizer keyboard compass bypass zip_code statusCode "
    "country_code spinner shopping signup mapping Accept Cache-Control ETag Via Keep-Alive Sec-WebSocket-Key "
    "Sec-WebSocket-Accept Public-Key-Pins Host-Key Idempotency-Key Access-Control-Allow-Credentials "
    "Access-Control-Allow-Headers Content-Security-Policy publickey-credentials-get cookie_enabled cookieConsent"
)


@pytest.mark.parametrize("name", SECRET_NAMES.split(" "))
def test_more_names_that_sound_secret(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize("name", ORDINARY_NAMES.split())
def test_names_that_are_left_alone(name: str) -> None:
    assert not is_secret(name)


@given(st.from_regex(secret_names._SECRET) | st.from_regex(secret_names._PASSWORD) | st.sampled_from(KEYS))
def test_no_secret_name_gets_past_the_quick_look(name: str) -> None:
    """``may_hold`` saves the search of most texts: it may say yes in vain, but no only where there is nothing."""
    assert may_hold(name) or not is_secret(name)


@pytest.mark.parametrize("name", ["q", "page", "compass", "design", "monkey", "keyboard", "username", "utm_source"])
def test_names_that_do_not(name: str) -> None:
    assert not is_password(name)
    assert not is_key(name)


def test_what_is_accused_is_hidden_too() -> None:
    """Whatever a finding calls a password or key, masking hides."""
    for name in (
        "password",
        "pwd",
        "otp",
        "cvv",
        "senha",
        "mdp",
        "psw",
        "token",
        "apiKey",
        "jwt",
        "PHPSESSID",
        "secret_key",
    ):
        assert is_password(name) or is_key(name), name
        assert is_secret(name), name


@pytest.mark.parametrize(
    "text",
    [
        "/?" + "_oauth" * 40_000 + "=1",
        "/?" + "a%3D" * 60_000,
        "/?" + "&;" * 100_000,
        "//a:" + ":@" * 100_000,
        "x" * 250_000 + "=1",
    ],
)
def test_texts_made_to_take_time(text: str) -> None:
    """A head of 256 kB is masked in a moment; before, the first of these took minutes."""
    assert len(mask_url(text)) > 0
    assert mask_header("X-Forwarded-Url", text)


@pytest.mark.parametrize("unit", ['"', '"type":"auth",', '"name":"token",', '["auth",', "<token>", "eyJ", "/a:b@",
                                  ", a=", "; path=/, b=", "%25", '"a"\t\t', "\\u0061", "password:"])  # fmt: skip
def test_values_made_to_take_time(unit: str) -> None:
    """As above, for what values and header fields are searched for: 256 kB of each."""
    text = unit * ((1 << 18) // len(unit))
    for shown in (
        mask_value(text),
        mask_header("Set-Cookie", f"a=b;{text}"),
        mask_header("Sec-WebSocket-Protocol", text),
    ):
        assert shown


def test_a_url_is_masked_wherever_its_target_is() -> None:
    """RFC 9112 section 3.2.3: this form is CONNECT's; in a GET it stands where a path should."""
    request = b"GET u:s3cr3t@h:443 HTTP/1.1\r\nHost: a.test\r\n\r\n"
    answer = b"HTTP/1.1 200 token=s3cr3t\r\nContent-Length: 0\r\n\r\n"
    (row,) = transactions(conversation([("c", request), ("s", answer)]))
    assert "s3cr3t" in str(row.url)
    assert "s3cr3t" in str(row.reason)
    shown, count = mask_row(row)
    assert (shown.target, shown.url) == (f"u:{MASKED}@h:443", f"http://a.test/u:{MASKED}@h:443")
    assert shown.reason == f"token={MASKED}"
    assert count == 2


def test_remarks_and_blame_are_masked() -> None:
    remark = Remark("step.request.referer", {"referer": "http://u:s3cr3t@h/"})
    step = Step("request", (1,), None, None, "request", {}, None, (remark,))
    phases = VisitPhases(None, None, None, None, None, None, None, None)
    visit = VisitRow(1, "http://h/", None, 0, None, (), (), (), (), (), 0, 1, 0, 0, phases, (step,))
    visit = replace(visit, blame_args={"host": "http://u:s3cr3t@h/"})
    (masked,) = mask_visits([visit])
    assert masked.steps[0].remarks[0].sentence_args == {"referer": f"http://u:{MASKED}@h/"}
    assert masked.blame_args == {"host": f"http://u:{MASKED}@h/"}
    assert mask_visits([masked]) == [masked]


def test_lists_in_sentences_are_masked() -> None:
    step = Step("request", (1,), None, None, "request", {"names": ["a", "http://u:s3cr3t@h/"], "n": 1}, None)
    phases = VisitPhases(None, None, None, None, None, None, None, None)
    visit = VisitRow(1, "http://h/", None, 0, None, (), (), (), (), (), 0, 1, 0, 0, phases, (step,))
    (masked,) = mask_visits([visit])
    assert masked.steps[0].sentence_args == {"names": ["a", f"http://u:{MASKED}@h/"], "n": 1}
