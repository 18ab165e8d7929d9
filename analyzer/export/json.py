"""One JSON document of everything the analyzer knows: the tables of the schema, in their order.

Rules: UTF-8; deterministic; no NaN or Infinity (they are no JSON, RFC 8259 section 6, and a row never holds one);
text as it is, except lone surrogates, which UTF-8 cannot carry and which are written as ``\\udXXX`` escapes
(RFC 8259 section 8.2), so the document stays valid whatever was captured.

The document is made in pieces - an object per line, a row per line - so that a capture with a million rows needs no
second copy of everything (write :func:`parts` as they come), and so that two documents can be compared with ``diff``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analyzer.analysis import Analysis

_SURROGATES = re.compile("[\ud800-\udfff]")
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(", ", ": ")).encode


def _value(value: Any) -> str:
    """Encode one value; lone surrogates become escapes."""
    text = _encode(value)
    return _SURROGATES.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


def pieces(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the document's text piece by piece: a line for each member, and for each row of a table.

    Args:
        document: JSON-ready values; tables are lists of rows, or iterators over them.

    Raises:
        ValueError: a value is NaN or infinite.
    """
    opening = "{\n"
    for name, value in document.items():
        yield f"{opening}{_value(name)}: "
        opening = ",\n"
        if isinstance(value, list | Iterator):
            separator = "[\n"
            for row in value:
                yield separator + _value(row)
                separator = ",\n"
            yield "[]" if separator == "[\n" else "\n]"
        else:
            yield _value(value)
    yield "\n}\n" if document else "{}\n"


def parts(analysis: Analysis) -> Iterator[str]:
    """Yield the text of :func:`dumps` in pieces, each row made when it is its turn."""
    return pieces(analysis.members())


def dumps(analysis: Analysis) -> str:
    """Return an analysis as one JSON document, keys in the order of the tables' contract."""
    return "".join(parts(analysis))
