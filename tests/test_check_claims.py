"""Which figures count as claims, and which verdict each of them gets."""

# ruff: noqa: RUF001 - people write ranges with dashes, and so do these sentences

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from persona.check import sections
from persona.check.claims import MOST_CHARACTERS, MOST_CLAIMS, check, unchecked
from persona.check.ledger.figures import figures, hide
from persona.check.ledger.sentences import SENTENCE_CHARACTERS, sentences
from persona.mave import without_mave
from persona.model import Claim, Group, Passage, Pattern, Plan, Rule, Summary

CORPUS = Path(__file__).parent / "data" / "claims.jsonl"

# The space of which the corpus speaks: people, LTV, activity, identities, few, coverage, plans.
SPACE: dict[str, tuple[float, tuple[float, ...], float, float, dict[str, float], dict[str, int]]] = {
    "web_dominant": (
        412.5,
        (18.2, 3.1, 2.4),
        2.6,
        0.58,
        {"user_id": 0.97, "email": 0.81, "anonymous_id": 0.44},
        {"free": 90, "pro": 50, "starter": 16},
    ),
    "mobile_dominant": (
        890.4,
        (6.0, 22.3, 4.9),
        3.4,
        0.21,
        {"user_id": 1.0, "email": 0.92, "ios.id": 0.61, "android.id": 0.39},
        {"pro": 120, "starter": 45, "enterprise": 17},
    ),
    "email_dominant": (
        338.7,
        (2.1, 0.8, 11.6),
        2.2,
        0.62,
        {"user_id": 0.88, "email": 1.0},
        {"starter": 70, "pro": 20, "free": 14},
    ),
    "omnichannel": (
        1450.0,
        (14.0, 15.1, 12.2),
        4.1,
        0.05,
        {"user_id": 1.0, "email": 1.0, "ios.id": 0.82},
        {"enterprise": 41, "pro": 30, "starter": 7},
    ),
}
NAMES = [
    Passage(pattern="email_dominant", section="name", text="Email Dominant — “The Inbox Dweller”"),
    Passage(pattern="omnichannel", section="name", text="The Power Orchestrator"),
]


def _pattern(shape: Pattern, all_ltv: float) -> Pattern:
    ltv, activity, identities, few, coverage, plans = SPACE[shape.key]
    return replace(
        shape,
        avg_ltv=ltv,
        ltv_share=ltv * shape.n / all_ltv,
        avg_activity=dict(zip(shape.avg_activity, activity, strict=True)),
        avg_identities=identities,
        few_identities_share=few,
        identity_coverage=coverage,
        plans=[Plan(plan=plan, n=n, share=n / shape.n) for plan, n in plans.items()],
    )


@pytest.fixture
def space(space_summary: Summary) -> Summary:
    """The corpus' space, its totals being the people-weighted means of its patterns."""
    all_ltv = sum(pattern.n * SPACE[pattern.key][0] for pattern in space_summary.patterns)
    patterns = [_pattern(pattern, all_ltv) for pattern in space_summary.patterns]

    def mean(figure: Callable[[Pattern], float]) -> float:
        return sum(pattern.n * figure(pattern) for pattern in patterns) / 520

    return replace(
        space_summary,
        patterns=patterns,
        totals=Group(
            n=520,
            avg_ltv=all_ltv / 520,
            avg_activity={
                "web": mean(lambda one: one.avg_activity["web"]),
                "mobile": mean(lambda one: one.avg_activity["mobile"]),
                "email": mean(lambda one: one.avg_activity["email"]),
            },
            avg_identities=mean(lambda one: one.avg_identities or 0),
            few_identities_share=mean(lambda one: one.few_identities_share or 0),
            identity_coverage={"email": mean(lambda one: (one.identity_coverage or {})["email"])},
        ),
    )


Found = tuple[float, str, str, str | None]


def found(claims: list[Claim]) -> list[Found]:
    return [(claim.value, claim.unit, claim.verdict, claim.fact) for claim in claims]


def said(
    text: str, summary: Summary, pattern: str | None = "email_dominant", currency: str = "$"
) -> list[Found]:
    """The claims of one passage."""
    return found(check([*NAMES, Passage(text=text, pattern=pattern)], summary, currency))


# --- The corpus ---------------------------------------------------------------------------------------

# Each row: where its shape is from, whether it is true, false or open to the data, and its claims by hand.
# A row without claims is there for one thing: nothing in it may be called contradicted.
ROWS = [json.loads(line) for line in CORPUS.read_text(encoding="utf-8").splitlines()]


LABELLED = [row for row in ROWS if "claims" in row]


@pytest.mark.parametrize(
    "row", LABELLED, ids=[f"{place} {row['truth']}" for place, row in enumerate(LABELLED, 1)]
)
def test_a_sentence_of_the_corpus_has_the_claims_of_its_label(space: Summary, row: dict[str, Any]) -> None:
    labelled = [tuple(claim) for claim in row["claims"]]

    assert labelled == said(row["text"], space, row["pattern"])


def _contradicted(space: Summary, truth: str) -> list[bool]:
    return [
        any(verdict == "contradicted" for _, _, verdict, _ in said(row["text"], space, row["pattern"]))
        for row in ROWS
        if row["truth"] == truth
    ]


@pytest.mark.parametrize("truth", ["true", "open"])
def test_no_sentence_that_is_not_false_is_called_contradicted(space: Summary, truth: str) -> None:
    assert not any(_contradicted(space, truth))


def test_nine_of_ten_false_sentences_are_called_contradicted(space: Summary) -> None:
    called = _contradicted(space, "false")

    assert sum(called) >= 0.9 * len(called)


def test_the_corpus_is_large_mixed_and_names_its_origins() -> None:
    borrowed = [row for row in ROWS if "the shape of" in row["origin"]]

    assert len(ROWS) >= 60
    assert len(borrowed) >= 20
    assert all(row["origin"] for row in ROWS)


# --- Whole answers ------------------------------------------------------------------------------------


def read(narrative: str, summary: Summary) -> list[Passage]:
    return sections.read(narrative, summary).passages


def test_the_example_answer_is_borne_out_where_it_is_true_and_flagged_where_not(
    seed_summary: Summary,
) -> None:
    ledger = [
        # Nobody of the sample is mobile-dominant: there is nothing to hold these against.
        (22, "", "unverified", None),
        (14, "", "unverified", None),
        (890, "$", "unverified", None),
        (12, "", "supported", "avg_activity.email"),
        (4, "", "supported", "avg_activity.web"),
        (1, "", "supported", "avg_activity.mobile"),
        (340, "$", "supported", "avg_ltv"),
        # Two of three people are omnichannel, and the answer describes only one of them.
        (28, "", "contradicted", "avg_activity.web"),
        (35, "", "contradicted", "avg_activity.mobile"),
        (15, "", "contradicted", "avg_activity.email"),
        (1450, "$", "contradicted", "avg_ltv"),
        (4, "", "contradicted", "avg_identities"),
        (30, "%", "contradicted", "few_identities_share"),
    ]

    narrative = (CORPUS.parent / "seed_answer.md").read_text(encoding="utf-8")
    assert ledger == found(check(read(narrative, seed_summary), seed_summary, "$"))


@pytest.mark.parametrize("currency", ["$", "€", "kr"])
def test_the_facts_author_is_borne_out_to_the_last_figure(space: Summary, currency: str) -> None:
    claims = check(read(without_mave.write(space, currency), space), space, currency)

    assert len(claims) > 50
    assert {claim.verdict for claim in claims} == {"supported"}


# --- A claim's parts ----------------------------------------------------------------------------------


def test_a_claim_names_its_words_its_place_and_the_fact(space: Summary) -> None:
    passage = Passage(
        pattern="email_dominant", section="risk", text="Watch them. Their **LTV: $890** is low."
    )

    claim = Claim(
        text="LTV: $890",
        value=890.0,
        unit="$",
        pattern="email_dominant",
        section="risk",
        sentence="Their LTV: $890 is low.",
        verdict="contradicted",
        fact="avg_ltv",
        fact_value=338.7,
    )
    assert [claim] == check([passage], space, "$")


def test_a_figure_of_the_whole_space_has_no_pattern(space: Summary) -> None:
    (claim,) = check([Passage(text="Average LTV across all customers is $721.")], space, "$")

    assert claim.pattern is None
    assert claim.fact_value == pytest.approx(720.63, abs=0.01)


def test_a_share_is_given_as_the_framework_states_it(space: Summary) -> None:
    (claim,) = check([Passage(text="20% of customers.", pattern="email_dominant")], space, "$")

    assert (claim.value, claim.unit, claim.fact_value) == (20.0, "%", 0.2)


def test_a_claim_of_another_pattern_bears_that_patterns_key(space: Summary) -> None:
    """A comparison inside one persona's section is about the other one."""
    text = "LTV of $339 vs. $890 for Mobile Dominant."
    claims = check([Passage(text=text, pattern="email_dominant")], space, "$")

    assert [claim.pattern for claim in claims] == ["email_dominant", "mobile_dominant"]


SUPPORTED, CONTRADICTED, UNVERIFIED = "supported", "contradicted", "unverified"
# About email_dominant: LTV 338.7, 20 % of 520, opens 11.6, web 2.1, mobile 0.8, 62 % have two ids or fewer.
VERDICTS: dict[str, tuple[str, list[str]]] = {
    "the rounding of its own digits": ("LTV: $339", [SUPPORTED]),
    "one digit off": ("LTV: $341", [CONTRADICTED]),
    "a hedge covers its last step": ("LTV: about $340", [SUPPORTED]),
    "a hedge does not cover two": ("LTV: about $370", [CONTRADICTED]),
    "a floor below": ("LTV: more than $300", [SUPPORTED]),
    "a floor above": ("LTV: more than $400", [CONTRADICTED]),
    "a ceiling above": ("LTV: under $350", [SUPPORTED]),
    "a ceiling below": ("LTV: under $300", [CONTRADICTED]),
    "well over": ("LTV: well over $300", [SUPPORTED]),
    "a range around": ("LTV: $300–$350", [SUPPORTED]),
    "a range beside": ("LTV: $400–$500", [CONTRADICTED]),
    "another currency": ("LTV: €339", [UNVERIFIED]),
    "hundreds are round": ("LTV: $300", [CONTRADICTED]),
    "a pattern that is not shown": ("LTV: $339 vs. $500 for SMS Dominant.", [SUPPORTED, UNVERIFIED]),
    "the other pattern's, unnamed": ("LTV of $339 vs. $890.", [SUPPORTED, UNVERIFIED]),
    "the other pattern's, wrong": ("LTV of $339 vs. $990 for Mobile Dominant.", [SUPPORTED, CONTRADICTED]),
    "both, respectively": ("Web and email reach 9 and 4 sessions respectively.", [UNVERIFIED, UNVERIFIED]),
    "a share of something else": ("40% of sessions happen at night.", [UNVERIFIED]),
    "a comparison": ("LTV is $500 more than elsewhere.", [UNVERIFIED]),
    "a forecast": ("LTV could reach $500.", [UNVERIFIED]),
    "a benchmark": ("Industry LTV is $500.", [UNVERIFIED]),
    "a median": ("The median LTV is $500.", [UNVERIFIED]),
    "a total": ("Total LTV: $35,225", [UNVERIFIED]),
    "a ratio of LTV": ("An LTV:CAC of 3 is fine.", []),
    "another span of time": ("They have 3 web sessions a week.", [UNVERIFIED]),
    "another measure of the channel": ("8 email clicks a month.", [UNVERIFIED]),
    "sessions without a channel": ("They have 40 sessions.", [UNVERIFIED]),
    "sessions without a channel that fit one": ("They have 2 sessions.", [SUPPORTED]),
    "a part of the group": ("Those who open 30 emails are loyal.", [UNVERIFIED]),
    "a plan's people": ("70 people on the Starter plan.", [SUPPORTED]),
    "a plan's people, wrong": ("40 on the Starter plan.", [CONTRADICTED]),
    "a plan that is not shown": ("15% are on the Gold plan.", [UNVERIFIED]),
    "a plan before its share": ("The Starter plan share is 67%.", [SUPPORTED]),
    "a number in words": ("Forty-two web sessions.", [CONTRADICTED]),
    "percent in words": ("Sixty-two percent have only two identifiers.", [SUPPORTED]),
    "a fraction": ("A fifth of all customers.", [SUPPORTED]),
    "a hedged fraction": ("Nearly a quarter of all customers.", [SUPPORTED]),
    "so many in so many": ("Two in three are on the Starter plan.", [SUPPORTED]),
    "twice": ("Twice as many as others.", [UNVERIFIED]),
    "three times": ("3 times the clicks of others.", [UNVERIFIED]),
    "sessions on a channel": ("2.1 sessions on the web.", [SUPPORTED]),
    "opens before": ("Opens: 11.6", [SUPPORTED]),
    "opens before, wrong": ("Monthly opens: 21", [CONTRADICTED]),
    "identity count": ("Identity count: 2.2", [SUPPORTED]),
    "identity count, wrong": ("Identity count: 4.4", [CONTRADICTED]),
    "group size": ("Group size: 104", [SUPPORTED]),
    "a few identifiers before": ("Two or fewer identifiers: 62%", [SUPPORTED]),
    "fewer than three": ("62% have fewer than three identifiers.", [SUPPORTED]),
    "coverage before": ("user_id coverage: 88%", [SUPPORTED]),
    "coverage behind": ("88% user_id coverage.", [SUPPORTED]),
    "share of LTV before": ("LTV share: 9.4%", [SUPPORTED]),
    "share of LTV, wrong": ("Share of total LTV: 19%", [CONTRADICTED]),
    "a share behind": ("A 20% share.", [SUPPORTED]),
    "size of another pattern": ("182 mobile-dominant users.", [SUPPORTED]),
    "people who are dormant": ("70 people are dormant.", [SUPPORTED]),
    "thousands": ("$1.4k of LTV", [CONTRADICTED]),
}


@pytest.mark.parametrize(("text", "verdicts"), VERDICTS.values(), ids=VERDICTS)
def test_verdict(space: Summary, text: str, verdicts: list[str]) -> None:
    assert verdicts == [verdict for _, _, verdict, _ in said(text, space)]


NO_CLAIMS = [
    "Answer within 24 hours.",
    "A 3-step flow, 2-3 times a week, at 9 am.",
    "See the top 3 reasons (24/7, 1:1, B2B, Web 2.0, v2.1.3).",
    "Since 2026-03-15, March 3 and 15 April 2027.",
    "## 2. Why\n\n1. One\n2. Two",
    "Send 3 emails with 20% off.",
    "Use 2 formats.",
    "[12] See https://example.org/2026/73%25",
    "Their id is " + "7" * 40,
    "iOS 17, Android 14, Q3, step 2, phase 1.",
    "A 95 % confidence interval.",
    "They post once a day, twice a week, 3x per week.",
    "A $50 coupon for 2 friends.",
]


@pytest.mark.parametrize("text", NO_CLAIMS)
def test_advice_and_numbering_are_no_claims(space: Summary, text: str) -> None:
    assert not said(text, space)


# --- Whose figure -------------------------------------------------------------------------------------


def test_a_hidden_patterns_figures_are_never_judged(space: Summary) -> None:
    hidden = replace(space, patterns=space.patterns[:2], suppressed=["email_dominant", "omnichannel"])

    assert said("LTV: $721. 5 web sessions.", hidden) == [
        (721, "$", "unverified", None),
        (5, "", "unverified", None),
    ]


def test_a_space_without_plans_and_id_types_leaves_such_figures_unverified(space: Summary) -> None:
    withheld = replace(
        space,
        totals=replace(space.totals, identity_coverage=None),
        patterns=[replace(one, plans=None, identity_coverage=None, ltv_share=None) for one in space.patterns],
    )
    text = "67% are on the Starter plan, 88% have a user id, 9% of LTV."

    assert [verdict for _, _, verdict, _ in said(text, withheld)] == ["unverified"] * 3


def test_channels_may_have_any_names(space: Summary) -> None:
    channels = {"sms": "sms_clicks_30d", "call_center": "center_calls_30d", "fax": "faxes_30d"}
    activity = {"sms": 5.5, "call_center": 1.5, "fax": 7.0}
    pattern = replace(space.patterns[0], key="sms_dominant", label="Sms Dominant", avg_activity=activity)
    summary = replace(
        space,
        rule=Rule(channels=channels, dominance=0.5),
        patterns=[pattern],
        totals=replace(space.totals, avg_activity=activity),
    )
    text = "5.5 SMS clicks, 1.5 call-center calls, 7 fax. 12 clicks a month. Fax: 9."

    assert said(text, summary, "sms_dominant") == [
        (5.5, "", "supported", "avg_activity.sms"),
        (1.5, "", "supported", "avg_activity.call_center"),
        (7, "", "supported", "avg_activity.fax"),
        (12, "", "contradicted", "avg_activity.sms"),
        (9, "", "contradicted", "avg_activity.fax"),
    ]


# --- Reading figures ----------------------------------------------------------------------------------

WRITTEN = {
    "percent": ("80 %", "$", [("percent", 80.0)]),
    "per cent": ("80 per cent", "$", [("percent", 80.0)]),
    "thousands": ("1,450", "$", [("count", 1450.0)]),
    "thin space": ("1\u202f450", "$", [("count", 1450.0)]),
    "no-break space": ("1\u00a0450", "$", [("count", 1450.0)]),
    "plain space before a currency": ("1 450 kr", "kr", [("money", 1450.0)]),
    "plain space alone": ("2 450", "$", [("count", 2.0), ("count", 450.0)]),
    "k": ("$1.4k", "$", [("money", 1400.0)]),
    "million": ("$2 million", "$", [("money", 2_000_000.0)]),
    "currency behind": ("890 USD", "$", [("money", 890.0)]),
    "currency behind, glued": ("890kr", "kr", [("money", 890.0)]),
    "currency set by its code": ("$890; 890 USD", "USD", [("money", 890.0), ("money", 890.0)]),
    "dollars": ("890 dollars", "$", [("money", 890.0)]),
    "euro with a dot": ("1.450,50 €", "€", [("money", 1450.5)]),
    "euro with a comma": ("€1,450", "€", [("money", 1450.0)]),
    "dot of thousands": ("1.450 €", "€", [("money", 1450.0)]),
    "decimal comma": ("3,5", "€", [("count", 3.5)]),
    "decimal point": ("1.450", "$", [("count", 1.45)]),
    "other money": ("£890", "$", [("other money", 890.0)]),
    "times": ("3x", "$", [("times", 3.0)]),
    "twice": ("twice as many", "$", [("times", 2.0)]),
    "more": ("4+", "$", [("count", 4.0)]),
    "range": ("10–15", "$", [("count", 10.0)]),
    "range in percent": ("30-35%", "$", [("percent", 30.0)]),
    "two thirds": ("two thirds of", "$", [("percent", 66.67)]),
    "half": ("half of", "$", [("percent", 50.0)]),
    "one in three": ("one in three", "$", [("percent", 33.33)]),
    "3 out of 4": ("3 out of 4", "$", [("percent", 75.0)]),
    "words": ("twenty-two sessions", "$", [("count", 22.0)]),
    "words alone": ("twenty-two", "$", []),
    "a word": ("B2B GA4 4th", "$", []),
    "an odd list": ("22,14,8", "$", []),
}


@pytest.mark.parametrize(("text", "currency", "read"), WRITTEN.values(), ids=WRITTEN)
def test_a_figure_is_read_as_written(text: str, currency: str, read: list[tuple[str, float]]) -> None:
    assert read == [(figure.kind, figure.value) for figure in figures(hide(text), currency)]


MARKDOWN = {
    "wrapped lines": ("one\ntwo. Three", ["one two.", "Three"]),
    "emphasis and code": ("**LTV:** _high_, `a` ~~b~~ snake_case", ["LTV: high, a b snake_case"]),
    "headings and their numbers": ("## 1. Mobile\ntext", ["Mobile", "text"]),
    "lists": ("- a\n2. b\n* c", ["a", "b", "c"]),
    "quotes and rules": ("> a\n\n---\n> b", ["a", "b"]),
    "fences": ("```text\na\n```", ["a"]),
    "links and citations": ("[a 5](https://x.org/7) b [3] https://y.org/9", ["a 5 b"]),
    "tags and entities": ("a<br>b &amp; c < 5", ["a b & c < 5"]),
    "abbreviations": ("12 vs. 14 opens, e.g. here. Then", ["12 vs. 14 opens, e.g. here.", "Then"]),
    "a table": ("|A|LTV|\n|--|--|\n|x|5|", ["x", "x — LTV: 5"]),
    "a bare table": ("A | N\n--- | ---\nx | 5\n\nend", ["x", "x — N: 5", "end"]),
    "a rule of a table without its head": ("|--|--|\na | b", ["a | b"]),
    "escapes": (r"\$5 \* 3", ["$5 * 3"]),
}


@pytest.mark.parametrize(("markdown", "plain"), MARKDOWN.values(), ids=MARKDOWN)
def test_markdown_is_read_as_sentences(markdown: str, plain: list[str]) -> None:
    assert plain == list(sentences(markdown))


def test_a_long_run_of_words_is_cut_and_nothing_of_it_lost() -> None:
    text = "word " * 300 + "x" * 1000
    pieces = list(sentences(text))

    assert max(len(piece) for piece in pieces) <= SENTENCE_CHARACTERS
    assert text.replace(" ", "") == "".join(pieces).replace(" ", "")


# Whatever a model may write: the words that the rules know, odd letters that only look like them, any signs.
PIECES = st.one_of(
    st.sampled_from(
        [
            "LTV: $890",
            "one in three",
            "ſix",
            "fİve opens",
            "EMAİL DOMİNANT",
            "email_dominant",
            "§",
            "¬",
            "20%",
            "of the",
            "customers",
            "(N=4)",
            "iOS id",
            "user_id coverage",
            "on the Starter plan",
            "two or fewer identifiers",
            "İnbox Dweller",
            "web sessions",
            "vs.",
            "K",
            "٣%",
            "1,450",
            "half of",
            "- ",
            "\n\n",
            "\n",
            "\n",
            "--",
            "--",
            "\n",
            " ",
            " ",
            "",
        ]
    ),
    st.text(max_size=8),
)


@given(st.lists(PIECES, max_size=25).map(" ".join))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300)
def test_any_text_is_read_without_a_failure(space: Summary, text: str) -> None:
    for claim in check([*NAMES, Passage(text=text, pattern="email_dominant")], space, "$"):
        assert claim.text
        assert (claim.fact is None) == (claim.verdict == "unverified")


# --- Bounds -------------------------------------------------------------------------------------------


def test_what_was_cut_is_said(space: Summary) -> None:
    many = [Passage(text="LTV: $5. " * (MOST_CLAIMS + 1))]
    long = [Passage(text="word " * MOST_CHARACTERS)]
    short = [Passage(text="LTV: $5.")]

    assert (
        unchecked(many, check(many, space, "$")) == "Only the first 2,000 figures of the answer were checked."
    )
    assert unchecked(long, check(long, space, "$")) == (
        "Only the first 200,000 characters of the answer were checked for figures."
    )
    assert unchecked(short, check(short, space, "$")) is None


HOSTILE = {
    "a number without end": "9" * 5_000_000,
    "brackets": "[a](" * 1_250_000,
    "tags": "<a " * 1_700_000,
    "cells": "|" * 5_000_000,
    "rows": "|a|b|\n|--|--|\n|1|2|\n" * 250_000,
    "words for numbers": "twenty-one in half of " * 220_000,
    "links": "LTV is of at is of " * 260_000,
    "thousands": "1,450," * 830_000,
    "stops": '!"""' * 1_250_000,
    "blanks": " " * 5_000_000,
    "figures among words": "9 a " * 1_250_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_five_hostile_megabytes_are_read_in_seconds(space: Summary, text: str) -> None:
    start = time.process_time()
    check([Passage(text=text, pattern="email_dominant")], space, "$")

    assert time.process_time() - start < 30


@pytest.mark.parametrize(
    ("sentence", "text"),
    [
        ("Their LTV: $1,450 is high.", "LTV: $1,450"),
        ("Most are on a plan, the most common enterprise (41 people).", "41 people"),
        ("Their most common plan is enterprise (52.6 %).", "enterprise (52.6 %)"),
        ("They are worth $721 over all classified people.", "$721 over all classified people"),
        ("Their most common plan is “enterprise” (52.6 %).", "“enterprise” (52.6 %)"),
        ("Of all people, 100 % have “email”.", "100 % have “email”"),
        ("They pay $1,450 compared to the rest.", "$1,450 compared to the rest"),
        ("About 73% of the.", "73%"),
        ("Average web sessions (14.0 and nothing closes the parenthesis.", "14.0"),
        ("They bring 14.0 web sessions a person.", "14.0 web sessions"),
    ],
)
def test_an_excerpt_is_whole(space: Summary, sentence: str, text: str) -> None:
    """No parenthesis is left open and no article left alone."""
    found = check([Passage(text=sentence, pattern="omnichannel", section="description")], space, "$")
    assert text in [claim.text for claim in found]


def test_a_channel_that_is_called_like_a_version_is_still_a_channel(space: Summary) -> None:
    channels = {**space.rule.channels, "beta_v0": "beta_v0_30d"}
    totals = replace(space.totals, avg_activity={**space.totals.avg_activity, "beta_v0": 20.0})
    named = replace(space, rule=replace(space.rule, channels=channels), totals=totals)

    (claim,) = check([Passage(text="All people: 20.0 beta v0 actions a person.")], named, "$")

    assert (claim.verdict, claim.fact) == ("supported", "avg_activity.beta_v0")
