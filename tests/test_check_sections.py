"""The reader of answers."""

import re
from collections.abc import Sequence
from typing import Any

import pytest
from doors import DATA
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from persona.check import sections
from persona.check.answer import NO_PATTERN, CheckedAnswer, read_answers
from persona.check.facts import facts_of
from persona.check.sections import cut
from persona.errors import Invalid
from persona.model import NextStep, Summary

CHANNELS = ["web", "mobile", "email"]


def answer(name: str) -> str:
    """A recorded answer without its first line, which names its origin."""
    return (DATA / f"{name}.md").read_text(encoding="utf-8").partition("\n")[2]


def read(body: str, summary: Summary, *more: str) -> CheckedAnswer:
    """An answer, and further ones in its thread, read with the summary's own facts."""
    return read_answers([body, *more], summary, facts_of(summary, "$"), "$")


def sections_of(body: str, channels: Sequence[str] = CHANNELS) -> dict[str, str]:
    """What an answer is cut into, without what belongs to no section."""
    return {path: text for path, text in cut(body, channels).items() if path}


def load(name: str) -> dict[str, Any]:
    return dict(YAML(typ="safe").load(DATA / name))


# Recorded answers, and short ones for what only some writers do, with what they are cut into.
CUT = {name: {"answer": answer(name), "sections": found} for name, found in load("recorded.yaml").items()}
CUT |= load("sections.yaml")


@pytest.mark.parametrize("case", CUT.values(), ids=CUT)
def test_an_answer_is_cut_into_its_sections(case: dict[str, Any]) -> None:
    assert sections_of(case["answer"], case.get("channels", CHANNELS)) == case["sections"]


def test_what_the_seeds_example_lacks_is_listed(seed_summary: Summary) -> None:
    """Only for the patterns that the summary shows; what the author said of another is kept."""
    checked = read(answer("seed_answer"), seed_summary)
    email = "reach_on_weak journey formats next_step"
    omnichannel = "why_dominant reach_on_weak formats risk next_step"

    assert checked.checks.missing_sections == [
        *(f"email_dominant/{section}" for section in email.split()),
        *(f"omnichannel/{section}" for section in omnichannel.split()),
        "strategy/switch_moments",
    ]
    keys = "mobile_dominant", "email_dominant", "omnichannel"
    assert tuple(persona.pattern for persona in checked.personas) == keys


def test_a_next_step_may_be_indented_with_any_space(space_summary: Summary) -> None:
    text = "## Web Dominant\n\n### Next step\n\n\u00a0Channel: email\n\u00a0Action:\u00a0Send one mail"
    step = read(text, space_summary).personas[0].next_step
    assert step == NextStep(action="Send one mail", channel="email", measure=None)


def test_an_answer_without_any_pattern_is_kept_whole(seed_summary: Summary) -> None:
    """It was paid for: its words stand as they came, all sections are missing, a warning says so."""
    body = "# Personas\n\nNothing to say about **Mobile Dominant**.\n"
    framework = read(body, seed_summary)

    assert (framework.narrative, framework.personas, framework.warnings) == (body, [], [NO_PATTERN])
    assert len(framework.checks.missing_sections) == 2 * 8 + 3


def test_an_answer_without_any_text_is_invalid(seed_summary: Summary) -> None:
    with pytest.raises(Invalid, match="expected an answer in words") as failure:
        read(" \n", seed_summary)

    assert failure.value.code == "mave_invalid"


QUESTIONS = {
    "recorded": (answer("answer_question"), True),
    "one sentence": ("Which product do you sell?", True),
    "another script's question mark": ("要不要更多数据\uff1f", True),
    "no question": ("I cannot help with that.", False),
    "a mark in an address": ("See https://example.com/?a=1 for more.", False),
    "an answer that offers more": (answer("answer_bold") + "\nShall I go on?", False),
    "only a strategy": ("## Overall strategy\n### Consistency\nWho would disagree?", False),
}


@pytest.mark.parametrize(("text", "expected"), QUESTIONS.values(), ids=QUESTIONS)
def test_a_clarifying_question_is_told_from_an_answer(
    space_summary: Summary, text: str, *, expected: bool
) -> None:
    assert read(text, space_summary).asks_back == expected


def test_a_second_answer_fills_and_overwrites_nothing(space_summary: Summary) -> None:
    """Personas stand in the rule's order, the first answer's words stay, what is missing is counted anew."""
    merged = read(answer("answer_bold"), space_summary, answer("answer_follow_up"))
    web, mobile, email = merged.personas

    assert (web.why_dominant, web.journey, email.risk) == (
        "Room for comparison.",
        "Mail → web.",
        "Poor mails.",
    )
    assert (mobile.name, merged.strategy.identity_resolution) == ("The On-The-Go Operator", "Ask early.")
    assert [path for path in merged.checks.missing_sections if path.startswith(("web", "email"))] == [
        "web_dominant/next_step",
        *(f"email_dominant/{section}" for section in ("why_dominant", "reach_on_weak", "next_step")),
    ]


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("## Mobile Dominant", None),
        ("## Mobile Dominant: 35% of users", None),
        ("## 1. Mobile Dominant - The Operator", "The Operator"),
        ("### Pattern 2: Mobile-Dominant: The Operator", "The Operator"),
        ("# **Mobile\u2011Dominant Users** (*'The Operator'*)", "The Operator"),
        ("#### mobile_dominant | The Operator", "The Operator"),
        ("## 📱 MOBILE DOMINANT \u2013 «The Operator»", "The Operator"),
        ('## Persona 1: "The Operator" — Mobile Dominant (35 %)', "The Operator"),
        ("## Title: The Operator (Mobile Dominant)", "The Operator"),
        ("## The Operator [Mobile Dominant, 35 %]", "The Operator"),
        ("## The Operator\n\n*Mobile Dominant*", "The Operator"),
        ("## 1. The Operator\n**Pattern:** Mobile Dominant", "The Operator"),
        ("## The Operator\nPattern: Mobile Dominant (35 %)", "The Operator"),
        ("**Mobile Dominant \u2013 The Operator**", "The Operator"),
        ('**Mobile Dominant** — "The Operator"', "The Operator"),
        ('- **Mobile Dominant — "The Operator"**', "The Operator"),
        ("## Mobile Dominant\n### The Operator", "The Operator"),
        ("## Mobile Dominant\n\n### Persona — The Operator", "The Operator"),
        ("## Mobile Dominant\n**Persona: The Operator**", "The Operator"),
        ('## Mobile Dominant\n*"The Operator"*', "The Operator"),
        ("## Mobile Dominant\n**The Operator.** Busy all day.", None),
        ("## Mobile Dominant\n**Pro people** all day", None),
        ("## Mobile Dominant\n**Persona:** A busy owner who runs the shop from a phone, day and night", None),
        ("## Mobile Dominant\n“Always on” people with a phone.", None),
    ],
)
def test_patterns_and_names_are_found_however_they_are_titled(
    space_summary: Summary, title: str, name: str | None
) -> None:
    (persona,) = read(f"{title}\n\n**Risk:** high.\n", space_summary).personas

    assert (persona.pattern, persona.name, persona.risk) == ("mobile_dominant", name, "high.")


@pytest.mark.parametrize(
    ("title", "section"),
    [
        ("**Why they prefer mobile — what need it serves:**", "why_dominant"),
        ("### 2. Need served", "why_dominant"),
        ("- **Weak channels** \u2013 ", "reach_on_weak"),
        ("### Re-engagement on other channels", "reach_on_weak"),
        ("**4. Cross-Channel Journey**", "journey"),
        ("__Journey:__ ", "journey"),
        ("### Content recommendations for weak channels", "formats"),
        ("### Why we could lose them", "risk"),
        ("**Churn risk (HIGH):** ", "risk"),
        ("**Risk: high.** ", "risk"),
        ("## Risk of Losing Them", "risk"),
        ("## Mobile Dominant — Journey", "journey"),
        ("### mobile_dominant/risk", "risk"),
        ("### Profile and motive", "description"),
        ("### Reach and route", "reach_on_weak"),
        ("# Strategic recommendations\n* **Moments of truth:** ", "strategy/switch_moments"),
        ("## Identity Resolution Opportunities", "strategy/identity_resolution"),
        ("## Channel-switch moments", "strategy/switch_moments"),
        ("## Consistency vs. adaptation", "strategy/consistency"),
    ],
)
def test_sections_are_found_however_they_are_titled(title: str, section: str) -> None:
    found = sections_of(f'## Mobile Dominant — "The Operator"\n\n{title}\nWords.\n')
    path = section if "/" in section else f"mobile_dominant/{section}"

    assert (set(found), found[path][-6:]) == ({"mobile_dominant/name", path}, "Words.")


LINES = st.sampled_from(
    [
        *("## Web Dominant — “A B”", "**Omnichannel**", "## The C D", "Web Dominant", "# Strategy"),
        *("### Risk", "**Why:** {}", "- **Journey:** {}", "Formats: {}", "**Identity gaps:** {}", "1. {}"),
        *("**Name:** {}", "### Persona", "### Odd", "**{}**"),
        *("{}", "- {}", "> {}", "  {}", "---", "```", "", "| {} | x |", "{}\n===", "**{}** and {}"),
    ]
)


@given(lines=st.lists(LINES, max_size=30))
def test_every_word_that_is_no_title_stands_in_exactly_one_place(lines: list[str]) -> None:
    """Nothing of a paid answer is lost or said twice, whatever it is titled with."""
    body = "\n".join(line.format(f"word{at}x", f"word{at}y") for at, line in enumerate(lines))
    found = re.findall(r"word\d+[xy]", " ".join(cut(body, CHANNELS).values()))

    assert sorted(found) == sorted(re.findall(r"word\d+[xy]", body))


def test_beyond_the_cap_titles_are_not_looked_for_and_nothing_is_lost(space_summary: Summary) -> None:
    start = "## Omnichannel\n"
    body = start + "x" * (sections.MOST_CHARACTERS - len(start)) + "## Web Dominant\n"
    framework = read(body, space_summary)

    assert (len(framework.personas), framework.narrative) == (1, body)


@given(
    text=st.text(alphabet=st.characters(), max_size=300),
    risk=st.text(alphabet="#*- \n>`|:1.a\ud800\x00\r", max_size=200),
)
def test_no_text_breaks_the_reader(space_summary: Summary, text: str, risk: str) -> None:
    """Lone surrogates, control characters and stray marks included."""
    reading = read(f"## Web Dominant\nA.\n{text}\n\n### Risk\n{risk}", space_summary)

    assert reading.personas[0].pattern == "web_dominant"
