"""Turns come at a steady rate, whoever takes them; a 429 slows everybody down, and slowly passes."""

import pytest
from clock import Clock

from persona.deadline import Deadline
from persona.errors import DeadlineExceeded
from persona.net.pace import Pace

# Nothing passes but the waits.
pytestmark = pytest.mark.usefixtures("clock")


def test_turns_that_nobody_took_are_not_saved_up(clock: Clock) -> None:
    shared = Pace(20, Deadline(30))
    shared.take()
    clock.sleep(0.5)
    turns = [shared.take() for _ in range(5)]
    # The first is due at once, and one more may come early for it: three gaps of a twentieth are left.
    assert turns[-1] - turns[0] == pytest.approx(3 / 20)


def test_a_slow_down_reaches_who_waits_already(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = Pace(5, Deadline(30))
    turn = shared.take()
    waits: list[float] = []

    def rest(seconds: float) -> None:
        if not waits:
            shared.slow_down(turn, 0.6)
        waits.append(seconds)
        clock.sleep(seconds)

    monkeypatch.setattr(shared, "rest", rest)
    assert shared.take() - turn == pytest.approx(0.6)
    assert waits == pytest.approx([0.2, 0.4])


def test_replies_to_requests_that_were_on_their_way_together_halve_the_rate_once(clock: Clock) -> None:
    shared = Pace(1_000, Deadline(30))
    turns = [shared.take() for _ in range(5)]
    clock.sleep(0.01)
    for turn in turns:
        shared.slow_down(turn, 0.05)
    assert shared.rate == 500


def test_the_rate_recovers_a_hundredth_a_second(clock: Clock) -> None:
    shared = Pace(100, Deadline(30))
    shared.slow_down(clock.monotonic(), 0)
    clock.sleep(0.5)
    assert shared.rate == pytest.approx(50.5)


def test_no_turn_is_waited_for_that_comes_after_the_deadline(clock: Clock) -> None:
    shared = Pace(0.1, Deadline(1))
    shared.take()
    with pytest.raises(DeadlineExceeded, match="turn"):
        shared.take()
    assert clock.passed_seconds == 0
