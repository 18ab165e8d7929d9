"""Masking of messages: tokens disappear from JSON, STOMP, queries and prose; what is around them stays."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.masking import MASKED
from analyzer.masking_messages import mask_messages, mask_text
from tests.websocket.wire import CLOSE, REQUEST, TEXT, frame, masked, response, row

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"type":"login","password":"hunter2","user":"ann"}',
         '{"type":"login","password":"[masked]","user":"ann"}'),
        ('{ "token" : "a\\"b" , "n": 1 }', '{ "token" : "[masked]" , "n": 1 }'),
        ('{"accessToken": 12345, "n": 1}', '{"accessToken": [masked], "n": 1}'),
        ('{"auth":{"user":"ann","x":["s3cret","]}"]},"n":1}', '{"auth":[masked],"n":1}'),
        ('{"credentials":["ann","s3cret"],"n":1}', '{"credentials":[masked],"n":1}'),
        ('{"password":true,"token":null,"secret":""}', '{"password":true,"token":null,"secret":""}'),
        ('{"code":404,"reason":"x"}', '{"code":404,"reason":"x"}'),
        ('{"code":"481516","x":1}', '{"code":"[masked]","x":1}'),
        ('42["join",{"room":"a","apiKey":"k-1"}]', '42["join",{"room":"a","apiKey":"[masked]"}]'),
        ('["{\\"token\\":\\"s3cret\\",\\"n\\":1}"]', '["{\\"token\\":\\"[masked]\\",\\"n\\":1}"]'),
        ('{"password":"cut in the midd', '{"password":"[masked]'),
        ('{"auth":{"user":"ann","key":"cut', '{"auth":[masked]'),
        ("CONNECT\naccept-version:1.2\nlogin:ann\npasscode:two words\nhost:h\n\n\0",
         "CONNECT\naccept-version:1.2\nlogin:ann\npasscode:[masked]\nhost:h\n\n\0"),
        ("Authorization: Bearer a.b.c\nX: y", "Authorization: [masked]\nX: y"),
        ("Cookie: sid=abc; theme=dark", "Cookie: [masked]"),
        ('{"headers":{"Cookie":"sid=abc"}}', '{"headers":{"Cookie":"[masked]"}}'),
        ("{token: 's3cret', n: 1}", "{token: '[masked]', n: 1}"),
        ("AUTH token=s3cret&room=1", "AUTH token=[masked]&room=1"),
        ("use Bearer abc123def456 please", "use Bearer [masked] please"),
        ("Basic dXNlcjpwYXNz", "Basic [masked]"),
        ("a basic question about bearer bonds", "a basic question about bearer bonds"),
        (f"hello {TOKEN} there", "hello [masked] there"),
        (f'["subscribe","{TOKEN}"]', '["subscribe","[masked]"]'),
        ('{"url":"https://ann:s3cret@h/x?token=s3cret&a=1"}', '{"url":"https://ann:[masked]@h/x?token=[masked]&a=1"}'),
        ('{"url":"https:\\/\\/ann:s3cret@h\\/x"}', '{"url":"https:\\/\\/ann:[masked]@h\\/x"}'),
        ("see http://h/?next=%2Fx%3Ftoken%3Ds3cret ok", "see http://h/?next=[masked] ok"),
        ('<auth mechanism="PLAIN">AGFubg==</auth>', '<auth mechanism="PLAIN">[masked]</auth>'),  # RFC 7395
        ("<x:password a='b'>s3cret</x:password>", "<x:password a='b'>[masked]</x:password>"),
        ("<message><body>hello</body></message>", "<message><body>hello</body></message>"),
        ("PASS s3cret", "PASS [masked]"),
        ("NICK ann\r\nPASS two words\r\nUSER ann", "NICK ann\r\nPASS [masked]\r\nUSER ann"),
        ("pass the salt", "pass the salt"),
        ('{"key":"password","value":"s3cret","n":1}', '{"key":"[masked]","value":"[masked]","n":1}'),
        ('{"name":"city","value":"Bonn"}', '{"name":"city","value":"Bonn"}'),
        ('{"value":"s3cret", "name":"token"}', '{"value":"[masked]", "name":"token"}'),
        ('{"type":"auth","payload":"s3cret"}', '{"type":"auth","payload":"[masked]"}'),
        ('{"method":"auth","params":["s3cret"],"id":1}', '{"method":"auth","params":[masked],"id":1}'),
        ('{"type":"news","payload":"hello"}', '{"type":"news","payload":"hello"}'),
        ('["auth","s3cret"]', '["auth","[masked]"]'),
        ('{"pass\\u0077ord":"s3cret"}', '{"pass\\u0077ord":"[masked]"}'),
        ('{\n  "access_token" : \n    "s3cret",\n  "n": 1\n}', '{\n  "access_token" : \n    "[masked]",\n  "n": 1\n}'),
        ('{"token":\t\t\t\t\t\t"s3cret"}', '{"token":\t\t\t\t\t\t"[masked]"}'),
        ('{"password"=>"s3cret"}', '{"password"=>"[masked]"}'),
        ("ws://auth:8080/x is down", "ws://auth:8080/x is down"),
        ("the price is 3: take it or leave it", "the price is 3: take it or leave it"),
        ("", ""),
    ],
)  # fmt: skip
def test_texts(text: str, shown: str) -> None:
    assert mask_text(text)[0] == shown
    assert (mask_text(text)[1] > 0) == (text != shown)
    assert mask_text(shown) == (shown, 0)


NAMES = st.sampled_from(["password", "token", "apiKey", "x", "name", "session_id", "Authorization", "a b"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(NAMES, VALUES, max_size=4), st.text("qwxz7!\\\"'{}[]:, ü", min_size=1, max_size=12), st.booleans()
)
def test_no_secret_survives_in_json(document: dict[str, object], secret: str, nested: bool) -> None:
    """Whatever a secret is made of and wherever it stands behind its name, it is gone."""
    mark = f"S3CRET{secret}S3CRET"
    text = json.dumps({**document, "password": [mark, {"x": mark}], "token": mark, "last": 1})
    text = json.dumps([text]) if nested else text
    shown, count = mask_text(text)
    assert "S3CRET" not in shown
    assert count >= 1
    assert mask_text(shown)[0] == shown


@given(st.text(alphabet="tokenpaswrd=:{}[]\"'\\ \n&%/@.,Bearer123", max_size=120))
def test_any_text_settles(text: str) -> None:
    once = mask_text(text)[0]
    assert mask_text(once)[0] == once


@pytest.mark.parametrize(
    "unit", ['\\"', '"', "eyJ", "token", "token:", "{", '"token":{', "a:", "//a:", "Basic ", "%", "\\"]
)
def test_hostile_texts_are_done_with(unit: str) -> None:
    """Each of these makes a naive pattern quadratic: this test would not end."""
    text = unit * (1 << 18)
    shown, _ = mask_text(text)
    assert mask_text(shown)[0] == shown


def test_a_connection_without_secrets_is_the_same() -> None:
    found = row([("s", frame(TEXT, b"nothing to hide")), ("s", frame(CLOSE, b"\x03\xe8bye"))])
    assert mask_messages([found]) == ([found], 0)
    assert mask_messages([found])[0][0] is found


def test_a_connection_is_masked_everywhere() -> None:
    secret = "s3cr3t"
    request = REQUEST.replace(b"/chat", f"/chat?token={secret}".encode()).replace(
        b"chat, superchat", f"bearer.{secret}".encode()
    )
    turns = [("c", masked(TEXT, f'{{"password":"{secret}"}}'.encode())),
             ("s", frame(CLOSE, b"\x10\x68" + f"token={secret} expired".encode()))]  # fmt: skip
    found = row(turns, request=request, answer=response(f"Sec-WebSocket-Protocol: bearer.{secret}"))
    assert secret in repr(found)
    (shown,), count = mask_messages([found])
    assert secret not in repr(shown)
    assert count == 4  # address, subprotocol, one message, the close's reason
    assert shown.url == f"ws://server.example.com/chat?token={MASKED}"
    assert shown.close_reason == f"token={MASKED} expired"


def test_what_hid_a_name_is_looked_behind() -> None:
    """Two tokens in a row are one word; only when the first is gone can the name behind the second be seen."""
    once, count = mask_text(f"{TOKEN}.{TOKEN}.c2lntoken: $ecret")
    assert count > 0
    assert mask_text(once) == (once, 0)
    assert "$ecret" not in once
