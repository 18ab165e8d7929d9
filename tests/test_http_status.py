"""Status codes against the registry of IANA (https://www.iana.org/assignments/http-status-codes, read by eye)."""

from __future__ import annotations

import pytest

from analyzer import http_status

REGISTERED = {
    *range(100, 105),
    *range(200, 209), 226,
    *range(300, 309),
    *range(400, 419), 421, 422, 423, 424, 425, 426, 428, 429, 431, 451,
    *range(500, 509), 510, 511,
}  # fmt: skip
"""Every code that is not marked as unassigned, with the unused ones and those of a draft."""

PHRASES = {
    104: "Upload Resumption Supported",
    203: "Non-Authoritative Information",
    226: "IM Used",
    304: "Not Modified",
    306: "(Unused)",
    413: "Content Too Large",
    418: "(Unused)",
    421: "Misdirected Request",
    422: "Unprocessable Content",
    425: "Too Early",
    451: "Unavailable For Legal Reasons",
    506: "Variant Also Negotiates",
    508: "Loop Detected",
    510: "Not Extended",
    511: "Network Authentication Required",
}


def test_no_more_and_no_less_than_the_registry() -> None:
    assert set(http_status.STATUS) == REGISTERED


@pytest.mark.parametrize(("code", "phrase"), list(PHRASES.items()))
def test_phrases(code: int, phrase: str) -> None:
    assert http_status.name(code) == phrase


@pytest.mark.parametrize("code", sorted(REGISTERED))
def test_one_plain_sentence_each(code: int) -> None:
    sentence = http_status.explain(code)
    assert sentence.endswith(".")
    assert sentence[0].isupper()
    assert ". " not in sentence
    assert 20 <= len(sentence) <= 120


@pytest.mark.parametrize("code", [199, 299, 399, 499, 599])
def test_unknown_codes_have_their_class(code: int) -> None:
    """RFC 9110 section 15: a client treats an unknown code like x00 of its class."""
    assert http_status.explain(code).startswith("Not a registered code; it counts as")
    assert http_status.status_class(code) == f"{code // 100}xx"


@pytest.mark.parametrize("code", [0, 99, 600, 999])
def test_no_codes(code: int) -> None:
    assert http_status.explain(code) == "Not a valid HTTP status code."
