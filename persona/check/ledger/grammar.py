"""The small grammar that `ledger` reads with: fragments of patterns, and the rules made of them."""

# ruff: noqa: RUF001 - people write figures with dashes, crosses and curly quotes, and so do these patterns

import re
from functools import lru_cache

# What stands for an expression that looks like a figure and is none: no word, no digit, in nobody's text.
HIDDEN = "¬"
# What stands for a pattern's name, letter by letter: "Web Dominant" names no channel.
NAME = "§"

# Letters that `re.IGNORECASE` takes for i, s and k, and `str.lower` does not.
LOOKALIKES = str.maketrans("İıſ\u212a", "Iisk")

# The facts that a figure may be, best first; whether it can be nothing else; how many characters before and
# after the figure say so.
Reading = tuple[tuple[str, ...], bool, int, int]

ACTIVITY = r"(?:sessions?|visits?|opens?|opened|clicks?|clicked|views?|viewed|calls?)"

PEOPLE = (
    r"(?:people|persons?|users|customers|profiles|members|subscribers|contacts|shoppers|buyers|individuals)"
)
WHO = rf"(?:{PEOPLE}|base|audience|population|space|everyone)"
WHOSE = r"(?:their|a\sperson's|all|its|someone's|the)\s"
LTV = r"(?:(?:customer\s)?(?:lifetime|life-time)\svalues?|C?LTVs?|CLTV|avg_ltv)"
IDENTIFIER = (
    r"(?:(?:linked|known|external|merged|distinct|connected|different|matched|unique|stitched)\s){0,2}"
    r"(?:identifiers?|external\sids?|ids|identities|id\stypes|"
    r"identity(?:[\s-]graph)?\s(?:connections|links|nodes|ids|count))"
)
NOUN = rf"(?:average|avg\.?|mean|monthly|typical|total|30-day|{HIDDEN}+|active|recent)"
# Words that may stand between a name and its figure without naming anything else.
_LINKING = r"""is|are|was|of|at|averag(?:e|es|ed|ing)|avg\.?|mean|sits?|sitting|stands?|standing|runs?|comes?|
    hits?|reach(?:es)?|equals?|totals?|only|just|a|an|the|to|in|around|about|roughly|nearly|almost|
    approximately|approx\.?|circa|over|under|above|below|more|less|fewer|than|at\ least|at\ most|some|up|
    close|slightly|well|value|score|count|monthly|here|lands?|clocks?|high|low|modest|solid|strong|healthy|
    each|
    on\ average|per\ person"""
_PER_HEAD = r"(?:per|a|each|every|/)\s?(?:customer|user|person|head|member|profile|month|mo)"
_OF_THIS_GROUP = (
    rf"(?:for|in|of|across|among|within)\s(?:this|the|these|our|all)\s"
    rf"(?:group|pattern|segment|space|cohort|{PEOPLE})|(?:for|of|among|in)\s(?:the\s)?{NAME}+(?:\s{PEOPLE})?"
)
LINK = rf"""(?:\s*(?:[:=(|~≈—–-]+|\b(?:{_LINKING}|{_PER_HEAD}|{_OF_THIS_GROUP})(?!\w)|\(?{HIDDEN}+\)?|
    {NAME}+(?:'s|’s)?)){{0,9}}\s*$"""
# What ends the words that belong to a figure.
STOP = (
    r"(?:\s*(?:$|[,.;:!?)\]|+/&—–=·•]|-\s)|"
    r"\s(?:and|or|but|vs\.?|versus|while|whereas|yet|against|compared|plus|than)\b)"
)
MONTHLY = (
    r"(?:\s?(?:per|a|each|every|/|in\sa|over\sthe|in\sthe|over)\s?"
    rf"(?:(?:month|mo|person|user|customer|head|member|profile)\b|{HIDDEN}+)|\smonthly|\s?\(?{HIDDEN}+\)?)"
)
CLOSE = rf"(?:{MONTHLY}|{STOP}|\s(?:on|for|in|among|with|from|across|each|on\saverage)\b)"
HEDGES = (
    r"(?:(?:^|\s)(?:a|about|around|roughly|nearly|almost|approximately|only|just|over|some|more\sthan|less\sthan|"
    r"under|close\sto|the))*"
)


@lru_cache(maxsize=256)
def rule(pattern: str) -> re.Pattern[str]:
    """A rule of the grammar, compiled once; a plain blank in it is layout."""
    return re.compile(pattern, re.VERBOSE | re.IGNORECASE)
