"""Every figure of the narrative, held against the summary: find it, place it, judge it.

    supported      the figure is the rounding of a fact that the words around it name
    contradicted   the words leave no doubt which fact is meant, and that fact has another value
    unverified     it could be mistaken for data, and the summary cannot tell
    (no claim)     plain advice: "within 24 hours", "3-step", "send 3 emails", "10 % off"

A wrong "contradicted" costs more trust than a missed one. So whatever is advised, predicted, quoted from
elsewhere, told of a part of a group or over another span of time is never contradicted.
"""

# ruff: noqa: RUF001 - people write figures with dashes, crosses and curly quotes, and so do these patterns

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from math import isfinite

from msgspec import Struct

from persona.check.ledger.cues import compared, data_like, defines, is_advice, unsure
from persona.check.ledger.figures import Figure, figures, hide
from persona.check.ledger.grammar import NAME
from persona.check.ledger.measures import Measure, measure
from persona.check.ledger.sentences import sentences
from persona.check.ledger.vocabulary import Words, learn, spoken
from persona.model import Claim, Group, Passage, Pattern, Summary, Verdict, label

# No answer is remotely as long; both bounds keep a hostile one cheap, and `unchecked` says when they cut.
MOST_CLAIMS = 2_000
MOST_CHARACTERS = 200_000
# Longest excerpt of the sentence that stands for a figure in the ledger.
TEXT_CHARACTERS = 80

# A fact is a float of the framework; a figure is its text: equal but for the last bits.
ROUNDING = 1e-9

# What follows a figure that says by itself what it is, and what no excerpt ends with.
_FOLLOWING = re.compile(r"(?:\s[\w-]{1,30}){0,4}")
_LOOSE_END = re.compile(
    r"(?:\s(?:an?|the|and|or|but|of|in|on|at|over|to|for|with|by|from|per|if|than|that|who|which|is|are|was|were|"
    r"against|compared|while|all|their|its))+$",
    re.IGNORECASE,
)
# A parenthesis that is closed soon.
_CLOSED = re.compile(r"[^()\n]{0,40}\)")

Facts = dict[str, float]
# A pattern's key, or None for the whole space.
Subject = str | None


def check(passages: Sequence[Passage], summary: Summary, currency: str) -> list[Claim]:
    """The narrative's claims in the order of reading, at most `MOST_CLAIMS`.

    A range ("10 to 15") has its lower end as value and is supported by any fact within; a fraction ("two
    thirds") is given in percent. `fact_value` is the fact as the framework states it: 0.333 for 33 %.
    """
    words = learn(summary, _persona_names(passages))
    facts = _all_facts(summary)
    found = (
        claim
        for passage, sentence in _sentences(passages)
        for claim in _claims(sentence, passage.section, _Told(passage.pattern, facts, words), currency)
    )
    return list(islice(found, MOST_CLAIMS))


def unchecked(passages: Sequence[Passage], claims: Sequence[Claim]) -> str | None:
    """A sentence about what `check` left out, or None where it read everything."""
    if len(claims) >= MOST_CLAIMS:
        return f"Only the first {MOST_CLAIMS:,} figures of the answer were checked."
    if sum(len(passage.text) for passage in passages) > MOST_CHARACTERS:
        return f"Only the first {MOST_CHARACTERS:,} characters of the answer were checked for figures."
    return None


def _sentences(passages: Sequence[Passage]) -> Iterator[tuple[Passage, str]]:
    left = MOST_CHARACTERS
    for passage in passages:
        for sentence in sentences(passage.text[:left]):
            yield passage, sentence
        left = max(0, left - len(passage.text))


# --- The facts ----------------------------------------------------------------------------------------


def _all_facts(summary: Summary) -> dict[Subject, Facts]:
    """What there is to be right or wrong about, under the names that the framework gives it."""
    population = summary.population
    facts: dict[Subject, Facts] = {
        None: _facts(summary.totals)
        | {
            "population.read": population.read,
            "population.classified": population.classified,
            "population.dormant": population.dormant,
        }
    }
    facts |= {pattern.key: _pattern_facts(pattern) for pattern in summary.patterns}
    rule = {"rule.dominance": summary.rule.dominance, "rule.boundary_share": summary.rule.boundary_share}
    return {key: own | rule for key, own in facts.items()}


def _facts(group: Group) -> Facts:
    whole = sum(group.avg_activity.values()) or 1.0
    return (
        {
            "n": group.n,
            "avg_ltv": (group.avg_ltv or 0),
            "avg_identities": (group.avg_identities or 0),
            "few_identities_share": (group.few_identities_share or 0),
        }
        | {f"avg_activity.{channel}": activity for channel, activity in group.avg_activity.items()}
        | {f"activity_share.{channel}": activity / whole for channel, activity in group.avg_activity.items()}
        | {f"identity_coverage.{kind}": share for kind, share in (group.identity_coverage or {}).items()}
    )


def _pattern_facts(pattern: Pattern) -> Facts:
    facts = _facts(pattern) | {"share": pattern.share}
    if pattern.ltv_share is not None:
        facts["ltv_share"] = pattern.ltv_share
    for plan in pattern.plans or []:
        # Of plans that are spoken of alike, the most common one is meant.
        facts.setdefault(f"plans.{spoken(plan.plan)}.n", plan.n)
        facts.setdefault(f"plans.{spoken(plan.plan)}.share", plan.share)
    return facts


# --- What a sentence says -----------------------------------------------------------------------------

# What stands between two figures of one measure, and nothing else.
_JOINED = re.compile(
    rf"""^[\s\w,'’.()/+{NAME}-]{{0,60}}?
    (?:\b(?:vs\.?|versus|than|against|and|or|to|compared\s(?:with|to)|as\sopposed\sto)|[,/(])\s*
    (?:the\s|only\s|just\s|an?\s|about\s|~){{0,3}}$""",
    re.IGNORECASE | re.VERBOSE,
)
_SPACE = re.compile(
    r"""\b(?:overall|across\s(?:the|all|every)\w*|entire|whole|space(?:-?wide)?|everyone|in\stotal|the\saverage|
    all\s(?:the\s|our\s|your\s|of\sthe\s|\d+\s)?(?:customers|users|people|profiles|patterns|groups|segments|
    classified)|average\s(?:customer|user|person|profile)|(?:customer|user)\sbase)\b""",
    re.IGNORECASE | re.VERBOSE,
)
# In "20 % of the customer base" the space is what the share is of, never whose it is.
_OF_THE_SPACE = ("share", "ltv_share")


class _Told(Struct, frozen=True):
    """What a sentence is read against."""

    pattern: Subject  # of its passage
    facts: dict[Subject, Facts]
    words: Words


class Mention(Struct, frozen=True):
    """A pattern (None: the whole space) that a sentence names."""

    start: int
    end: int
    subject: Subject


def _persona_names(passages: Sequence[Passage]) -> dict[str, str]:
    """The personas' names, with their patterns: a sentence may speak of "The Inbox Dweller"."""
    names: dict[str, str] = {}
    for passage in passages:
        if passage.section == "name" and passage.pattern is not None:
            for sentence in sentences(passage.text[:TEXT_CHARACTERS]):
                own = re.sub(re.escape(label(passage.pattern)), "", sentence, flags=re.IGNORECASE)
                name = own.strip(" \t\"'“”‘’—–-:().,·|").removeprefix("The ")
                if len(name.split()) > 1:
                    names[name] = passage.pattern
    return names


def _claims(sentence: str, section: str | None, told: _Told, currency: str) -> Iterator[Claim]:
    text, mentions = _mentions(_hidden(sentence, told.words), told.words)
    for figure, named in _measured(text, currency, told.words):
        judged = _judge(text, figure, named, mentions, told)
        if judged is None:
            continue
        verdict, fact, subject = judged
        yield Claim(
            text=_excerpt(sentence, figure, named),
            value=figure.value,
            unit={"percent": "%", "money": currency, "times": "x"}.get(figure.kind, ""),
            pattern=subject,
            section=section,
            sentence=sentence,
            verdict=verdict,
            fact=fact,
            fact_value=None if fact is None else told.facts[subject][fact],
        )


def _hidden(sentence: str, words: Words) -> str:
    """What `hide` leaves of the sentence, with its channels: one called `v0` is no version."""
    text = hide(sentence)
    for channel in words.channels.finditer(sentence):
        text = text[: channel.start()] + channel[0] + text[channel.end() :]
    return text


def _measured(text: str, currency: str, words: Words) -> Iterator[tuple[Figure, Measure | None]]:
    """The sentence's figures in order, each with what it measures."""
    channels = [(match.start(), match.end()) for match in words.channels.finditer(text)]
    found = [
        figure
        for figure in figures(text, currency)
        if not defines(text, figure)
        and not any(start < figure.start and figure.end <= end for start, end in channels)
    ]
    previous: tuple[Figure, Measure | None] | None = None
    for place, figure in enumerate(found):
        previous_end = found[place - 1].end if place else 0
        next_start = found[place + 1].start if place + 1 < len(found) else len(text)
        own = measure(text, figure, previous_end, next_start, words)
        if previous and (own is None or own.facts == (previous[1] and previous[1].facts)):
            own = _inherited(text, figure, *previous, own)
        previous = figure, own
        yield previous


def _mentions(text: str, words: Words) -> tuple[str, list[Mention]]:
    """The sentence with its patterns' names blanked out, and the patterns that it names."""
    named = [
        Mention(match.start(), match.end(), words.pattern_keys[spoken(match[0])])
        for match in words.patterns.finditer(text)
        if spoken(match[0]) in words.pattern_keys
    ]
    space = [Mention(match.start(), match.end(), None) for match in _SPACE.finditer(text)]
    blank = words.patterns.sub(lambda match: NAME * len(match[0]), text)
    return blank, sorted([*named, *space], key=lambda mention: mention.start)


def _inherited(
    text: str, figure: Figure, previous: Figure, named: Measure | None, own: Measure | None
) -> Measure | None:
    """In "$340 vs. $890", the second figure measures what the first does; else it keeps its `own` measure."""
    between = text[previous.end : figure.start]
    firm = own is not None and own.firm
    if firm or named is None or figure.kind != previous.kind or not _JOINED.search(between):
        return own
    told = re.match(rf"\s(?:for|among|in|of|by|with|on)\s(?:the\s)?{NAME}|\s?\(?{NAME}", text[figure.end :])
    return Measure(facts=named.facts, firm=bool(named.firm and told), start=figure.start, end=figure.end)


def _excerpt(sentence: str, figure: Figure, named: Measure | None) -> str:
    """The figure with the words that make it one, or with the few that follow it; whole in itself."""
    start, end = (named.start, named.end) if named else (figure.start, figure.end)
    if (start, end) == (figure.start, figure.end):
        following = _FOLLOWING.match(sentence, end)
        end = following.end() if following else end
    if end - start > TEXT_CHARACTERS:
        start, end = figure.start, figure.end
    if loose := _LOOSE_END.search(sentence, figure.end, end):
        end = loose.start()
    if sentence.count("“", start, end) > sentence.count("”", start, end) and sentence[end : end + 1] == "”":
        end += 1
    if sentence.count("”", start, end) > sentence.count("“", start, end) and sentence[start - 1] == "“":
        start -= 1
    if sentence.count("(", start, end) > sentence.count(")", start, end):
        closed = _CLOSED.match(sentence, end)
        start, end = (start, closed.end()) if closed else (figure.start, figure.end)
    return sentence[start:end].strip(" ,;:(—–|")


# --- The verdict --------------------------------------------------------------------------------------


def _judge(
    text: str, figure: Figure, named: Measure | None, mentions: list[Mention], told: _Told
) -> tuple[Verdict, str | None, Subject] | None:
    """The verdict with the fact that decides it and whose fact that is; None: no claim."""
    if named and named.facts[0] in _OF_THE_SPACE:
        mentions = [mention for mention in mentions if mention.subject is not None]
    subject = _subject(text, figure, mentions, told.pattern)
    if named and not compared(text, figure):
        for candidate in _candidates(figure, subject, mentions, told):
            for fact in named.facts:
                if _covers(figure, told.facts[candidate].get(fact)):
                    return "supported", fact, candidate
        wrong = _known(named, subject, mentions, told.facts)
        if wrong and named.firm and not unsure(text, figure):
            return "contradicted", wrong, subject
    sounds_like_data = (named and named.firm) or data_like(text, figure)
    if not sounds_like_data or is_advice(text, figure):
        return None
    return "unverified", None, told.pattern


def _covers(figure: Figure, fact: float | None) -> bool:
    if fact is None:
        return False
    written = fact * 100 if figure.kind == "percent" else fact
    return figure.low - ROUNDING <= written <= figure.high + ROUNDING


def _subject(text: str, figure: Figure, mentions: list[Mention], pattern: Subject) -> Subject:
    """Whose figure it is: of the pattern named right behind it, the last one before it, or the passage."""
    for mention in mentions:
        joined = text[figure.end : mention.start] if mention.start >= figure.end else "?"
        if re.fullmatch(r"(?:\s[\w-]+){0,4}\s\(?(?:for|among|in|of|by)?\s?(?:the\s)?", joined):
            return mention.subject
    earlier = [mention for mention in mentions if mention.end <= figure.start]
    return earlier[-1].subject if earlier else pattern


def _candidates(figure: Figure, subject: Subject, mentions: list[Mention], told: _Told) -> list[Subject]:
    """Whose facts may bear the figure out: anyone whom the sentence or its passage speaks of.

    The space's own figures count too, save for "more than 3" and its like, which any crowd would bear out.
    A pattern that the summary does not show has no facts, and does not borrow the space's.
    """
    spoken_of = [subject, told.pattern, *(mention.subject for mention in mentions)]
    if isfinite(figure.high - figure.low) and all(key in told.facts for key in spoken_of):
        spoken_of.append(None)
    if told.pattern is None and not mentions:
        spoken_of += told.facts
    return [key for key in dict.fromkeys(spoken_of) if key in told.facts]


def _known(
    named: Measure, subject: Subject, mentions: list[Mention], facts: dict[Subject, Facts]
) -> str | None:
    """The fact that the figure is wrong about; None where anyone spoken of is not shown or lacks it."""
    everyone = [subject, *(mention.subject for mention in mentions)]
    fact = named.facts[0]
    return fact if all(key in facts for key in everyone) and fact in facts[subject] else None
