"""What the two file readers hand back: columns over packets, and what the file says of itself.

Readers work in windows of the file, so columns are collected as chunks and joined once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from analyzer.capture.model import Interface, Secrets
from analyzer.problems import Problem, ProblemLog

WINDOW_BYTES = 16 << 20
"""Bytes of the file walked at a time: bounds the pages and the Python numbers alive at once (records are at least
16 bytes, so a million positions), and is large enough that the work per window does not count."""

Progress = Callable[[str, float], None]
"""Called with what is being done and the share done, 0.0 to 1.0."""


@dataclass(slots=True)
class Columns:
    """Chunks of the packet columns of :class:`analyzer.capture.model.PacketIndex`, in file order."""

    offset: list[NDArray[np.int64]] = field(default_factory=list)
    caplen: list[NDArray[np.uint32]] = field(default_factory=list)
    wirelen: list[NDArray[np.uint32]] = field(default_factory=list)
    time: list[NDArray[np.int64]] = field(default_factory=list)
    interface: list[NDArray[np.uint16]] = field(default_factory=list)
    rows: int = 0

    def add(
        self,
        offset: NDArray[np.int64],
        caplen: NDArray[np.uint32],
        wirelen: NDArray[np.uint32],
        time: NDArray[np.int64],
        interface: NDArray[np.uint16],
    ) -> None:
        """Append one chunk; all arrays have the same length."""
        self.offset.append(offset)
        self.caplen.append(caplen)
        self.wirelen.append(wirelen)
        self.time.append(time)
        self.interface.append(interface)
        self.rows += int(offset.size)


@dataclass(slots=True)
class Records:
    """Everything a reader found in one file.

    Attributes:
        end: where reading stopped; the size of the data when all of it was read.
        stopped: why reading stopped early, or None. Codes with ``-BAD-`` mean that something lies, the others that
            the file is cut or a limit was reached.
    """

    format: str
    byte_order: str
    columns: Columns = field(default_factory=Columns)
    interfaces: list[Interface] = field(default_factory=list)
    comments: list[tuple[int | None, str]] = field(default_factory=list)
    names: list[tuple[str, str]] = field(default_factory=list)
    secrets: list[Secrets] = field(default_factory=list)
    problems: ProblemLog = field(default_factory=ProblemLog)
    end: int = 0
    stopped: Problem | None = None
    application: str | None = None
    extra: dict[str, str] = field(default_factory=dict)

    def problem(self, code: str, message: str, offset: int | None = None, *, times: int = 1) -> None:
        """Note something that could not be read as it stands."""
        self.problems.add(Problem(code, "capture", message, None, offset), times)

    def stop(self, code: str, message: str, offset: int) -> None:
        """Note that nothing from ``offset`` on can be read."""
        self.end = offset
        self.stopped = Problem(code, "capture", message, None, offset)
        self.problems.add(self.stopped)


_Scalar = TypeVar("_Scalar", bound=np.generic)


def join(chunks: list[NDArray[_Scalar]], dtype: type[_Scalar]) -> NDArray[_Scalar]:
    """Join chunks into one array and let them go; an empty list gives an empty array."""
    joined = np.concatenate(chunks) if chunks else np.zeros(0, dtype)
    chunks.clear()
    return joined
