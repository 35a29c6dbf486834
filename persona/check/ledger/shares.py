"""What a percentage measures: a share of the space, of its LTV, of a group's people."""

# ruff: noqa: RUF001 - people write figures with dashes, crosses and curly quotes, and so do these patterns

import re
from collections.abc import Iterator

from persona.check.ledger.grammar import (
    HEDGES,
    IDENTIFIER,
    LINK,
    LTV,
    NAME,
    PEOPLE,
    STOP,
    WHO,
    WHOSE,
    Reading,
    rule,
)
from persona.check.ledger.vocabulary import Words, spoken

_OTHER_SHARE = (
    r"\b(?:LTV|lifetime|value|revenue|churn|rate|conversion|plans?|coverage|risk|retention|channel|"
    r"market|wallet|voice)\b"
)
_MAKE_UP = (
    r"\b(?:makes?\sup|making\sup|accounts?\sfor|accounting\sfor|represents?|representing|comprises?|comprising|"
    r"constitutes?|constituting|forms?|covers?|covering)"
)
_DIVIDED = (
    r"\b(?:breaks?\sdown|broken\sdown|divides?|splits?|sizes?|distribution|composition|shares?)\b"
    r"[^.]{0,60}(?:%|:)"
)


_CLOSING_QUOTES = "”\"'’"


def ltv_share(before: str, after: str) -> Iterator[Reading]:
    worth = rf"(?:{LTV}|(?:customer\s|total\s)?value|revenue)"
    named = rule(rf"\b(?:{LTV}\sshare|share\sof\s(?:(?:all|total|the|overall)\s){{0,2}}{LTV}){LINK}").search(
        before
    )
    if named and rule(STOP).match(after):
        yield ("ltv_share",), True, len(before) - named.start(), 0
    following = rule(
        rf"^\s(?:share\s)?(?:of|in)\s(?:(?:all|total|the|overall|our|your|combined|aggregate|space's)\s){{0,3}}"
        rf"(?P<worth>{worth})\b(?P<closed>{STOP})?"
    ).match(after)
    if following:
        firm = bool(rule(LTV).fullmatch(following["worth"]) and following["closed"] is not None)
        yield (
            ("ltv_share",),
            firm and not rule(r"\b(?:gain|grow|lift|for)\s$").search(before),
            0,
            following.end("worth"),
        )


def few_identities(before: str, after: str) -> Iterator[Reading]:
    few = (
        r"(?:(?:only|just|no\smore\sthan|at\smost|up\sto)\s(?:2|two)|(?:2|two)\sor\s(?:fewer|less)|"
        r"fewer\sthan\s(?:3|three))"
    )
    few = rf"(?:{few}\s{IDENTIFIER}|(?:2|two)\s{IDENTIFIER}\sor\s(?:fewer|less))"
    following = rule(
        rf"^\s(?:of\s(?:(?:all|the|our|these|them|its|this\sgroup|group|total|classified|active)\s?){{0,3}}{PEOPLE}?\s?)?(?:only\s)?"
        rf"(?:have|has|carry|carries|hold|with|show|are\sknown\sby)\s{few}"
    ).match(after)
    if following:
        yield ("few_identities_share",), True, 0, following.end()
    named = rule(rf"\b{few}{LINK}").search(before)
    if named and rule(STOP).match(after):
        yield ("few_identities_share",), True, len(before) - named.start(), 0


def activity_share(after: str, words: Words) -> Iterator[Reading]:
    """86.2 % of their activity is on Email; or so much that Email dominates."""
    whose = rule(rf"^\s(?:of|in)\s{WHOSE}(?:total\s)?(?:activity|interactions|sessions)").match(after)
    if not whose:
        return
    where = rule(r"\s(?:is|are|comes?|happens?)\s(?:on|from|via|in)\s(?:the\s)?").match(after, whose.end())
    if where and (channel := words.channels.match(after, where.end())):
        share = f"activity_share.{words.channel_of[spoken(channel[0])]}"
        yield (share, "rule.dominance"), False, 0, channel.end()
    yield ("rule.dominance",), False, 0, 0


def boundary_share(after: str) -> Iterator[Reading]:
    near = rule(
        rf"^\s(?:of\s)?(?:(?:all|the|active|classified)\s){{0,3}}{PEOPLE}\s(?:are|stand|sit)\s(?:so\s)?"
        r"(?:close\sto|near)\s(?:the|a)\s(?:line|threshold|boundary)\b"
    ).match(after)
    if near:
        yield ("rule.boundary_share",), False, 0, near.end()


def coverage(before: str, after: str, words: Words) -> Iterator[Reading]:
    if words.id_types is None:
        return
    holding = rule(
        rf"^\s(?:of\s(?:(?:all|the|our|these|them|its|this\sgroup|total|classified|active)\s?){{0,3}}{PEOPLE}?\s?)?"
        r"(?:have|has|carry|carries|share|hold|are\s(?:known|linked|matched)\s(?:by|to|with)|with)\s"
        r"(?:(?:a|an|their|its|known|linked|verified|at\sleast\sone|one)\s){0,3}[“\"']?"
    ).match(after)
    if holding and (kind := words.id_types.match(after, holding.end())):
        tail = after[kind.end() :].lstrip(_CLOSING_QUOTES)
        closed = rule(
            rf"^(?:\s(?:id|ids|identifier|address|on\sfile|linked|attached|known))+{STOP}|^{STOP}"
        ).match(tail)
        yield (_covered(kind, words),), bool(closed), 0, kind.end()
    covered = rule(r"^\s(?:have\s)?(?:an?\s)?").match(after)
    kind = words.id_types.match(after, covered.end() if covered else 0)
    if kind and (noun := rule(r"^\s(?:id\s|identifier\s|identity\s)?coverage\b").match(after[kind.end() :])):
        yield (
            (_covered(kind, words),),
            True,
            0,
            kind.end() + noun.end(),
        )
    for kind in words.id_types.finditer(before):
        if rule(rf"^(?:\sid|\sidentifier|\sidentity)?\scoverage{LINK}").match(before[kind.end() :]):
            yield (_covered(kind, words),), bool(rule(STOP).match(after)), len(before) - kind.start(), 0


def _covered(kind: re.Match[str], words: Words) -> str:
    return f"identity_coverage.{words.id_type_of.get(spoken(kind[0]))}"


def plan(before: str, after: str, words: Words, figure: str) -> Iterator[Reading]:
    if words.plans is None:
        return
    of_people = rule(
        rf"^(?:\s(?:of\s(?:(?:all|the|our|these|them|its|this\sgroup|group|total|classified|active)\s?){{0,3}})?{PEOPLE}|"
        r"\sof\s(?:them|this\sgroup|the\sgroup))?"
        r"\s?(?:are|is|sit|sits|use|have|pay\sfor|subscribe\sto|subscribed\sto)?\s?(?:on|in|to)?\s?(?:the|a|an)?\s?[“\"']?"
    ).match(after)
    start = of_people.end() if of_people else 0
    if (plan := words.plans.match(after, start)) and start:
        tail = after[plan.end() :].lstrip(_CLOSING_QUOTES)
        noun = rule(rf"^\s(?:plans?|tier|subscriptions?|subscribers|{PEOPLE})\b").match(tail)
        tied = noun or (
            rule(r"\b(?:on|sit|sits|use|are)\s(?:the\s|a\s)?$").search(after[: plan.start()]) is not None
        )
        closed = rule(STOP).match(tail[noun.end() if noun else 0 :])
        yield (f"plans.{spoken(plan[0])}.{figure}",), bool(tied and closed), 0, plan.end()
    for plan in words.plans.finditer(before):
        tail = before[plan.end() :].lstrip(_CLOSING_QUOTES)
        if rule(
            rf"^(?:\s(?:plans?|tier)(?:\sshare)?)?\s?(?:{PEOPLE}\s?)?[:(=—–]\s*$|^\s(?:is|at)\s$|"
            rf"^\s(?:plan|tier)(?:\sshare)?(?:\s(?:accounts\sfor|makes\sup|covers|holds))?{LINK}"
        ).match(tail):
            named = rule(r"^\s(?:plan|tier)\b|^\s?[:(=]").match(tail)
            closed = rule(STOP).match(after)
            yield (
                (f"plans.{spoken(plan[0])}.{figure}",),
                bool(named and closed),
                len(before) - plan.start(),
                0,
            )


def share(lead: str, before: str, after: str) -> Iterator[Reading]:
    of_whom = rule(
        rf"^(?:\sshare)?\s(?:of|share\sof)\s(?:(?:all|the|our|your|total|active|classified|entire|whole|customer|"
        rf"user|overall|\w+'s)\s){{0,3}}(?P<who>{WHO}|total(?={STOP}))\b(?P<closed>{STOP}|"
        rf"\s(?:are|is|were|was|fall|falls|belong|show)\s(?:in|into|to)?\s?"
        rf"(?:the\s)?(?:{NAME}|this\s(?:group|pattern|segment)))?"
        r"(?P<some>\s(?:who|that|with|without|on|in|from|by)\b)?"
    ).match(after)
    if of_whom:
        made = rule(rf"(?:{_MAKE_UP}|\b{LTV}\s(?:and|but|yet)){HEDGES}\s~?$").search(before)
        told = rule(
            rf"(?:[(—–]\s*|\b(?:is|are|at|size|share|group|pattern|segment)\s?|"
            rf"{NAME}(?:\s(?:{PEOPLE}|group|segment|pattern))?\s?){HEDGES}\s*~?$"
        ).search(before)
        begun = rule(rf"(?:^\s*|[:,|·]\s*){HEDGES}\s*~?$").search(before)
        closed = of_whom["closed"] is not None
        ended = closed and not rule(r"\s*,|\s(?:and|or|but|while|yet)\b").match(of_whom["closed"])
        firm = bool((made and not of_whom["some"]) or (told and closed) or (begun and ended))
        yield ("share",), firm, 0, of_whom.end("who")
    if rule(rf"^\s(?:are|is|were|was|fall\sinto|belong\sto)\s(?:the\s)?{NAME}").match(after):
        yield ("share",), True, 0, 0
    if rule(rf"^\s{PEOPLE}\s?[(,]\s?$").search(before) and rule(rf"^\s?\)|{STOP}").match(after):
        yield ("share",), False, 0, 0
    other = rule(_OTHER_SHARE).search(lead) or rule(_OTHER_SHARE).search(re.split(r"[,;|·(]", after)[0])
    if not other and rule(r"\bn\s?=\s?[\d.,]+[,;]\s?$").search(lead) and rule(STOP).match(after):
        yield ("share",), True, 0, 0  # (N=156, 30 %)
    named = rule(rf"\bshare(?:\sof\s(?:(?:all|the|our|total)\s)?{WHO})?{LINK}").search(before)
    if named and not other:
        yield ("share",), bool(rule(STOP).match(after)), len(before) - named.start(), 0
    if not other and rule(rf"^\sshare{STOP}").match(after):
        yield ("share",), True, 0, len(" share")
    beside = rule(
        rf"(?P<name>{NAME}+)(?:\s(?:{PEOPLE}|group|segment|pattern))?"
        r"(?:\sthe\s(?:smallest|largest|biggest))?\s*(?:[(:=—–,]|\bis|\bare|\bat|\bwith)?\s?~?$"
    ).search(before)
    if beside and rule(rf"\b{LTV}\sshare|\bshare\sof\s(?:total\s)?{LTV}").search(lead):
        yield ("ltv_share",), False, 0, 0
    if beside and not other and rule(STOP).match(after):
        opens = not lead[: len(lead) - len(before) + beside.start("name")].strip()
        yield ("share",), bool(opens or rule(_DIVIDED).search(lead)), 0, 0
