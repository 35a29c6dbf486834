"""What a plain number measures: activity, identities, people."""

# ruff: noqa: RUF001 - people write figures with dashes, crosses and curly quotes, and so do these patterns

import re
from collections.abc import Iterator

from persona.check.ledger.grammar import (
    ACTIVITY,
    CLOSE,
    HEDGES,
    IDENTIFIER,
    LINK,
    MONTHLY,
    NAME,
    NOUN,
    PEOPLE,
    STOP,
    Reading,
    rule,
)
from persona.check.ledger.vocabulary import Words, spoken


def activity(before: str, after: str, words: Words) -> Iterator[Reading]:
    yield from _activity_ahead(after, words)
    yield from _emails(before, after, words)
    channels = list(words.channels.finditer(before))
    for channel in channels[::-1]:
        key = words.channel_of[spoken(channel[0])]
        tail = before[channel.end() :]
        noun = rule(rf"^\s(?P<noun>{ACTIVITY}|\w+)(?=\W|$)(?={LINK})").match(tail)
        if noun and noun["noun"].lower() in words.activities[key] and rule(LINK).match(tail[noun.end() :]):
            yield (f"avg_activity.{key}",), True, len(before) - channel.start(), 0
        elif rule(LINK).match(tail):
            counted = rule(r"^\s(\w+)").match(after)
            fits = counted and counted[1].lower() in words.activities[key]
            closed = rule(rf"^(?:{MONTHLY}|{STOP})").match(after)
            named = bool(rule(r"^\s*[:(=|—–]").match(tail)) or bool(
                rule(rf"{ACTIVITY}\s(?:on|via|in)\s(?:the\s)?$").search(before[: channel.start()])
            )
            if fits or closed:
                yield (f"avg_activity.{key}",), bool(fits or named), len(before) - channel.start(), 0
    bare = rule(rf"\b(?P<noun>{ACTIVITY})(?:{MONTHLY})?{LINK}").search(before)
    if bare and not channels:
        facts = _counting(bare["noun"], words)
        if facts and rule(rf"^(?:{MONTHLY}|{STOP})").match(after):
            yield (
                facts,
                _is_of_one_channel(bare["noun"], facts),
                len(before) - bare.start(),
                0,
            )


def activity_where(lead: str, after: str, words: Words) -> Iterator[Reading]:
    """In "31 sessions in the app and 44 on the web" the second figure counts what the first does."""
    where = rule(r"^\s(?:on|in|via|by)\s(?:the\s)?").match(after)
    channel = where and words.channels.match(after, where.end())
    if not channel or not rule(CLOSE).match(after, channel.end()):
        return
    key = words.channel_of[spoken(channel[0])]
    counted = [noun[0].lower() for noun in rule(rf"\b{ACTIVITY}\b").finditer(lead)]
    if counted and counted[-1] in words.activities[key]:
        yield (f"avg_activity.{key}",), True, 0, channel.end()


def _activity_ahead(after: str, words: Words) -> Iterator[Reading]:
    filler = rule(rf"^\s(?:{NOUN}\s){{0,2}}").match(after)
    if not filler:
        return
    if words.channels.match(after, filler.end()):
        yield from _channel_ahead(after, filler.end(), words)
    elif noun := rule(rf"(?P<noun>{ACTIVITY})\b").match(after, filler.end()):
        yield from _noun_ahead(after, noun, words)


def _channel_ahead(after: str, start: int, words: Words) -> Iterator[Reading]:
    """22 mobile sessions; 22 mobile."""
    channel = words.channels.match(after, start)
    if channel is None:
        return
    key = words.channel_of[spoken(channel[0])]
    tail = after[channel.end() :]
    noun = rule(r"^[\s-](\w+)").match(tail)
    if noun and noun[1].lower() in words.activities[key]:
        yield (f"avg_activity.{key}",), True, 0, channel.end() + noun.end()
    elif rule(STOP).match(tail):
        yield (f"avg_activity.{key}",), True, 0, channel.end()


def _noun_ahead(after: str, noun: re.Match[str], words: Words) -> Iterator[Reading]:
    """12 opens; 22 sessions on mobile."""
    counted = noun["noun"].lower()
    where = rule(r"\s(?:on|via|in|through|from|by|to)\s(?:the\s|their\s)?").match(after, noun.end())
    if where and (channel := words.channels.match(after, where.end())):
        key = words.channel_of[spoken(channel[0])]
        if counted in words.activities[key] and rule(CLOSE).match(after, channel.end()):
            yield (f"avg_activity.{key}",), True, 0, channel.end()
    elif facts := _counting(counted, words):
        closed = rule(CLOSE).match(after[noun.end() :])
        yield facts, bool(closed) and _is_of_one_channel(counted, facts), 0, noun.end()


def _emails(before: str, after: str, words: Words) -> Iterator[Reading]:
    """They open 12 emails; 12 emails opened."""
    mails = rule(r"^\s(?:opened\s)?e-?mails(?:\sopened|\sopens)?\b").match(after)
    facts = _counting("opens", words)
    if mails and facts:
        told = "open" in mails[0].lower() or rule(rf"\bopen(?:s|ed|ing)?{LINK}").search(before)
        if told:
            yield facts, len(facts) == 1, 0, mails.end()


def _is_of_one_channel(noun: str, facts: tuple[str, ...]) -> bool:
    """Whether the noun alone names the channel: opens do where one channel counts opens; sessions never."""
    return len(facts) == 1 and noun.lower() in {"opens", "clicks"}


def _counting(noun: str, words: Words) -> tuple[str, ...]:
    """The activities that such a noun may mean."""
    return tuple(
        f"avg_activity.{channel}" for channel, nouns in words.activities.items() if noun.lower() in nouns
    )


def identities(before: str, after: str) -> Iterator[Reading]:
    narrowed = rule(r"(?:%|\b(?:percent|only|just|most|more\sthan|fewer\sthan)\s?)[^,;.]{0,40}$").search(
        before
    )
    following = rule(rf"^\s(?:{NOUN}\s){{0,2}}{IDENTIFIER}\b(?!\sor\sfewer|\sor\sless|-)").match(after)
    if following:
        yield ("avg_identities",), not narrowed, 0, following.end()
    named = rule(
        rf"\b(?:identity\scount|identities|identifiers|external\sids|ids|avg_identities|identity(?:-|\s)graph\sconnections)"
        rf"(?:\sper\s(?:person|user|customer|profile))?{LINK}"
    ).search(before)
    if named:
        yield (
            ("avg_identities",),
            bool(rule(STOP).match(after)) and not narrowed,
            len(before) - named.start(),
            0,
        )


def people(before: str, after: str) -> Iterator[Reading]:
    sized = rule(r"\bn\s?=\s?$").search(before)
    if sized:
        yield ("n", "population.classified", "population.read"), True, len(before) - sized.start(), 0
    dormant = rule(rf"^\s(?:{PEOPLE}\s)?(?:are\s|were\s)?(?:dormant|inactive)\b").match(after)
    if dormant:
        yield ("population.dormant",), False, 0, dormant.end()
    following = rule(
        rf"^\s(?:(?:{NAME}+|active|classified|unique|merged|individual|real)\s){{0,3}}(?P<who>{PEOPLE})\b"
        rf"(?P<closed>{STOP}|\s(?:in\s(?:this|the)\s(?:group|pattern|segment|space)|fall|belong|strong|worth|in\stotal|"
        rf"were\s(?:read|classified)|(?:are|is)\s(?:the\s)?{NAME}))?"
    ).match(after)
    if following:
        grouped = rule(rf"\b(?:group|pattern|segment|cohort)\sof{HEDGES}\s~?$").search(before)
        opened = rule(
            rf"(?:^\s*|[(—–:,|=]\s*|{NAME}\s?|\b(?:group\sof|pattern\sof|segment\sof|cohort\sof|is|are|has|have|includes?|contains?|comprises?|"
            rf"covers?|covering|holds?|counts?|the|these|all|across|total\sof|size|numbers?|totals?|with)){HEDGES}\s*~?$"
        ).search(before)
        yield (
            ("n", "population.classified", "population.read"),
            bool(grouped or (following["closed"] is not None and opened)),
            0,
            following.end("who"),
        )
    counted = rule(rf"(?:\b(?:group|pattern|segment|cohort)\ssize|\bsize|\b{PEOPLE})\s*[:=(]\s*~?$").search(
        before
    )
    if counted and rule(STOP).match(after):
        yield ("n", "population.classified", "population.read"), True, len(before) - counted.start(), 0
    if rule(rf"{NAME}\s?\($").search(before) and rule(r"^\)").match(after):
        yield ("n",), False, 0, 0
    if rule(r"\b(?:of|out\sof)\s(?:the\s)?$").search(before) or rule(r"^\s(?:of|out\sof)\s(?:the\s)?$").match(
        after
    ):
        yield ("n", "population.classified", "population.read"), False, 0, 0
