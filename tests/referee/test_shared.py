"""The shared captures: real traffic of many origins, and tshark's answers about it beside each."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agree import TOOL, Agreement, agreement
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
def result(tmp_path_factory: pytest.TempPathFactory) -> Agreement:
    return agreement(list(GROUPS), tmp_path_factory.mktemp("agree"))


def test_no_traceback_and_no_hang(result: Agreement) -> None:
    assert len(result.outcomes) > 500
    assert [(outcome.capture, outcome.error) for outcome in result.failed] == []


def test_every_frame_is_accounted_for(result: Agreement) -> None:
    assert [outcome.capture for outcome in result.outcomes if outcome.ledger_sums is False] == []
    good, of = result.share("packets")
    assert good == of > 500


@pytest.mark.parametrize("kind", KINDS)
def test_tshark_agrees(kind: str, result: Agreement) -> None:
    good, of = result.share(kind)
    assert of > 100
    assert good >= ENOUGH * of, f"{good} of {of} facts; python -m tests.agree shows the differences"


def test_the_tool_was_given_its_form(result: Agreement, tmp_path: Path) -> None:
    """A table in a form the tool does not know is counted as a difference of kind ``….form``."""
    assert [kind for kind in result.facts if kind.endswith(".form")] == []
