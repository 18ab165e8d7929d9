"""The errors that leave this package, with their exit codes.

::

    AnalyzerError                exit 1
    ├─ UsageError                exit 2   bad option or path
    ├─ CaptureError              exit 3   the file as a whole cannot be read
    │  ├─ UnsupportedFormatError          it is something else; says what, if it can tell
    │  ├─ CorruptCaptureError             a length lies before anything could be read
    │  └─ LimitExceededError              a named limit was hit
    ├─ WireError                          never leaves protocols/ and decode/
    │  ├─ NeedMoreData
    │  └─ MalformedError
    ├─ ExportError               exit 4
    └─ BatchError                exit 5

A broken packet is not an error but a :class:`analyzer.problems.Problem`.
"""

from __future__ import annotations


class AnalyzerError(Exception):
    """Base of everything this package raises on purpose."""

    exit_code = 1


class UsageError(AnalyzerError):
    """A bad option, argument or path."""

    exit_code = 2


class CaptureError(AnalyzerError):
    """The file as a whole cannot be read.

    Attributes:
        path: the file as the user named it.
        reason: one clear sentence without the path.
        offset: byte offset in the (decompressed) file where it went wrong, or None.
    """

    exit_code = 3

    def __init__(self, path: str, reason: str, offset: int | None = None) -> None:
        super().__init__(path, reason, offset)
        self.path = path
        self.reason = reason
        self.offset = offset

    def __str__(self) -> str:
        where = "" if self.offset is None else f" at byte {self.offset}"
        return f"{self.path}: {self.reason}{where}"


class UnsupportedFormatError(CaptureError):
    """Not a capture, or one in a format that is not read."""


class CorruptCaptureError(CaptureError):
    """A header or length is wrong before any packet could be read."""


class LimitExceededError(CaptureError):
    """A named limit of :class:`analyzer.options.Limits` was hit."""


class WireError(AnalyzerError):
    """A message cannot be parsed; caught inside ``protocols/`` and ``decode/``."""


class NeedMoreData(WireError):
    """The message is right so far but ends early.

    Attributes:
        missing: how many more bytes are needed at least.
    """

    def __init__(self, missing: int = 1) -> None:
        super().__init__(missing)
        self.missing = missing


class MalformedError(WireError):
    """The message breaks its own rules.

    Attributes:
        layer: "dns", "tls", "http" ...
        offset: where, counted from the start of the message.
        reason: what was wrong, in one phrase.
        needed, available: bytes wanted and bytes there, when that is the trouble.
        bounded_by: the field that set the bound.
    """

    def __init__(
        self,
        layer: str,
        offset: int,
        reason: str,
        needed: int | None = None,
        available: int | None = None,
        bounded_by: str | None = None,
    ) -> None:
        super().__init__(layer, offset, reason, needed, available, bounded_by)
        self.layer = layer
        self.offset = offset
        self.reason = reason
        self.needed = needed
        self.available = available
        self.bounded_by = bounded_by

    def __str__(self) -> str:
        text = f"{self.layer}: {self.reason} at offset {self.offset}"
        if self.needed is not None:
            text += f" (needed {self.needed}, available {self.available}"
            text += f", bounded by {self.bounded_by})" if self.bounded_by else ")"
        return text


class ExportError(AnalyzerError):
    """An output could not be written."""

    exit_code = 4


class BatchError(AnalyzerError):
    """Some captures of a batch failed; all were tried."""

    exit_code = 5
