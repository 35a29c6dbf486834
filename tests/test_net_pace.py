"""Turns come at a steady rate, whoever takes them; a 429 slows everybody down, and slowly passes."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from persona.deadline import Deadline
from persona.errors import DeadlineExceeded
from persona.net.pace import LEAST_SHARE, Pace, Stopped


def pace(turns_a_second: float, deadline_seconds: float = 30.0) -> Pace:
    return Pace(turns_a_second, Deadline(deadline_seconds))


def test_turns_are_evenly_spaced_over_all_threads() -> None:
    shared = pace(50)
    with ThreadPoolExecutor(16) as threads:
        turns = sorted(threads.map(lambda _: shared.take(), range(50)))
    assert 49 / 50 * 0.95 <= turns[-1] - turns[0] <= 49 / 50 * 1.5


def test_turns_that_nobody_took_are_not_saved_up() -> None:
    shared = pace(20)
    shared.take()
    time.sleep(0.5)
    turns = [shared.take() for _ in range(5)]
    # The first is due at once, and one more may come early for it: three gaps of a twentieth are left.
    assert turns[-1] - turns[0] >= 3 / 20 * 0.95


def test_a_slow_down_pauses_everybody_and_halves_the_rate() -> None:
    shared = pace(40)
    turn = shared.take()
    shared.slow_down(turn, 0.5)
    start = time.monotonic()
    turns = [shared.take() for _ in range(5)]
    assert turns[0] - start >= 0.45
    assert shared.rate == pytest.approx(20, rel=0.05)
    assert turns[-1] - turns[0] >= 3 / 20 * 0.9


def test_a_slow_down_reaches_who_waits_already() -> None:
    shared = pace(5)
    turn = shared.take()
    start = time.monotonic()
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(shared.take)
        time.sleep(0.05)
        shared.slow_down(turn, 0.6)
        assert waiting.result() - start >= 0.6


def test_replies_to_requests_that_were_on_their_way_together_halve_the_rate_once() -> None:
    shared = pace(1_000)
    turns = [shared.take() for _ in range(5)]
    for turn in turns:
        shared.slow_down(turn, 0.05)
    assert shared.rate == 500


def test_the_rate_never_quite_vanishes() -> None:
    shared = pace(1_000)
    for _ in range(20):
        shared.slow_down(time.monotonic(), 0.001)
    assert shared.rate == pytest.approx(1_000 * LEAST_SHARE, rel=0.05)


def test_the_rate_recovers_a_hundredth_a_second() -> None:
    shared = pace(100)
    shared.slow_down(time.monotonic(), 0)
    time.sleep(0.5)
    assert shared.rate == pytest.approx(50.5, abs=0.2)


def test_no_turn_is_waited_for_that_comes_after_the_deadline() -> None:
    shared = pace(0.1, deadline_seconds=1.0)
    shared.take()
    start = time.monotonic()
    with pytest.raises(DeadlineExceeded, match="turn"):
        shared.take()
    assert time.monotonic() - start < 5


def test_whoever_waits_is_let_go_when_the_fetch_ends() -> None:
    shared = pace(0.1)
    shared.take()
    with ThreadPoolExecutor(2) as threads:
        turn, rest = threads.submit(shared.take), threads.submit(shared.rest, 20)
        threading.Timer(0.1, shared.stop).start()
        ended = type(turn.exception(timeout=5)), type(rest.exception(timeout=5))
    assert ended == (Stopped, Stopped)
