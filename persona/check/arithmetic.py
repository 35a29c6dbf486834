"""What stands in braces, read and computed: names of facts, numbers, `+ - * /` and parentheses.

No part of it is ever run: two stacks and a table of operations, linear in at most 200 characters.
"""

import re
from collections.abc import Callable, Mapping
from math import isfinite
from operator import add, mul, sub, truediv
from typing import NamedTuple

from persona.model import Fact, Unit

MOST_CHARACTERS = 200
MOST_OPERATIONS = 20

_TOKEN = re.compile(
    r"\s*(?:(?P<name>[a-z][a-z0-9_]*\.[a-z0-9_]+)|(?P<number>\d+(?:\.\d+)?)|(?P<sign>[-+*/()]))"
)
# How writers spell the signs, and how Markdown escapes a name's characters.
_SPELLED = str.maketrans({"−": "-", "–": "-", "×": "*", "·": "*", "÷": "/", "\\": None, "\u00a0": " "})  # noqa: RUF001
_OPERATIONS: dict[str, tuple[int, Callable[[float, float], float]]] = {
    "+": (1, add),
    "-": (1, sub),
    "*": (2, mul),
    "/": (2, truediv),
}


class UnresolvedError(Exception):
    """The braces hold no name of a fact, or arithmetic that cannot be done."""


class Result(NamedTuple):
    """A figure; a plain number has no unit."""

    value: float
    unit: Unit | None
    names: tuple[str, ...] = ()  # the facts whose unit it still has
    like: bool = True  # no unlike facts were computed with


def compute(expression: str, facts: Mapping[str, Fact]) -> Result:
    """The value of an expression over facts, with its unit.

    Raises:
        UnresolvedError: a name that does not exist, no name at all, a division by zero, or no arithmetic.
    """
    if len(expression) > MOST_CHARACTERS:
        raise UnresolvedError
    values: list[Result] = []
    signs: list[str] = []
    tokens = _tokens(expression)
    operand = True  # whether an operand comes next
    for kind, text in tokens:
        if operand != (kind != "sign" or text == "("):
            raise UnresolvedError
        if kind != "sign":
            values.append(_operand(kind, text, facts))
            operand = False
        elif text == ")":
            _apply(values, signs, 0)
            if not signs:
                raise UnresolvedError
            signs.pop()
        else:
            if text != "(":
                _apply(values, signs, _OPERATIONS[text][0])
            signs.append(text)
            operand = True
    if operand:
        raise UnresolvedError
    _apply(values, signs, 0)
    if signs or all(kind != "name" for kind, _ in tokens):
        raise UnresolvedError
    return values[0]


def _tokens(expression: str) -> list[tuple[str, str]]:
    text = expression.translate(_SPELLED).strip().lower()
    tokens: list[tuple[str, str]] = []
    end = 0
    while end < len(text):
        token = _TOKEN.match(text, end)
        if not token:
            raise UnresolvedError
        kind = token.lastgroup or ""
        tokens.append((kind, token[kind]))
        end = token.end()
    if sum(text in _OPERATIONS for _, text in tokens) > MOST_OPERATIONS:
        raise UnresolvedError
    return tokens


def _operand(kind: str, text: str, facts: Mapping[str, Fact]) -> Result:
    if kind == "number":
        return Result(float(text), None)
    if text not in facts:
        raise UnresolvedError
    return Result(facts[text].value, facts[text].unit, (text,))


def _apply(values: list[Result], signs: list[str], strength: int) -> None:
    """Do what is waiting and binds at least as strongly, back to the last open parenthesis."""
    while signs and signs[-1] != "(" and _OPERATIONS[signs[-1]][0] >= strength:
        sign, second, first = signs.pop(), values.pop(), values.pop()
        values.append(_computed(sign, first, second))


def _computed(sign: str, first: Result, second: Result) -> Result:
    try:
        value = _OPERATIONS[sign][1](first.value, second.value)
    except (ZeroDivisionError, OverflowError):
        raise UnresolvedError from None
    unit = _unit(sign, first.unit, second.unit)
    if sign == "-" and first.unit == second.unit == "share":
        value, unit = value * 100, "points"
    if not isfinite(value):
        raise UnresolvedError
    like = first.like and second.like and _like(sign, first.names, second.names)
    return Result(value, unit, first.names + second.names if unit else (), like)


def _unit(sign: str, first: Unit | None, second: Unit | None) -> Unit | None:
    """What the outcome is measured in; of other pairs than these it is a plain number."""
    if sign in "+-" and (first == second or first is None or second is None):
        return first or second
    if sign in "*/" and second is None:
        return first
    return second if sign == "*" and first is None else None


def _like(sign: str, first: tuple[str, ...], second: tuple[str, ...]) -> bool:
    return all(_pair(sign, one, other) for one in first for other in second)


def _pair(sign: str, one: str, other: str) -> bool:
    """Whether two facts may be computed with: the same of two subjects, or parts of one whole."""
    (subject, fact), (other_subject, other_fact) = one.split("."), other.split(".")
    if fact == other_fact or {fact, other_fact} == {"share", "ltv_share"}:
        return True
    if subject != other_subject:
        return False
    if sign == "+" and any(
        fact.startswith(kind) and other_fact.startswith(kind) for kind in ("plan_", "has_")
    ):
        return fact.startswith("has_") or fact.rpartition("_")[2] == other_fact.rpartition("_")[2]
    return _is_activity(fact) and _is_activity(other_fact)


def _is_activity(fact: str) -> bool:
    return fact.startswith("avg_") and fact not in {"avg_ltv", "avg_identifiers"}
