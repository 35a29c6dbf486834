"""A budget counts from its start, on a clock that nobody sets back."""

import pytest

from persona.deadline import Deadline
from persona.errors import DeadlineExceeded

ADVICE = "raise PERSONA_DEADLINE_SECONDS or lower PERSONA_LIMIT"


def after(passed_seconds: float) -> Deadline:
    """A budget of 100 seconds that began so many seconds ago."""
    times = iter([1_000.0])
    return Deadline(100, lambda: next(times, 1_000.0 + passed_seconds))


def test_a_budget_becomes_less_with_time_and_by_what_comes_after() -> None:
    deadline = after(30)
    assert (deadline.elapsed_seconds, deadline.left_seconds) == (30, 70)
    deadline.less(10).check("ask Mave", 59.9)


@pytest.mark.parametrize(
    ("passed_seconds", "needed_seconds", "expected"),
    [
        (30, 70, "no time left to ask Mave: it needs 70 s, 70 s of 100 s are left"),
        (101, 0, "no time left to ask Mave: it needs 0 s, 0 s of 100 s are left"),
    ],
)
def test_a_check_that_fails_names_the_stage_and_the_figures(
    passed_seconds: float, needed_seconds: float, expected: str
) -> None:
    with pytest.raises(DeadlineExceeded) as exceeded:
        after(passed_seconds).check("ask Mave", needed_seconds)
    assert f"{expected}; {ADVICE}" == exceeded.value.message
