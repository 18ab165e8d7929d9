"""Addresses in archives: URIs by the grammar of RFC 3986 whatever was captured, and unchanged where they were."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.export.har_address import MAX_QUERY_FIELDS, query_fields, uri

# RFC 3986 appendix A, with IPv6 literals only by their characters.
UNRESERVED, SUB, HEX = r"[A-Za-z0-9._~\-]", r"[!$&'()*+,;=]", r"%[0-9A-Fa-f]{2}"
PCHAR = f"(?:{UNRESERVED}|{SUB}|{HEX}|[:@])"
URI = re.compile(
    rf"[A-Za-z][A-Za-z0-9+.\-]*://(?:(?:{UNRESERVED}|{SUB}|{HEX}|:)*@)?"
    rf"(?:\[[0-9A-Fa-f:.]+\]|(?:{UNRESERVED}|{SUB}|{HEX})*)(?::[0-9]*)?"
    rf"(?:/{PCHAR}*)*(?:\?(?:{PCHAR}|[/?])*)?(?:\#(?:{PCHAR}|[/?])*)?"
)


@pytest.mark.parametrize(
    "text",
    [
        "http://shop.example/",
        "https://shop.example:8443/a/b.html?x=1&y=%20#top",
        "http://[2001:db8::1]:8080/",
        "http://user:pw@h.example/;v=1?a=b/c?d",
        "http://h.example",
        "http://h.example/%E2%82%AC",
    ],
)
def test_a_uri_stays_as_it_is(text: str) -> None:
    assert URI.fullmatch(text)
    assert uri(text) == text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("http://h.example/a b", "http://h.example/a%20b"),
        ("http://h.example/caf\u00e9", "http://h.example/caf%C3%A9"),
        ('http://h.example/?q="<x>"', "http://h.example/?q=%22%3Cx%3E%22"),
        ("http://h.example/?token=[masked]", "http://h.example/?token=%5Bmasked%5D"),
        ("http://h.example/100%", "http://h.example/100%25"),
        ("http://h.example/a#b#c", "http://h.example/a#b%23c"),
        ("http://h.example/a\\b|c^d`e{f}", "http://h.example/a%5Cb%7Cc%5Ed%60e%7Bf%7D"),
        ("http://bad host/", "http://bad%20host/"),
        ("http://h.example:80x/", "http://h.example%3A80x/"),
        ("http://[not an address]/", "http://%5Bnot%20an%20address%5D/"),
        ("shop.example:443", "http://shop.example:443"),
        ("[2001:db8::1]:443", "http://[2001:db8::1]:443"),
        ("\udcff", "http://%ED%B3%BF"),
    ],
)
def test_what_is_no_uri_becomes_one(text: str, written: str) -> None:
    assert uri(text) == written
    assert URI.fullmatch(written)


@given(st.text(st.characters()) | st.text("ht p:/?#[]@%1aAé\udcff", max_size=40))
def test_anything_becomes_a_uri_and_stays_it(text: str) -> None:
    for whole in (text, f"http://{text}", f"http://h.example/{text}"):
        written = uri(whole)
        assert URI.fullmatch(written), written
        assert uri(written) == written


@given(st.lists(st.tuples(st.text("abc", min_size=1), st.text(st.characters(exclude_categories=["Cs"]))), max_size=5))
def test_a_query_is_read_as_it_was_meant(fields: list[tuple[str, str]]) -> None:
    from urllib.parse import urlencode

    assert query_fields(f"http://h.example/?{urlencode(fields)}") == fields


def test_a_query_of_a_million_fields_is_cut() -> None:
    assert len(query_fields("http://h.example/?" + "a=1&" * 1_000_000)) == MAX_QUERY_FIELDS
    assert query_fields("http://h.example/") == []
