"""An answer's Markdown with its figures filled in, each between two characters that no text holds.

A figure's own mark stands before it and `END` behind it, so that it can be found again after the text was
cut into sections; `unmarked` takes them out.
"""

import re
from collections.abc import Mapping
from functools import cache, partial
from typing import NamedTuple

from persona import wording
from persona.check.arithmetic import Result, UnresolvedError, compute
from persona.masking import printable
from persona.model import Fact, Unit

NO_SUCH_FIGURE = "(no such figure)"
# The first mark; a text has one for each of its figures, from Unicode's private use.
FIRST_MARK = 0xF0000
END = "\ue000"
# An assumption begins and ends.
ASSUMED, ASSUMED_END = "\ue001", "\ue002"
# Far more than any answer has; what stands in more braces is no figure.
MOST_FIGURES = 20_000
_TOO_MANY = "…"
_MARKS = re.compile("[\ue000-\ue002\U000f0000-\U000ffffd]")

_BRACES = re.compile(r"\{{2,}([^{}\n]{0,400})(\}*)")
_NAME = re.compile(r"\s*[a-z][a-z0-9_\\]*\.[a-z0-9_\\]+", re.IGNORECASE)
# What a writer may have typed beside the braces all the same; emphasis may stand between.
_SIGN = r"(?:{currency}|[$€£¥]|\b(?:EUR|USD|GBP|CHF)\b)"
_LOOKED_BACK_CHARACTERS = 12
_UNIT_BEHIND = re.compile(
    r"([*_`]{0,3})[ \u00a0]?(?:%|per ?cent\b|(?=[ \u00a0-]?(?:percentage[ \u00a0-])?points?\b))"
    r"(?:[ \u00a0-]?(?:percentage[ \u00a0-])?points?\b)?",
    re.IGNORECASE,
)


class Filled(NamedTuple):
    """A figure of the text: filled in by the program, or typed (`fact` is then what it equals, if any)."""

    text: str
    value: float
    unit: Unit
    fact: str | None
    typed: bool = False
    unlike: bool = False


class Marked(NamedTuple):
    """A text with marks, and its figures by mark."""

    text: str
    figures: dict[str, Filled | str]  # a string: what stands in braces and is no figure


def fill(text: str, facts: Mapping[str, Fact], currency: str, first: int = 0) -> Marked:
    """The text with a figure wherever braces name one, and `NO_SUCH_FIGURE` where they name none.

    `first` is the number of marks that other texts have used.
    """
    text = unmarked(text)
    parts: list[str] = []
    figures: dict[str, Filled | str] = {}
    figure_of = cache(partial(_figure, facts=facts, currency=currency))
    end = 0
    for braces in _BRACES.finditer(text):
        expression, rest = _expression(braces)
        if expression is None:
            continue
        full = first + len(figures) >= MOST_FIGURES
        figure = _TOO_MANY if full else figure_of(expression)
        mark = next_mark(min(first + len(figures), MOST_FIGURES))
        figures[mark] = figure
        before, behind, end = _beside(text, end, braces, figure, currency)
        shown = NO_SUCH_FIGURE if isinstance(figure, str) else figure.text
        parts += [before, mark, shown, END, behind, rest]
    return Marked("".join([*parts, text[end:]]), figures)


def unmarked(text: str) -> str:
    """The text without marks."""
    return _MARKS.sub("", text)


def next_mark(number: int) -> str:
    """The mark of the n-th figure."""
    return chr(FIRST_MARK + number)


def marks_of(text: str) -> list[str]:
    """The figures' marks in a text, in order."""
    return [mark for mark in _MARKS.findall(text) if ord(mark) >= FIRST_MARK]


def lifted(text: str) -> tuple[str, list[tuple[str, int, int]]]:
    """The text without marks, and what stood between two of them: the first mark, and from where to where."""
    parts: list[str] = []
    opened: list[tuple[str, int]] = []
    spans: list[tuple[str, int, int]] = []
    length = end = 0
    for found in _MARKS.finditer(text):
        parts.append(text[end : found.start()])
        length, end = length + found.start() - end, found.end()
        if found[0] in {END, ASSUMED_END}:
            if opened:
                mark, start = opened.pop()
                spans.append((mark, start, length))
        else:
            opened.append((found[0], length))
    return "".join([*parts, text[end:]]), spans


def _expression(braces: re.Match[str]) -> tuple[str | None, str]:
    """What the braces hold, and what follows within an unclosed pair; no expression in loose braces."""
    if braces[2]:
        return braces[1].strip(), ""
    name = _NAME.match(braces[1])
    return (name[0].strip(), braces[1][name.end() :]) if name else (None, "")


def _figure(expression: str, facts: Mapping[str, Fact], currency: str) -> Filled | str:
    try:
        result = compute(expression, facts)
    except UnresolvedError:
        return printable(expression.replace("\\", ""), 100)
    name = " ".join(expression.replace("\\", "").lower().split())
    return Filled(
        _text(result, facts.get(name), currency),
        result.value,
        result.unit or "ratio",
        name,
        unlike=not result.like,
    )


def _text(result: Result, fact: Fact | None, currency: str) -> str:
    return fact.text if fact else wording.written(result.value, result.unit or "ratio", currency)


def _beside(
    text: str, start: int, braces: re.Match[str], figure: Filled | str, currency: str
) -> tuple[str, str, int]:
    """The text before the braces, the emphasis behind, and where it goes on: no unit stands there twice."""
    before, end = text[start : braces.start()], braces.end()
    if before[-1:] == text[end : end + 1] == "`":
        before, end = before[:-1], end + 1
    if isinstance(figure, str) or figure.unit not in {"money", "share", "points"}:
        return before, "", end
    behind = _UNIT_BEHIND
    if figure.unit == "money":
        sign_before, behind = _signs(currency)
        tail = before[-_LOOKED_BACK_CHARACTERS:]
        before = before[: len(before) - len(tail)] + sign_before.sub(r"\1", tail)
    repeated = behind.match(text, end)
    return (before, repeated[1], repeated.end()) if repeated else (before, "", end)


@cache
def _signs(currency: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """A currency's sign right before a figure, and right behind one."""
    sign = _SIGN.format(currency=re.escape(currency))
    return re.compile(rf"{sign}[ \u00a0]?([*_`]{{0,3}})\Z"), re.compile(rf"([*_`]{{0,3}})[ \u00a0]?{sign}")
