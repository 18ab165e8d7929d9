"""Source routes (RFC 791 section 3.1): the far end of packets, by bytes written by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.addresses import ip_text
from analyzer.protocols.source_route import far_end

STOPS = bytes([10, 2, 3, 2, 10, 0, 0, 3])


@pytest.mark.parametrize(
    ("options", "end"),
    [
        (bytes([137, 11, 4]) + STOPS + b"\0", "10.0.0.3"),  # strict, nothing visited yet
        (bytes([137, 11, 8]) + STOPS + b"\0", "10.0.0.3"),  # one stop left
        (bytes([131, 11, 8]) + STOPS + b"\0", "10.0.0.3"),  # loose
        (bytes([1, 131, 11, 8]) + STOPS, "10.0.0.3"),  # padded in front
        (bytes([137, 11, 12]) + STOPS + b"\0", None),  # arrived: the header has the far end
        (bytes([7, 11, 4]) + STOPS + b"\0", None),  # record route: only notes the way
        (bytes([148, 4, 0, 0, 137, 7, 4, 192, 0, 2, 1, 0]), "192.0.2.1"),  # behind a router alert
        (bytes([0, 137, 7, 4, 192, 0, 2, 1]), None),  # behind the end of the list
        (bytes([137, 12, 4]) + STOPS, None),  # longer than the header
        (bytes([137, 9, 4]) + STOPS[:6] + b"\0" * 3, None),  # no whole addresses
        (bytes([137]), None),
        (bytes([137, 3, 4, 0]), None),
        (b"", None),
    ],
)
def test_far_end(options: bytes, end: str | None) -> None:
    assert far_end(options) == end


@given(st.binary(max_size=40))
def test_any_bytes(options: bytes) -> None:
    end = far_end(options)
    assert end is None or any(ip_text(options[at : at + 4]) == end for at in range(len(options)))
