"""Rebuild what happened in a packet capture and explain it.

>>> import analyzer
>>> analysis = analyzer.analyze("capture.pcapng")  # doctest: +SKIP

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
    from analyzer.analysis import Analysis
    from analyzer.options import Limits, Options
    from analyzer.pipeline import analyze

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
    "Analysis": "analyzer.analysis",
    "Limits": "analyzer.options",
    "Options": "analyzer.options",
    "analyze": "analyzer.pipeline",
}


def __getattr__(name: str) -> Any:
    """Import a public name from its home (PEP 562)."""
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
