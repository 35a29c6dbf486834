"""What stands in braces, computed: names of facts, numbers, `+ - * /` and parentheses; nothing is run."""

import ast
import re
from collections.abc import Mapping
from itertools import product
from math import isfinite
from operator import add, mul, sub, truediv
from typing import NamedTuple

from persona.model import Fact, Unit

MOST_CHARACTERS = 200
MOST_OPERATIONS = 20
# Python's parser sees nothing but this; of its tree, nothing but names, numbers and four operations counts.
_FORM = re.compile(r"(?:[a-z][a-z0-9_]*+\.[a-z][a-z0-9_]*+|\d++(?:\.\d++)?(?![a-z])|[-+*/() ])*")
# How writers spell the signs, and how Markdown escapes a name's characters.
_SPELLED = str.maketrans({"−": "-", "–": "-", "×": "*", "·": "*", "÷": "/", "\\": None})  # noqa: RUF001
_OPERATIONS = {ast.Add: add, ast.Sub: sub, ast.Mult: mul, ast.Div: truediv}
# What comes of braces that hold no name of a fact, or arithmetic that cannot be done.
UNRESOLVED = (ValueError, SyntaxError, MemoryError, RecursionError, ZeroDivisionError)
# Facts of one subject that are alike: activities, and parts of one whole, which may be added up.
_ACTIVITIES = "avg_(?!ltv$|identifiers$).+"
_PARTS = ("has_.+", "plan_.+_share", "plan_.+_people")


class Result(NamedTuple):
    """A figure; a plain number has no unit."""

    value: float
    unit: Unit | None
    names: tuple[str, ...] = ()  # the facts whose unit it still has
    like: bool = True  # no unlike facts were computed with


def normal(expression: str) -> str:
    """An expression in the one way it is compared and published."""
    return " ".join(expression.translate(_SPELLED).lower().split())


def compute(expression: str, facts: Mapping[str, Fact]) -> Result:
    """The value of an expression over facts, with its unit.

    Raises:
        UNRESOLVED: a name that does not exist, no name at all, a division by zero, or no arithmetic.
    """
    expression = normal(expression) if len(expression) <= MOST_CHARACTERS else ""
    if fact := facts.get(expression):
        return Result(fact.value, fact.unit, (expression,))
    operations = sum(map(expression.count, "+-*/"))
    if operations > MOST_OPERATIONS or not _FORM.fullmatch(expression) or not re.search("[a-z]", expression):
        raise ValueError(expression)
    result = _result(ast.parse(expression, mode="eval").body, facts)
    return result._replace(value=result.value * 100) if result.unit == "points" else result


def _result(node: ast.expr, facts: Mapping[str, Fact]) -> Result:
    """The value of a part of an expression; points are hundredths, so that they go together with shares."""
    match node:
        case ast.Constant(value=int() | float() as number):
            return Result(float(number), None)
        case ast.Attribute(value=ast.Name(id=subject), attr=own) if fact := facts.get(f"{subject}.{own}"):
            value = fact.value / 100 if fact.unit == "points" else fact.value
            return Result(value, fact.unit, (f"{subject}.{own}",))
        case ast.BinOp(left=left, op=op, right=right) if operation := _OPERATIONS.get(type(op)):
            one, other = _result(left, facts), _result(right, facts)
            value, unit = operation(one.value, other.value), _unit(op, one.unit, other.unit)
            like = one.like and other.like
            if isfinite(value):
                like &= all(_are_like(op, *names) for names in product(one.names, other.names))
                return Result(value, unit, one.names + other.names if unit else (), like)
    raise ValueError


def _unit(op: ast.operator, one: Unit | None, other: Unit | None) -> Unit | None:
    """What the outcome is measured in; of other pairs than these it is a plain number."""
    if isinstance(op, ast.Sub) and one == other == "share":
        return "points"
    if isinstance(op, ast.Add | ast.Sub):
        return one or other if one == other or None in (one, other) else None
    return one if other is None else other if isinstance(op, ast.Mult) and one is None else None


def _are_like(op: ast.operator, one: str, other: str) -> bool:
    """Whether two facts may be computed with: the same of two subjects, or parts of one whole."""
    (subject, fact), (other_subject, other_fact) = one.split("."), other.split(".")
    if fact == other_fact or {fact, other_fact} == {"share", "ltv_share"}:
        return True
    kinds = (_ACTIVITIES, *_PARTS) if isinstance(op, ast.Add) else (_ACTIVITIES,)
    are_alike = (re.fullmatch(kind, fact) and re.fullmatch(kind, other_fact) for kind in kinds)
    return subject == other_subject and any(are_alike)
