"""Coverage-guided fuzzing of masking: any text can be masked, twice is as good as once, and a planted secret is gone.

Run: ``python fuzz/fuzz_masking.py -max_total_time=60`` (needs atheris).
"""

from __future__ import annotations

import sys
from urllib.parse import quote

import atheris

with atheris.instrument_imports(include=["analyzer.masking", "analyzer.secret_names"]):
    from analyzer.masking import mask_header, mask_url
    from analyzer.masking_messages import mask_messages
    from analyzer.schema import WebSocketMessage, WebSocketRow

SECRET = "Zx81-MARKER"
WORDS = (
    "",
    "password=",
    '"password":"',
    "Bearer ",
    "token: ",
    "://u:",
    "@",
    "?a=b&",
    "%70assword%3D",
    "%2522",
    '\\"',
    '"}',
    "{",
    "[",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
    "Cookie: a=",
    "<password>",
    "\t",
    "\n",
    "'",
)
HEADERS = ("Cookie", "Set-Cookie", "Authorization", "X-Api-Key", "Location", "X-Custom", "Sec-WebSocket-Protocol")


def text_of(data: atheris.FuzzedDataProvider, most: int) -> str:
    """Make a text of words that mean something and any characters."""
    out = ""
    while data.remaining_bytes() and len(out) < most:
        out += WORDS[data.ConsumeIntInRange(0, len(WORDS) - 1)]
        out += data.ConsumeUnicodeNoSurrogates(data.ConsumeIntInRange(0, 8))
    return out


def said(text: str) -> str:
    """Mask a message of a WebSocket."""
    message = WebSocketMessage(1, 1, "client", "text", len(text), text)
    row = WebSocketRow(0, 0, 1, None, (), None, None, None, (message,), 1, 0)
    shown = mask_messages([row])[0][0].messages[0].text
    assert shown is not None
    return shown


def one_input(raw: bytes) -> None:
    """Mask one text in every place it can stand in."""
    data = atheris.FuzzedDataProvider(raw)
    header = HEADERS[data.ConsumeIntInRange(0, len(HEADERS) - 1)]
    text = text_of(data, 400)
    for mask in (mask_url, said):
        once = mask(text)
        assert mask(once) == once, "masking twice changes nothing"
    mask_header(header, mask_header(header, text))  # of names that are none, a header's may show less each time
    filler = quote(text, safe="")
    for planted in (f"http://h/p?x={filler}&password={SECRET}", f"/p?password={SECRET}&x={filler}"):
        assert SECRET not in mask_url(planted)
    for name in ("Cookie", "Authorization"):
        assert SECRET not in mask_header(name, f"a={SECRET}")
    assert SECRET not in said('{"x": "' + filler + '", "password": "' + SECRET + '"}')


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
