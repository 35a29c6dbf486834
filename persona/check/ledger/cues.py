"""What a sentence does with its figures: advise, predict, compare, quote, define."""

# ruff: noqa: RUF001 - people write figures with dashes, crosses and curly quotes, and so do these patterns

import re

from persona.check.ledger.figures import Figure
from persona.check.ledger.grammar import NAME

_CLAUSE = r"(?:^|[.:;,(—–]\s?|\b(?:and|then|to|or|please|also)\s)"
# Verbs that open a piece of advice.
_ADVICE = re.compile(
    _CLAUSE
    + r"""\s*["“]?(?:add|aim|allocate|alert|ask|book|budget|build|bring|cap|check|choose|consider|convert|
    create|cut|dedicate|deliver|design|develop|double|embed|encourage|ensure|feature|flag|focus|follow|gate|get|
    give|grow|highlight|hold\sout|increase|incentivi[sz]e|include|introduce|invest|invite|keep|launch|lead|lift|limit|link|
    make|measure|monitor|move|nudge|offer|pair|personali[sz]e|pick|plan|prioriti[sz]e|promote|provide|push|put|
    raise|re-?engage|reduce|remind|replace|reserve|retarget|retain|run|schedule|segment|select|send|set|shift|show|
    shorten|spend|split|start|suggest|target|test|track|trigger|trim|try|use|wait|win|write|a/b\stest)\s
    |\b(?:aim(?:ing)?\s(?:for|at)|targets?|goals?|objective|benchmark\syourself|recommend\w*|kpis?|
    budgets?|threshold|limit(?:ed)?\sto|cap(?:ped)?\sat|no\smore\sthan\sone|if\s(?:they|a|the|no|web|mobile|email)|
    should|must|needs?\sto|ought\sto|let's|worth\stesting|after\s(?:the\s)?(?:first|\d|two|three))\b""",
    re.IGNORECASE | re.VERBOSE,
)
_PREDICTED = re.compile(
    r"""\b(?:could|would|might|may\s(?!\d)|will|expect(?:ed|s)?\s(?:a|an|to|lift|around|about|at)|likely\sto|predict\w*|
    forecast\w*|project(?:ed|ion|ions)|potential(?:ly)?|estimate[ds]?|opportunity|assum\w+|hypothe\w+|
    lift\w*|boost\w*|increas\w+|grow(?:s|th|n|ing)?|grew|rose|rises?|fell|falls?\s(?:by|to|from)|declin\w+|
    drop(?:s|ped|ping)?|reduc\w+|decreas\w+|improv\w+|gain(?:s|ed)?|churn\w*|chance|probability|risk\sof|
    by\sas\smuch\sas)\b""",
    re.IGNORECASE | re.VERBOSE,
)
# Figures about other people, a part of the group, or another time.
_ELSEWHERE = re.compile(
    r"""\b(?:industry|benchmarks?|competitors?|market|sector|stud(?:y|ies)|survey(?:s|ed)?|research|reports?|
    according\sto|gartner|statista|forrester|mckinsey|nationwide|worldwide|global(?:ly)?|saas|retailers?|
    top\s(?:\d|decile|quartile|¬)|decile|quartile|median|percentile|peak|maximum|minimum|heaviest|most\sactive|
    least\sactive|best\s(?:customers|users)|of\swhom|those\s(?:who|with)|subset|sub-?group|for\sexample|for\sinstance|
    imagine|e\.g\.|such\sas|one\s(?:user|customer|person|member)\s|previously|formerly|used\sto|
    last\s(?:month|year|quarter|week)|a\s(?:month|year|quarter)\sago|year\sover\syear|since|cost|costs|spend\son|
    respectively|gap|difference|differs?|minus|spread|between|extra|additional|for\severy|every\sother|together|
    combined|jointly|among\sthem)\b|¬\sof\s(?:the|these|them|those)\b""",
    re.IGNORECASE | re.VERBOSE,
)
# Two patterns told of at once: the figure may be their sum.
_TOGETHER = re.compile(rf"{NAME}\s?(?:,|&|\+|,?\s?\b(?:and|or|plus)\b)\s?(?:the\s)?{NAME}", re.IGNORECASE)
# A figure that says how much more or less, not how much.
_COMPARED = re.compile(
    r"^\s?(?:percentage\s)?(?:points?\s)?(?:more|less|fewer|higher|lower|greater|better|worse|above|below|longer|faster|"
    r"increase|decrease|lift|uplift|growth|drop|decline|reduction|improvement|points?|pp|bps|times)\b",
    re.IGNORECASE,
)
# A count of nothing that a reader would take for data.
_COUNTED = re.compile(
    r"^\s(?:[\w-]+\s){0,2}?(?:people|users|customers|profiles|members|subscribers|shoppers|buyers|sessions?|visits?|opens?|"
    r"clicks?|views?|purchases|orders|logins|devices|identifiers?|ids|identities|connections|minutes|hours|times)\b",
    re.IGNORECASE,
)
# The "2" of "only 2 identifiers" defines the share that stands before it.
_DEFINING = re.compile(
    r"(?:%|percent|cent|half|third|quarter|fewer|few|share|in\s\w+)[^,;.]{0,60}\b(?:only|just|most|to|than)\s$",
    re.IGNORECASE,
)
_OR_FEWER = re.compile(r"^\s(?:or\s(?:fewer|less)\s|(?:[\w-]+\s){1,3}or\s(?:fewer|less)\b)", re.IGNORECASE)
_IDENTITY = re.compile(r"\s(?:or\s\w+\s)?(?:[\w-]+\s){0,2}(?:identifiers?|ids|identities)\b", re.IGNORECASE)
# From here on, a bare count is more than a step or a tip.
_DATA_LIKE = 20


def defines(text: str, figure: Figure) -> bool:
    """Whether the figure is the "2" in "30 % have only 2 identifiers"."""
    if figure.kind != "count" or not _IDENTITY.match(text, figure.end):
        return bool(figure.kind == "count" and _OR_FEWER.match(text[figure.end : figure.end + 60]))
    before = text[max(0, figure.start - 80) : figure.start]
    return bool(_DEFINING.search(before) or _OR_FEWER.match(text[figure.end : figure.end + 60]))


def unsure(text: str, figure: Figure) -> bool:
    """Whether the figure may be advised, predicted or about others, and so cannot be wrong about the data."""
    before, after = text[: figure.start], _rest_of_clause(text, figure)
    return any(
        cue.search(before) or cue.search(after) for cue in (_ADVICE, _PREDICTED, _ELSEWHERE, _TOGETHER)
    )


def is_advice(text: str, figure: Figure) -> bool:
    """Whether the figure is a tip's own; what "could lift LTV and reduce churn by 10 %" is a forecast."""
    advised = _ADVICE.search(text, 0, figure.start)
    return bool(advised and not _PREDICTED.search(text, 0, advised.start()))


def _rest_of_clause(text: str, figure: Figure) -> str:
    return re.split(r"[,;:(—–|]", text[figure.end :], maxsplit=1)[0]


def data_like(text: str, figure: Figure) -> bool:
    """Whether a reader could take the figure for data: a tip's "3 formats" is none."""
    if figure.kind != "count":
        return True
    counted = _COUNTED.match(text[figure.end : figure.end + 80])
    return bool(counted) or figure.value >= _DATA_LIKE or figure.value != int(figure.value)


def compared(text: str, figure: Figure) -> bool:
    """Whether the figure says how much more or less there is, and not how much."""
    return bool(_COMPARED.match(text[figure.end : figure.end + 60]))
