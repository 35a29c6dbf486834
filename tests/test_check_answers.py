"""Answers of writers who had seen nothing but the message: every name is a figure, and no figure is typed."""

import re

import msgspec
import pytest
from doors import DATA

from persona.check.answer import CheckedAnswer, read_answers
from persona.check.facts import facts_of
from persona.model import Drift, Fact, Summary

FOLDER = DATA / "answers"
ANSWERS = sorted(path.stem for path in FOLDER.glob("*_*.md"))
CAREFUL = [name for name in ANSWERS if not name.endswith("_hasty")]
# What these lack, and how many of their names are no figure: their writers translated the headings, wrote
# arithmetic of more than 200 characters, or left a section out and misspelt two names.
LACKING = {"retail_spanish": (23, 0), "four_channels_arithmetic": (0, 1), "four_channels_hasty": (1, 2)}
# What is read as a figure about the people and is none: the name of an interval, people to interview.
TYPED = {"suppressed_analyst": ["95 %", "ten enterprise users"]}


class Behind(msgspec.Struct):
    """What a message was made of."""

    summary: Summary
    currency: str
    drift: Drift | None


def read(name: str) -> tuple[CheckedAnswer, dict[str, Fact]]:
    space, _, _ = name.rpartition("_")
    behind = msgspec.json.decode((FOLDER / f"{space}.summary.json").read_bytes(), type=Behind)
    facts = facts_of(behind.summary, behind.currency, behind.drift)
    text = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    return read_answers([text], behind.summary, facts, behind.currency), facts


@pytest.mark.parametrize("name", ANSWERS)
def test_every_section_is_found_and_every_name_is_a_figure_that_reads_as_its_fact(name: str) -> None:
    """A next step with its action, its channel and its measure."""
    checked, facts = read(name)
    checks = checked.checks
    filled = [one for one in checks.figures if one.fact in facts and one.verdict == "from_data"]
    assert (len(checks.missing_sections), len(checks.unresolved)) == LACKING.get(name, (0, 0))
    assert bool(checked.sections_to_ask) == (name in LACKING)
    assert {facts[str(figure.fact)].text for figure in filled} == {figure.text for figure in filled}
    assert not re.search(r"\{\{|\}\}", checked.narrative)
    steps = [persona.next_step for persona in checked.personas]
    whole = [bool(step and step.action and step.channel and step.measure) for step in steps]
    assert name in LACKING or all(whole)


@pytest.mark.parametrize("name", CAREFUL)
def test_a_writer_who_reads_the_message_types_no_figure_about_the_people_and_marks_assumptions(
    name: str,
) -> None:
    """German, French and Japanese have a word of their own; a section that only states figures has none."""
    checked, _ = read(name)
    typed = [figure.text for figure in checked.checks.figures if figure.verdict != "from_data"]
    assert TYPED.get(name, []) == typed
    assert {one.pattern for one in checked.personas} <= {span.pattern for span in checked.checks.assumed}


SAID = {
    "sample_german": ("web_dominant", "risk", "Dort ist sie 4.3-mal so aktiv wie mobil."),
    "sample_french": ("mobile_dominant", "why_dominant", "On compte 4.8 fois autant de sessions mobiles"),
    "sample_japanese": ("web_dominant", "risk", "ウェブの利用はモバイルの4.3倍にあたります。"),
}


@pytest.mark.parametrize("name", SAID)
def test_figures_stand_within_the_words_of_any_language(name: str) -> None:
    pattern, section, said = SAID[name]
    checked, _ = read(name)
    (persona,) = (one for one in checked.personas if one.pattern == pattern)
    assert said in (getattr(persona, section) or "")
