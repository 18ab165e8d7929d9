"""Response codes and record types in words."""

from __future__ import annotations

import re

import pytest

from analyzer.dns_words import RCODES, TYPES, explain, explain_type
from analyzer.protocols.dns.registry import RCODES as NUMBERS
from analyzer.protocols.dns.registry import TYPES as TYPE_NUMBERS


def test_every_code_that_a_row_may_have_is_explained() -> None:
    assert set(RCODES) == set(NUMBERS.values())


def test_every_explained_type_exists() -> None:
    assert set(TYPES) <= set(TYPE_NUMBERS.values())


@pytest.mark.parametrize("code", RCODES)
def test_a_sentence(code: str) -> None:
    assert re.fullmatch(r"[A-Z].*\.", explain(code))
    assert "not registered" not in explain(code)


def test_others() -> None:
    assert "not registered" in explain("RCODE24")
    assert explain_type("MX") == "the mail servers of a domain"
    assert explain_type("TYPE65534") == "data of a type that this program does not explain"
