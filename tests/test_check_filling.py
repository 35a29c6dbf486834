"""Names in braces, filled in."""

from operator import attrgetter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from persona.check.answer import CheckedAnswer, read_answers
from persona.check.arithmetic import UNRESOLVED, compute
from persona.check.facts import facts_of
from persona.check.figures import Passage, Passages, sentences
from persona.model import Fact, Rule, Summary

FACTS = {
    "a.avg_ltv": Fact(value=300.0, unit="money", text="$300", label="Average LTV of A"),
    "b.avg_ltv": Fact(value=120.0, unit="money", text="$120", label="Average LTV of B"),
    "a.share": Fact(value=0.25, unit="share", text="25.0 %", label="Share of A"),
    "b.share": Fact(value=0.2, unit="share", text="20.0 %", label="Share of B"),
    "a.ltv_share": Fact(value=0.5, unit="share", text="50.0 %", label="Share of all LTV of A"),
    "a.share_change": Fact(value=4.2, unit="points", text="+4.2 points", label="Change of A"),
    "a.people": Fact(value=1450, unit="people", text="1,450", label="People of A"),
    "a.avg_web_sessions": Fact(value=24.0, unit="average", text="24.0", label="Web of A"),
    "a.avg_email_opens": Fact(value=2.0, unit="average", text="2.0", label="Email of A"),
    "a.plan_pro_share": Fact(value=0.4, unit="share", text="40.0 %", label="pro of A"),
    "a.plan_free_share": Fact(value=0.1, unit="share", text="10.0 %", label="free of A"),
    "a.has_email": Fact(value=0.9, unit="share", text="90.0 %", label="email of A"),
    "a.few": Fact(value=0.0, unit="share", text="0 %", label="few of A"),
}


RULE = Rule(channels={"web": "web_sessions_30d", "email": "emails_opened_30d"}, dominance=0.5)


def filled(text: str) -> Passage:
    return Passages(RULE, FACTS, "$").fill(text)


def shown(text: str) -> str:
    """The text as a reader sees it."""
    return filled(text).text


# What an expression comes to, in which unit, and whether its facts are alike.
ARITHMETIC = {
    "a name in capitals": (" A.Avg_LTV ", 300.0, "money", True),
    "equal units over each other": ("a.avg_ltv / b.avg_ltv", 2.5, None, True),
    "a number less a share": ("1 - a.share", 0.75, "share", True),
    "shares together": ("a.share + b.share", 0.45, "share", True),
    "a share less a share": ("a.share - b.share", 5.0, "points", True),
    "points over a share": ("(a.share - b.share) / b.share", 0.25, None, True),
    "points times a number": ("a.share_change * 2", 8.4, "points", True),
    "a unit times a number": ("a.avg_ltv * 1.1", 330.0, "money", True),
    "a number times a unit": ("2 * a.avg_ltv", 600.0, "money", True),
    "a number over a unit": ("2 / a.avg_ltv", 2 / 300, None, True),
    "anything else": ("a.people * a.share", 362.5, None, False),
    "escaped, with another sign": ("a.avg\\_ltv × 2", 600.0, "money", True),  # noqa: RUF001
    "parentheses as deep as the text allows": ("(" * 90 + "a.share" + ")" * 90, 0.25, "share", True),
    "activities of one": ("a.avg_web_sessions / a.avg_email_opens", 12.0, None, True),
    "shares of people and of LTV": ("a.ltv_share / a.share", 2.0, None, True),
    "plans together": ("a.plan_pro_share + a.plan_free_share", 0.5, "share", True),
    "a plan less a plan": ("a.plan_pro_share - a.plan_free_share", 30.0, "points", False),
    "a plan over identifiers": ("a.plan_pro_share / a.has_email", 4 / 9, None, False),
    "money over activity": ("a.avg_ltv / a.avg_web_sessions", 12.5, None, False),
    "like facts over one of them": ("(a.share + b.share) / a.share", 1.8, None, True),
}


@pytest.mark.parametrize("name", ARITHMETIC)
def test_arithmetic_keeps_its_units_and_is_marked_where_facts_are_unlike(name: str) -> None:
    expression, value, unit, like = ARITHMETIC[name]
    result = compute(expression, FACTS)

    assert (round(result.value, 6), result.unit, result.like) == (round(value, 6), unit, like)


@pytest.mark.parametrize(
    "expression",
    [
        *("", " ", "42", "7 * 7", "a.nothing", "a", "a.share +", "+ a.share", "(a.share", "a.share)", "()"),
        *("a.share b.share", "a.share ** 2", "a.share % 2", "abs(a.share)", "a.share / 0", "1 / a.few"),
        *("a.share / (b.share - b.share)", "__import__('os')", "a.share;b.share", "-a.share", "a.share.real"),
        "*".join(["a.share"] * 30),
        "a.share" + " " * 300,
        "(" * 90 + "a.share" + ")" * 90 + "+1" * 20 + "(",
        "9" * 199,
        # Each factor is a number; the product is none.
        f"a.people * {' * '.join(['1' + '0' * 30] * 6)[:180]} * a.people / 0.0",
    ],
)
def test_what_is_no_arithmetic_over_facts_is_unresolved(expression: str) -> None:
    with pytest.raises(UNRESOLVED):
        compute(expression, FACTS)


FILLED = {
    "a ratio": ("{{ a.avg_ltv / b.avg_ltv }} times", "2.5 times"),
    "a large ratio": ("{{a.avg_web_sessions / a.avg_email_opens}} times", "12 times"),
    "points are not written twice": ("{{a.share - b.share}} points more", "+5.0 points more"),
    "nor percentage points": ("{{a.share_change}} percentage points", "+4.2 points"),
    "nor a percent sign": ("{{a.share}}% of all", "25.0 % of all"),
    "nor the word": ("{{a.share}} percent, {{a.share}} per cent", "25.0 %, 25.0 %"),
    "nor a currency sign": ("${{a.avg_ltv}} or $ {{b.avg_ltv}}", "$300 or $120"),
    "nor a currency's code": ("{{a.avg_ltv}} USD", "$300"),
    "nor beside stars": ("**${{a.avg_ltv}}** and **{{a.share}}**%", "**$300** and **25.0 %**"),
    "nor before stars": ("$**{{a.avg_ltv}}**", "**$300**"),
    "a sign between two is said once": ("{{a.avg_ltv}} $ {{b.avg_ltv}}", "$300 $120"),
    "stars between two stay": ("**{{a.share}}**{{a.share}}", "**25.0 %**25.0 %"),
    "another unit stays": ("{{a.people}} % of them", "1,450 % of them"),
    "a code span around it goes": ("`{{a.share}}` of them", "25.0 % of them"),
    "no such name": ("{{a.nothing}} of them", "(no such figure) of them"),
    "half closed": ("{{a.share} of them", "25.0 % of them"),
    "not closed": ("{{a.share of them", "25.0 % of them"),
    "three braces": ("{{{a.share}}} of them", "25.0 % of them"),
    "braces around other words": ("{{ and }} and { x }", "(no such figure) and { x }"),
    "loose braces": ("{{{{{{ so", "{{{{{{ so"),
    "in a table": ("| {{a.share}} | x |", "| 25.0 % | x |"),
}


@pytest.mark.parametrize(("text", "expected"), FILLED.values(), ids=FILLED)
def test_a_name_is_filled_in_wherever_it_stands(text: str, expected: str) -> None:
    assert shown(text) == expected


@pytest.mark.parametrize("code", ["kr", "Euros"])
def test_another_currency_is_not_written_twice_either(code: str) -> None:
    facts = {"a.avg_ltv": Fact(value=300.0, unit="money", text="", label="")}
    text = f"{code} ***{{{{a.avg_ltv}}}}***, {{{{a.avg_ltv}}}} {code}"
    assert Passages(RULE, facts, code).fill(text).text == f"***{code} 300***, {code} 300"


@given(st.text(alphabet="{}ab._ */+()1\n`$%", max_size=200))
def test_no_braces_break_the_filling(text: str) -> None:
    """Every figure stands where it is said to stand."""
    passage = filled(text)

    assert all(passage.text[one.start : one.end] == one.text for one in passage.figures)


def read(text: str, summary: Summary) -> CheckedAnswer:
    return read_answers([text], summary, facts_of(summary, "$"), "$")


def test_a_figure_is_traced_to_its_place_in_the_published_text(seed_summary: Summary) -> None:
    """Its text stands between its two characters, and its fact gives the same text."""
    answer = read(
        "## Omnichannel — “The {{omnichannel.people}} Club”\n\n### Description\n\nAll {{all.people}} people. "
        "**{{omnichannel.share}}** of them here.\n\n### Next step\n\n- Channel: email\n- Measure: opens\n"
        "- Action: Mail {{omnichannel.people}} people\n",
        seed_summary,
    )
    (persona,) = answer.personas

    assert [
        (one.section, one.fact, attrgetter(str(one.section))(persona)[one.start : one.end])
        for one in answer.checks.figures
    ] == [
        ("name", "omnichannel.people", "20"),
        ("description", "all.people", "30"),
        ("description", "omnichannel.share", "66.7 %"),
        ("next_step.action", "omnichannel.people", "20"),
    ]


def test_unlike_arithmetic_is_filled_and_listed(seed_summary: Summary) -> None:
    unlike = "omnichannel.avg_ltv / omnichannel.avg_web_sessions"
    answer = read(f"## Omnichannel\n\n{{{{{unlike}}}}} a session", seed_summary)

    assert (answer.personas[0].description, answer.checks.unlike) == ("56 a session", [unlike])


def test_after_a_flood_of_arithmetic_a_name_is_still_a_figure() -> None:
    flood = "".join(f"{{{{i + {n}}}}}" for n in range(10_001))
    assert shown(f"{flood} {{{{a.avg_ltv}}}}").endswith(") $300")
    assert shown(f"{flood} {{{{a.avg_ltv * 2}}}}").endswith("(no such figure)")


def test_the_name_of_a_suppressed_pattern_tells_nothing(space_summary: Summary) -> None:
    """Neither its figure nor that of anything computed with it."""
    hidden = replace(space_summary, patterns=space_summary.patterns[:3], suppressed=["omnichannel"])
    names = ["omnichannel.people", "all.people - omnichannel.people", "omnichannel.avg_ltv / all.avg_ltv"]
    answer = read("## Web Dominant\n\n" + " ".join(f"{{{{{name}}}}}" for name in names), hidden)

    assert answer.personas[0].description == " ".join(["(no such figure)"] * 3)
    assert answer.checks.unresolved == names


def test_a_sentence_does_not_end_at_a_short_word_s_stop() -> None:
    text = "12 opens vs. 2 sessions. Most, e.g. on Starter, stay."
    assert [text[start:end] for start, end in sentences(text)] == [text[:24], text[25:]]


def test_the_number_in_a_channels_name_is_no_figure() -> None:
    rule = Rule(channels={"app_2": "app_2_uses_30d", "web": "web_sessions_30d"}, dominance=0.5)
    said = "24 app 2 actions a person; what app 2 actions tell, 3 sessions do not. In the app 45 people buy"
    passage = Passages(rule, FACTS, "$").read("a/risk", said, {})
    assert [one.text for one in passage.figures] == ["24 app 2 actions", "3 sessions", "45 people"]
