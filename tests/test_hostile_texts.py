"""The time that hostile text takes grows with it, and five megabytes of it take less than five seconds.

CPU time counts, untraced, against another measurement of the same run. By default a few pages are read: the
whole five megabytes, and their bound, by `TEST_CHARACTERS=5000000 tests/run tests/test_hostile_texts.py`.
"""

import gc
import os
import time
from collections.abc import Callable
from typing import TypeVar

import pytest
import reports

from persona.model import Summary
from persona.write import render

pytestmark = [pytest.mark.slow, pytest.mark.no_cover]

CHARACTERS = int(os.environ.get("TEST_CHARACTERS", "60000"))
# Of five megabytes on an idle machine.
MOST_SECONDS = 5.0 if "TEST_CHARACTERS" in os.environ else 600.0
# Eight times as much text takes eight times as long, not sixty-four times.
TIMES, MOST_GROWTH = 8, 20
# What a measurement of so little may be off by.
NOISE_SECONDS = 0.1
# A square stays one at every look; what another program's work made of a measurement does not.
LOOKS = 5

# What is said over and over.
HOSTILE = {
    "rules": "---\n\n",
    "blank lines": "\n \n",
    "digits": "0123456789",
    "quotes": "\"“'",
    "brackets": "([",
    "open braces": "{{ ",
    "a run of braces": "{",
    "wrong names": "{{ a + b }} ",
    "different names": "{{ web_dominant.people * %d }} ",
    "pipes": "| ",
    "table rows": "| a | b |\n|---|---|\n",
    "stars": "**_",
    "headings": "# a\n",
    "patterns": "## Web Dominant — x\n1. y\n",
    "tags": "<b><!--",
    "long words": "w",
    "nested items": "- ",
    "nested quotations": "> - ",
    "fences": "```\n",
    "backslashes": "\\",
    "links": "[a](b",
    "addresses": "https://a.b/",
    "invisible": "\u202e\u200b",
    "deep nesting": "{{" + "(" * 500,
    "a huge product": "{{" + "9*" * 90 + "9}} ",
    "quotes in titles": '## Web Dominant — "a" ("\n',
    "brackets in titles": "## Web Dominant " + "(" * 110 + "\n",
    "bold lines": "**x**\n\n",
    "parts of a next step": "### Next step\n- Action: x\n",
    "key caps": "2\ufe0f\u20e3 ",
}

_T = TypeVar("_T")


def cpu(work: Callable[[], _T]) -> tuple[float, _T]:
    """The CPU seconds of a piece of work, and what it made; the collector's come by chance."""
    gc.collect()
    gc.disable()
    try:
        began_seconds = time.process_time()
        made = work()
        return time.process_time() - began_seconds, made
    finally:
        gc.enable()


@pytest.mark.parametrize("unit", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_is_read_and_written_in_time_that_grows_with_it(
    space_summary: Summary, unit: str
) -> None:
    """Reading and filling, then page, Markdown, slides and tables."""

    def seconds(characters: int) -> tuple[float, float]:
        n = characters // len(unit)
        said = "".join(unit % number for number in range(n)) if "%" in unit else unit * n
        text = f"## Web Dominant\n\n### Description\n\n{said}"
        reading, made = cpu(lambda: reports.worded(space_summary, text))
        writing, _ = cpu(lambda: render.outputs(made))
        return reading, writing

    def excess() -> float:
        """By how many seconds more was taken than linear growth explains."""
        little, much = seconds(CHARACTERS // TIMES), seconds(CHARACTERS)
        grown = (many - MOST_GROWTH * few - NOISE_SECONDS for few, many in zip(little, much, strict=True))
        return max(*grown, much[0] - MOST_SECONDS)

    assert any(excess() < 0 for _ in range(LOOKS))
