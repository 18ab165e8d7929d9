"""What compression would have saved: an estimate for text that was sent as it is though the client would take gzip.

A sample from the body's beginning is compressed as nginx does by default, and the whole is taken to compress alike.
It is an estimate: pages are more uniform than their first 16 kB, so mostly too low.

Sources: RFC 9110 sections 8.4.1 and 12.5.3; nginx, directives gzip_comp_level (1) and gzip_min_length.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator

from analyzer.problems import Problem
from analyzer.protocols.base import Conversation
from analyzer.protocols.http1.grammar import Fields

LEAST_BYTES = 1024
"""Shorter bodies are not worth it: they fit into a segment or two either way (servers' usual advice is 1 kB)."""

SAMPLE_BYTES = 16 << 10
"""Most bytes compressed of one body."""

LEVEL = 1
"""nginx's default."""

GZIP_OVERHEAD = 18
"""Bytes of a gzip member's header and trailer (RFC 1952 section 2.3)."""

_TEXT = re.compile(
    r"text/(?!event-stream)|application/(?:json|javascript|x-javascript|ecmascript|xml|rtf|graphql|x-ndjson|yaml|"
    r"x-yaml|sql)$|[^/]+/[^/]+\+(?:json|xml|text)$"
)
"""Media types that are text, also under names without ``text/``."""


def takes_gzip(headers: Fields) -> bool:
    """Tell whether a request's Accept-Encoding allows gzip; without that field nothing is to be assumed."""
    for element in headers.elements(b"accept-encoding"):
        name, _, parameter = element.partition(b";")
        if name.rstrip() in (b"gzip", b"x-gzip", b"*"):
            weight = parameter.replace(b" ", b"").removeprefix(b"q=")
            return not weight or weight.strip(b"0.") != b""
    return False


def would_help(kind: str | None, asked: Fields) -> bool:
    """Tell whether a body of this media type, answering a request with these fields, should have been compressed."""
    return kind is not None and _TEXT.match(kind) is not None and takes_gzip(asked)


def missed(pieces: Iterator[bytes], size: int, conversation: Conversation) -> int | None:
    """Return about how many bytes gzip would have saved.

    Args:
        pieces: the content.
        size: of all of it.
        conversation: whose budget pays for it.

    Returns:
        Bytes, 0 where gzip would save nothing; None when the capture's budget for this is spent (said once).
    """
    budget = conversation.budget
    wanted = min(size, SAMPLE_BYTES)
    if budget.sampled_bytes < wanted:
        if not budget.sampled_told:
            budget.sampled_told = True
            text = "what compression would have saved is estimated for the first texts of this capture only"
            conversation.problems.add(Problem("LIMIT-REACHED", "http", text))
        return None
    packer, taken, packed = zlib.compressobj(LEVEL), 0, 0
    for piece in pieces:
        part = piece[: wanted - taken]
        packed += len(packer.compress(part))
        taken += len(part)
        if taken >= wanted:
            break
    budget.sampled_bytes -= taken
    if not taken:
        return None
    packed += len(packer.flush())
    return max(size - packed * size // taken - GZIP_OVERHEAD, 0)
