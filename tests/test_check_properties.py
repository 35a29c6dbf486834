"""Whatever the space: what was filled in is a fact, or arithmetic over facts, and reads back as its value."""

import re
from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from summaries import summaries

from persona.check.answer import CheckedAnswer, read_answers
from persona.check.facts import facts_of
from persona.check.figures import NO_SUCH_FIGURE
from persona.model import Fact, Summary, Unit

pytestmark = [pytest.mark.slow, pytest.mark.no_cover]

WIDE = settings(max_examples=30)
CURRENCIES = st.sampled_from(["$", "€", "kr"])


def filled(summary: Summary, facts: dict[str, Fact], currency: str, expressions: list[str]) -> CheckedAnswer:
    """An answer that names each of these on a line of its own, in a section."""
    lines = "\n".join(f"- {{{{{expression}}}}}" for expression in expressions)
    title = f"## {summary.patterns[0].label} — “A B”\n\n### Description\n\n"
    return read_answers([title + lines], summary, facts, currency)


def reads_as(text: str, value: Fraction, unit: Unit, slack: Fraction = Fraction(0)) -> bool:
    """Whether a text is this value to its last digit; `slack` is what floats cannot tell apart."""
    digits = re.sub(r"[^\d.e+-]", "", text.replace("\N{MINUS SIGN}", "-").replace("kr", "")).lstrip("+")
    scale = 100 if unit in {"share", "points"} else 1
    shown = value * scale
    if text.startswith("<"):
        return 0 < shown < Fraction(digits)
    mantissa, _, power = digits.partition("e")
    last = Fraction(10) ** (int(power or 0) - len(mantissa.partition(".")[2]))
    return abs(Fraction(digits) - shown) <= last / 2 + abs(shown) / 10**12 + slack * scale


@WIDE
@given(summary=summaries(), currency=CURRENCIES)
def test_filling_then_reading_back_gives_the_facts_own_values(summary: Summary, currency: str) -> None:
    facts = facts_of(summary, currency)
    answer = filled(summary, facts, currency, list(facts))
    figures = answer.checks.figures
    lines = (answer.personas[0].description or "").splitlines()

    assert [(one.fact, one.value, one.unit, one.verdict) for one in figures] == [
        (name, fact.value, fact.unit, "from_data") for name, fact in facts.items()
    ]
    assert lines == [f"- {fact.text}" for fact in facts.values()]
    assert [one.text for one in figures if not reads_as(one.text, Fraction(one.value), one.unit)] == []


# Arithmetic over a fact, the same fact of everybody and a number, done again with exact fractions.
FORMS: dict[str, Callable[[Fraction, Fraction, Fraction], Fraction]] = {
    "{a} / {b}": lambda a, b, _: a / b,
    "{a} - {b}": lambda a, b, _: a - b,
    "({a} - {b}) / {b}": lambda a, b, _: (a - b) / b,
    "{a} / {n}": lambda a, _, n: a / n,
    "{n} - {a}": lambda a, _, n: n - a,
    "{a} * ({n} + 1) - {b} / 2": lambda a, b, n: a * (n + 1) - b / 2,
    "({a} + {b}) * {n} / {b}": lambda a, b, n: (a + b) * n / b,
}


@WIDE
@given(summary=summaries(plain=True), currency=CURRENCIES, data=st.data())
def test_every_figure_is_a_facts_text_or_arithmetic_computed_independently(
    summary: Summary, currency: str, data: st.DataObject
) -> None:
    facts = facts_of(summary, currency)
    number = Fraction(data.draw(st.integers(0, 40)), 4)
    form = data.draw(st.sampled_from([*FORMS]))
    pairs = [(name, same) for name in facts if (same := f"all.{name.partition('.')[2]}") in facts]
    named = [(form.format(a=a, b=b, n=float(number)), facts[a], facts[b]) for a, b in pairs]
    answer = filled(summary, facts, currency, [*facts, *(expression for expression, _, _ in named)])
    by_name = {figure.fact: figure for figure in answer.checks.figures}
    lines = iter((answer.personas[0].description or "").splitlines())

    assert [next(lines) for _ in facts] == [f"- {fact.text}" for fact in facts.values()]
    for expression, one, other in named:
        a, b = Fraction(one.value), Fraction(other.value)
        shown = next(lines).removeprefix("- ")
        if (b == 0 and "/ {b}" in form) or (number == 0 and "/ {n}" in form):
            assert shown == NO_SUCH_FIGURE
        elif abs(value := FORMS[form](a, b, number)) < 10**300:
            slack = (abs(a) + abs(b) + 1) * (number + 1) / Fraction(10**12)
            slack /= min(abs(b), Fraction(1)) if "/ {b}" in form else 1
            assert reads_as(shown, value, by_name[expression].unit, slack), (expression, shown, float(value))
    assert {figure.verdict for figure in answer.checks.figures} == {"from_data"}
