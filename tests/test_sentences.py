"""The catalogue of sentences, status codes and states."""

from __future__ import annotations

import re
from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer import http_status, sentences
from analyzer.sentences import FINDINGS, STEPS, finding_text, sentence, why


@pytest.mark.parametrize("key", [*STEPS, *FINDINGS])
def test_every_sentence_stands_without_its_arguments(key: str) -> None:
    text = sentence(key, {})
    assert text
    assert not re.search(r"[{}]|None", text)


@pytest.mark.parametrize("code", list(FINDINGS))
def test_every_finding_says_what_why_and_what_to_try(code: str) -> None:
    text = finding_text(code, {"status": 404, "rcode": "SERVFAIL"})
    assert all((text.title, text.why, text.advice))
    assert text.why.endswith(".")
    assert text.advice.endswith(".")
    assert not text.title.endswith(".")


@pytest.mark.parametrize("key", list(STEPS))
def test_every_step_is_a_whole_sentence(key: str) -> None:
    assert STEPS[key].endswith((".", "{status_meaning}"))  # which is a sentence itself
    assert not STEPS[key].endswith("..")


def test_arguments_are_written_for_people() -> None:
    args = {"client": "10.0.0.5", "server": "10.0.0.1", "name": "a.example", "attempts": 3, "latency_ms": 3024.0}
    assert sentence("step.dns.retry", {**args, "addresses": ("192.0.2.1", "192.0.2.1", "192.0.2.2")}) == (
        "10.0.0.5 asked 10.0.0.1 for a.example and had to repeat it (3 queries); "
        "192.0.2.1, 192.0.2.2 came 3.02 s after the first one."
    )
    assert "(1 query)" in sentence("step.dns.retry", {**args, "attempts": 1})
    assert "got unknown after unknown" in sentence("step.dns", {"latency_ms": None, "addresses": None})
    assert "0.5 % of the data" in sentence("TCP-LOSS", {"loss_share": 0.005, "retransmissions": 7})
    assert sentence("TCP-LOSS", {"retransmissions": 7}).startswith("7 segments between unknown")


def test_a_body_of_nothing_is_not_counted() -> None:
    args = {"host": "h", "status": 304, "reason": "Not Modified", "wait_ms": 5.0, "body_bytes": 0, "receive_ms": 0.0}
    assert sentence("step.response", args) == "h answered 304 Not Modified after 5.00 ms, without a body."
    assert sentence("step.response", {**args, "body_bytes": 1200}).endswith("and sent 1.2 kB.")


def test_the_status_explains_itself() -> None:
    text = finding_text("HTTP-SERVER-ERROR", {"status": 503, "host": "h"})
    assert text.why.startswith("The server is overloaded or in maintenance")


def test_a_variant_falls_back_to_its_code() -> None:
    assert sentence("TCP-RESET.by_client", {"by": "client"}).startswith("The client reset the connection")


def test_a_key_without_a_sentence_gives_what_is_known() -> None:
    assert sentence("no.such.key", {"a": 1, "b": None}) == "no.such.key (a: 1, b: unknown)"
    assert sentence("step.tls.absent.new_reason", {}) == "No tls: new reason."
    assert why("cached").startswith("already known")
    assert why(None) == "not known from this capture"


ARGUMENT = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.lists(st.text())


@given(
    st.sampled_from([*STEPS, *FINDINGS]) | st.text(),
    st.dictionaries(st.sampled_from(["client", "name", "latency_ms", "attempts", "addresses", "status"]), ARGUMENT),
)
def test_no_argument_breaks_a_sentence_or_leaves_it_unsafe(key: str, args: dict[str, object]) -> None:
    for text in (sentence(key, args), *_texts(key, args)):
        assert not re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)


def _texts(key: str, args: dict[str, object]) -> tuple[str, ...]:
    text = finding_text(key, args)
    return text.title, text.why, text.advice


def test_braces_in_an_argument_are_only_text() -> None:
    assert "{server.__class__}" in sentence("step.dns", {"name": "{server.__class__}", "server": "s"})


@pytest.mark.parametrize("status", [int(code) for code in HTTPStatus])
def test_every_code_of_the_standard_library_is_explained(status: int) -> None:
    assert status in http_status.STATUS
    assert http_status.explain(status).endswith(".")
    assert "Not a registered" not in http_status.explain(status)


def test_unregistered_codes_are_explained_by_their_class() -> None:
    assert http_status.explain(499) == "Not a registered code; it counts as 4xx: The server blames the request."
    assert http_status.name(599) == "Server error"
    assert http_status.status_class(226) == "2xx"
    assert (http_status.explain(999), http_status.status_class(999)) == ("Not a valid HTTP status code.", "other")


def test_reasons_read_as_clauses() -> None:
    for text in sentences.WHY.values():
        assert text[0].islower() or text.startswith("TLS")
        assert not text.endswith(".")


def test_an_answer_without_a_reason_phrase_has_its_code_s_name() -> None:
    """RFC 9112 section 4: the phrase may be empty."""
    args = {"host": "shop.example", "status": 200, "reason": "", "wait_ms": 1.0, "receive_ms": 2.0, "body_bytes": 3}
    assert sentence("step.response", args).startswith("shop.example answered 200 OK after")
    assert sentence("step.response", {**args, "reason": None}).startswith("shop.example answered 200 OK after")
    assert sentence("step.response", {**args, "reason": "Fine"}).startswith("shop.example answered 200 Fine after")
