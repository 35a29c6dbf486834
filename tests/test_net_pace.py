"""Turns come at a steady rate, whoever takes them; a 429 slows everybody down, and slowly passes."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from clock import Clock

from persona.deadline import Deadline
from persona.errors import DeadlineExceeded
from persona.net.pace import Pace, Stopped

MakePace = Callable[..., Pace]


@pytest.fixture
def pace(clock: Clock) -> MakePace:
    """Makes a pace in whose time nothing passes but its waits."""
    return lambda turns_a_second, seconds=30.0: Pace(turns_a_second, Deadline(seconds, clock.monotonic))


def test_turns_that_nobody_took_are_not_saved_up(pace: MakePace, clock: Clock) -> None:
    shared = pace(20)
    shared.take()
    clock.sleep(0.5)
    turns = [shared.take() for _ in range(5)]
    # The first is due at once, and one more may come early for it: three gaps of a twentieth are left.
    assert turns[-1] - turns[0] == pytest.approx(3 / 20)


def test_a_slow_down_reaches_who_waits_already(
    pace: MakePace, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = pace(5)
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


def test_replies_to_requests_that_were_on_their_way_together_halve_the_rate_once(
    pace: MakePace, clock: Clock
) -> None:
    shared = pace(1_000)
    turns = [shared.take() for _ in range(5)]
    clock.sleep(0.01)
    for turn in turns:
        shared.slow_down(turn, 0.05)
    assert shared.rate == 500


def test_the_rate_recovers_a_hundredth_a_second(pace: MakePace, clock: Clock) -> None:
    shared = pace(100)
    shared.slow_down(clock.monotonic(), 0)
    clock.sleep(0.5)
    assert shared.rate == pytest.approx(50.5)


def test_no_turn_is_waited_for_that_comes_after_the_deadline(pace: MakePace, clock: Clock) -> None:
    shared = pace(0.1, 1.0)
    shared.take()
    with pytest.raises(DeadlineExceeded, match="turn"):
        shared.take()
    assert clock.passed_seconds == 0


def test_whoever_waits_is_let_go_when_the_fetch_ends() -> None:
    shared = Pace(0.001, Deadline(3_600))
    shared.take()
    with ThreadPoolExecutor(2) as threads:
        turn, rest = threads.submit(shared.take), threads.submit(shared.rest, 1_000)
        shared.stop()
        ended = type(turn.exception(timeout=500)), type(rest.exception(timeout=500))
    assert ended == (Stopped, Stopped)
