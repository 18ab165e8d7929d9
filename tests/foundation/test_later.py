"""A part of a row that is drawn when it is read is, to every reader, the tuple it draws."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace
from pathlib import Path

from analyzer.export.columns import texts
from analyzer.masking import mask_visits
from analyzer.pipeline import analyze
from analyzer.schema import Later, Step, VisitRow, plain

SAMPLE = Path(__file__).parents[2] / "samples" / "web-app.pcapng"


def squares(count: int) -> tuple[int, ...]:
    return tuple(k * k for k in range(count))


def test_it_is_what_it_draws() -> None:
    later: Later[int] = Later(squares, 4)
    assert later == (0, 1, 4, 9)
    assert later == Later(squares, 4)
    assert later != (0, 1, 4)
    assert later != [0, 1, 4, 9], "as a tuple is no list"
    assert (len(later), later[-1], later[1:3], list(later)) == (4, 9, (1, 4), [0, 1, 4, 9])
    assert hash(later) == hash((0, 1, 4, 9))
    assert repr(later) == "(0, 1, 4, 9)"


def test_copies_are_tuples() -> None:
    later: Later[int] = Later(squares, 3)
    for other in (pickle.loads(pickle.dumps(later)), copy.deepcopy(later)):
        assert type(other) is tuple
        assert other == (0, 1, 4)


def test_nothing_is_drawn_before_somebody_asks() -> None:
    asked: list[int] = []

    def draw() -> tuple[int, ...]:
        asked.append(1)
        return ()

    later: Later[int] = Later(draw)
    assert asked == []
    assert len(later) == 0
    assert asked == [1]


def test_visits_are_written_alike() -> None:
    """Also those of which some have their steps drawn, and some not."""
    visits = analyze(str(SAMPLE)).visits
    drawn = [replace(visit, steps=tuple(visit.steps)) for visit in visits]
    assert any(visit.steps for visit in drawn)
    assert list(texts(visits)) == list(texts(drawn)) == list(texts([drawn[0], *visits[1:]]))
    assert [plain(visit) for visit in visits] == [plain(visit) for visit in drawn]
    assert list(visits) == drawn


def test_what_is_drawn_later_is_masked() -> None:
    phases = analyze(str(SAMPLE)).visits[0].phases
    steps: Later[Step] = Later(lambda: (Step("request", (1,), None, None, "request", {"url": "http://u:pw@h/"}, None),))
    visit = VisitRow(1, "http://h/", None, 0, None, (), (), (), (), (), 0, 1, 0, 0, phases, steps)
    (masked,) = mask_visits([visit])
    assert "pw" in repr(visit.steps)
    assert "pw" not in repr(masked.steps)
