"""The shared captures: real traffic of many origins, and tshark's answers about it beside each."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agree import TOOL, Agreement, agreement, count, fair_oracle
from tests.conftest import SHARED

GROUPS = ("labs", "http1", "dns", "tcp", "tls", "arp", "icmp", "mixed")

KINDS = (
    "tcp.streams",
    "tcp.endpoints",
    "tcp.client",
    "tcp.handshake_frames",
    "tcp.initial_rtt",
    "dns.",
    "http.",
    "tls.",
)
"""Kinds of facts, as the shared tool names them; one that ends in a dot stands for all that begin so."""

ENOUGH = 0.97
"""Share of facts; every kind of difference that is left is explained in docs/differences.md."""

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not SHARED.is_dir(), reason=f"the shared captures are not at {SHARED}"),
    pytest.mark.skipif(not TOOL.is_file(), reason=f"the shared tool is not at {TOOL}"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("agree")


@pytest.fixture(scope="module")
def result(folder: Path) -> Agreement:
    return agreement(list(GROUPS), folder)


@pytest.fixture(scope="module")
def fair(result: Agreement, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Agreement:
    """The same, without the HTTP rows in which tshark says nothing (see ``says_nothing``)."""
    oracle = tmp_path_factory.mktemp("oracle")
    fair_oracle(result.outcomes, SHARED, folder, oracle)
    return Agreement(*count(list(GROUPS), folder, oracle), result.outcomes)


def test_no_traceback_and_no_hang(result: Agreement) -> None:
    assert len(result.outcomes) > 500
    assert [(outcome.capture, outcome.error) for outcome in result.failed] == []


def test_every_frame_is_accounted_for(result: Agreement) -> None:
    assert [outcome.capture for outcome in result.outcomes if not outcome.ledger_sums] == []
    good, of = result.share("packets")
    assert good == of > 500


def test_tshark_agrees_on_the_whole(result: Agreement) -> None:
    shares = [result.share(kind) for kind in KINDS]
    good, of = sum(good for good, _ in shares), sum(of for _, of in shares)
    assert of > 20_000
    assert good >= ENOUGH * of


@pytest.mark.parametrize("kind", KINDS)
def test_tshark_agrees(kind: str, fair: Agreement) -> None:
    good, of = fair.share(kind)
    assert of > 100
    assert good >= ENOUGH * of, f"{good} of {of} facts; python -m tests.agree --fair shows the differences"


def test_little_is_left_out(result: Agreement, fair: Agreement) -> None:
    """Leaving rows out must not become a way to agree."""
    assert fair.share("http.")[1] > 0.9 * result.share("http.")[1]


def test_the_tool_was_given_its_form(result: Agreement) -> None:
    """A table in a form the tool does not know is counted as a difference of kind ``….form``."""
    assert [kind for kind in result.facts if kind.endswith(".form")] == []
