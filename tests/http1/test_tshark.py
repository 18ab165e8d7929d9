"""HTTP transactions against tshark, asked now with the preferences that HTTP needs.

A choice of captures that takes seconds: plain browsing, pipelining, POST with 100 Continue, out-of-order segments,
chunked bodies over many segments, SOCKS. ``python -m tests.agree_http http1 http1-evader labs mixed`` compares all.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agree_http import Sum, compare, version
from tests.conftest import SHARED

CAPTURES = [
    "http1/PcapPlusPlus-http-packets2",
    "http1/arkime-socks-http-example",
    "http1/ja4-pcap-http1",
    "http1/nDPI-http_ua_splitted_in_two_pkts",
    "http1/pcap2har-tests-sajal",
    "http1/ppa-evilprogram",
    "http1/ppa3-http_espn.",
    "http1/sourceboston-http",
    "http1/zeek-docker-http-upgrade",
    "labs/Wireshark-tr-http",
]

pytestmark = [
    pytest.mark.referee,
    pytest.mark.shared,
    pytest.mark.skipif(not SHARED.is_dir(), reason=f"the shared captures are not at {SHARED}"),
    pytest.mark.skipif(version() is None, reason="tshark is not here"),
]


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Sum:
    return compare(CAPTURES, jobs=2, cache=tmp_path_factory.mktemp("tshark"))


def test_method_target_and_status(result: Sum) -> None:
    unlike = result.unlike()
    assert len(result.requests) > 300
    assert (len(result.requests) - len(unlike)) / len(result.requests) >= 0.995, "\n".join(
        str(v) for g in unlike for v in g
    )


@pytest.mark.parametrize("what", ["frame_same", "time_same"])
def test_first_frame_and_time_of_the_response(result: Sum, what: str) -> None:
    known = [verdict for verdict in result.agreeing() if getattr(verdict, what) is not None]
    assert len(known) > 300
    assert [str(verdict) for verdict in known if not getattr(verdict, what)] == []


def test_interim_answers_are_found(result: Sum, shared_captures: Path) -> None:
    # http1/ppa-evilprogram: 100 Continue precedes the answer in frames 130, 142, 154 ... (tshark pairs them).
    interim = [v for v in result.agreeing() if v.kind == "interim"]
    assert {v.pair.response.status for v in interim} == {100}
    assert {v.pair.response.first_frame for v in interim} >= {130, 142}
