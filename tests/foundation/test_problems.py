"""The log of problems: bounded per code, counted in whole."""

from __future__ import annotations

import dataclasses

import pytest

from analyzer.problems import MAX_PROBLEMS_PER_CODE, Problem, ProblemLog


def problem(code: str, frame: int | None = None) -> Problem:
    return Problem(code, "tcp", "a sentence", frame)


def test_kept_in_order_and_counted() -> None:
    log = ProblemLog([problem("B", 1), problem("A", 2)])
    log.add(problem("B", 3))
    assert [(p.code, p.frame) for p in log] == [("B", 1), ("A", 2), ("B", 3)]
    assert (len(log), log.counts) == (3, {"B": 2, "A": 1})


def test_a_million_of_one_code_stay_a_hundred() -> None:
    log = ProblemLog()
    for frame in range(MAX_PROBLEMS_PER_CODE + 50):
        log.add(problem("A", frame))
    log.add(problem("B"))
    assert len(log) == MAX_PROBLEMS_PER_CODE + 1
    assert log.counts == {"A": MAX_PROBLEMS_PER_CODE + 50, "B": 1}
    assert [p.frame for p in log][:3] == [0, 1, 2]


def test_one_example_can_stand_for_many() -> None:
    log = ProblemLog()
    log.add(problem("A", 1), times=1_000_000)
    log.add(problem("A", 2))
    assert log.counts == {"A": 1_000_001}
    assert [p.frame for p in log] == [1]


def test_empty() -> None:
    assert (len(ProblemLog()), list(ProblemLog()), ProblemLog().counts) == (0, [], {})


def test_a_problem_is_a_value() -> None:
    assert problem("A", 1) == problem("A", 1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        problem("A").frame = 3  # type: ignore[misc]
