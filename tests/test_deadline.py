"""A budget counts from its start, on a clock that nobody sets back."""

import pytest

from persona.deadline import Deadline
from persona.errors import DeadlineExceeded


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_what_is_left_and_what_has_passed_make_the_budget(clock: Clock) -> None:
    deadline = Deadline(100, clock)
    clock.seconds += 30
    assert (deadline.elapsed_seconds, deadline.left_seconds) == (30, 70)


def test_another_budget_counts_from_the_same_start(clock: Clock) -> None:
    deadline = Deadline(0, clock)
    clock.seconds += 30
    assert deadline.of(100).left_seconds == 70


def test_a_smaller_budget_leaves_seconds_for_what_comes_after(clock: Clock) -> None:
    deadline = Deadline(100, clock)
    clock.seconds += 30
    assert deadline.less(10).left_seconds == 60


def test_a_check_passes_while_more_than_the_needed_seconds_are_left(clock: Clock) -> None:
    deadline = Deadline(100, clock)
    clock.seconds += 30
    deadline.check("ask Mave", 69.9)


@pytest.mark.parametrize(
    ("passed_seconds", "needed_seconds", "expected"),
    [
        (30, 70, "no time left to ask Mave: it needs 70 s, 70 s of 100 s are left"),
        (101, 0, "no time left to ask Mave: it needs 0 s, 0 s of 100 s are left"),
    ],
)
def test_a_check_that_fails_names_the_stage_and_the_figures(
    clock: Clock, passed_seconds: float, needed_seconds: float, expected: str
) -> None:
    deadline = Deadline(100, clock)
    clock.seconds += passed_seconds
    with pytest.raises(DeadlineExceeded) as exceeded:
        deadline.check("ask Mave", needed_seconds)
    assert f"{expected}; raise PERSONA_DEADLINE_SECONDS or lower PERSONA_LIMIT" == exceeded.value.message


def test_unless_told_otherwise_it_is_the_machines_own_monotonic_clock() -> None:
    assert 99 < Deadline(100).left_seconds <= 100
