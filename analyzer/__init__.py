"""Rebuild what happened in a packet capture and explain it.

>>> import analyzer
>>> analysis = analyzer.analyze("capture.pcapng")  # doctest: +SKIP
>>> analysis.http.nlargest(5, "wait_ms")  # doctest: +SKIP

Names are imported when first used, so that ``import analyzer`` stays cheap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analyzer.errors import (
    AnalyzerError,
    BatchError,
    CaptureError,
    CorruptCaptureError,
    ExportError,
    LimitExceededError,
    UnsupportedFormatError,
    UsageError,
)
from analyzer.version import __version__

if TYPE_CHECKING:
    from analyzer.api import Analysis, analyze
    from analyzer.options import Limits, Options

__all__ = [
    "Analysis",
    "AnalyzerError",
    "BatchError",
    "CaptureError",
    "CorruptCaptureError",
    "ExportError",
    "LimitExceededError",
    "Limits",
    "Options",
    "UnsupportedFormatError",
    "UsageError",
    "__version__",
    "analyze",
]

_HOMES = {
    "Analysis": "analyzer.api",
    "Limits": "analyzer.options",
    "Options": "analyzer.options",
    "analyze": "analyzer.api",
}


def __getattr__(name: str) -> Any:
    """Import a public name from its home (PEP 562)."""
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
