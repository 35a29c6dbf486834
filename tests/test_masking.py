"""Other people's text, made fit to be shown."""

import re
import time

import pytest
from hypothesis import example, given, seed, settings
from hypothesis import strategies as st

from persona.masking import printable

# Pieces that masks look for, so that random text often holds what they must find.
_JOINTS = ["@", " at ", " dot ", "(at)", "[dot]", ".", "%40", "…"]
_PIECES = st.sampled_from([*_JOINTS, "555", "867-5309", "+1_", "·", ": ", "x", "é", "\u200b"])


@pytest.mark.slow
@pytest.mark.no_cover
@seed(20261126)
@settings(max_examples=1_000)
@given(
    text=st.text(max_size=200)
    | st.text(alphabet="a1@. -()+_:·\u200b\u202e…", max_size=100)
    | st.lists(_PIECES, max_size=30).map("".join),
    most=st.integers(8, 80),
)
@example(text="0000000 AT 0000000. :", most=22)
def test_printable_text_is_short_plain_and_stable(text: str, most: int) -> None:
    """One line, within the length, without an address or long number, and the same when done again."""
    once = printable(text, most)

    assert len(once) <= most
    assert (once.isprintable(), "@" in once, re.search(r"\d{7}", once)) == (True, False, None)
    assert printable(once, most) == once


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("pro", "pro", id="as it is"),
        pytest.param("  Pro\n\tPlus  ", "Pro Plus", id="one line"),
        pytest.param("pro\u202e\u200b\u2066\x00\ud800x", "prox", id="nothing unseen"),
        pytest.param("a\u2028b", "a b", id="separators are spaces"),
        pytest.param("for j.doe+x@example.com only", "for [email] only", id="an address"),
        pytest.param("j.doe @ example.com", "[email]", id="an address with gaps"),
        pytest.param("j.doe\uff20example.com", "[email]", id="an address in disguise"),
        pytest.param("j.doe@\u200bexample.com", "[email]", id="an address with a hidden joint"),
        pytest.param("j.doe(at)example.com", "[email]", id="an address in brackets"),
        pytest.param("mail j.doe [at] example [dot] com", "mail [email]", id="an address in square brackets"),
        pytest.param("j.doe at example dot com", "[email]", id="an address in words"),
        pytest.param("j dot doe AT mail dot example dot com!", "[email]", id="an address all in words"),
        pytest.param("best at noon", "best at noon", id="a time of day"),
        pytest.param("call +49 (151) 234-5678", "call [number]", id="a telephone number"),
        pytest.param("+1_555_867_5309", "[number]", id="a number with low lines"),
        pytest.param("555·867·5309", "[number]", id="a number with dots"),
        pytest.param("X4111x1111x1111x1111", "X[number]", id="a card with letters between"),
        pytest.param("0000000:000000:000000:000000: 00", "[number]", id="a number with colons, whole"),
        pytest.param("acct 1234567", "acct [number]", id="a long number"),
        pytest.param("plan 2026", "plan 2026", id="a year"),
        pytest.param("2024-pro", "2024-pro", id="a plan of a year"),
        pytest.param("Plan 100/200", "Plan 100/200", id="a plan of two sizes"),
        pytest.param("x" * 100, "x" * 59 + "…", id="too long"),
        pytest.param("", "", id="empty"),
    ],
)
def test_printable_text_hides_what_could_identify(text: str, expected: str) -> None:
    assert printable(text) == expected


@pytest.mark.parametrize("text", ["1" * 10**6, "a@" * 10**6, "a at " * 10**6, "at dot " * 10**6, "(" * 10**6])
def test_masking_takes_no_longer_for_hostile_text(text: str) -> None:
    """Of a long text the rest is not looked at, and what is costs its length: a square would take minutes."""
    before = time.process_time()
    printable(text)

    assert time.process_time() - before < 20
