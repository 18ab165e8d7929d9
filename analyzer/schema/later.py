"""A part of a row that is drawn when somebody asks for it.

Most of what can be told of a large table is never told: the report shows its first rows, a finding a few of them. Such
a part knows how to draw itself and keeps nothing, so that a table that is written out a batch at a time needs the
memory of a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar, overload

Item = TypeVar("Item", covariant=True)


class Later(Sequence[Item], Generic[Item]):
    """What a function returns for its arguments: a tuple to whoever reads, compares, or pickles it.

    Drawing it must give the same each time. Who needs it more than once takes a tuple of it.
    """

    __slots__ = ("_given", "_make")

    def __init__(self, make: Callable[..., tuple[Item, ...]], *given: Any) -> None:
        self._make, self._given = make, given

    def _drawn(self) -> tuple[Item, ...]:
        return self._make(*self._given)

    def __iter__(self) -> Iterator[Item]:
        return iter(self._drawn())

    def __len__(self) -> int:
        return len(self._drawn())

    @overload
    def __getitem__(self, at: int) -> Item: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Item, ...]: ...
    def __getitem__(self, at: int | slice) -> Item | tuple[Item, ...]:
        return self._drawn()[at]

    def __eq__(self, other: object) -> bool:
        return self._drawn() == tuple(other) if isinstance(other, tuple | Later) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._drawn())

    def __repr__(self) -> str:
        return repr(self._drawn())

    def __reduce__(self) -> tuple[Any, ...]:
        return tuple, (list(self._drawn()),)
