"""The nouns: immutable records that pass from step to step.

Field order and names of `Framework` and everything below it are the public `persona-framework/1`; they
change only with a new schema name. Shares lie between 0 and 1. Averages are per person of the group.
"""

import re
import unicodedata
from typing import Literal

from msgspec import UNSET, Struct, UnsetType

SCHEMA = "persona-framework/1"
OMNICHANNEL = "omnichannel"

# The six points that Mave is asked for about every pattern, in the order of the question.
SECTIONS = ("description", "why_dominant", "reach_on_weak", "journey", "formats", "risk")
# The three points that it is asked for about the whole space.
STRATEGY_SECTIONS = ("consistency", "identity_resolution", "switch_moments")

# How far the threshold is moved to see who would change pattern.
BOUNDARY = 0.05

Verdict = Literal["supported", "contradicted", "unverified"]


def dominant(channel: str) -> str:
    """The key of the pattern in which one channel dominates: `web` gives `web_dominant`."""
    return f"{channel}_dominant"


# Letters that are spelled out one by one: sms, mms, rcs, tv.
_ABBREVIATION = re.compile(r"[b-df-hj-np-tv-xz]{2,4}")


def plain(key: str) -> str:
    """A key as running text: `in_app` gives `in app`, `sms` gives `SMS`."""
    return " ".join(word.upper() if _ABBREVIATION.fullmatch(word) else word for word in key.split("_"))


def label(key: str) -> str:
    """A key as a title: `web_dominant` gives `Web Dominant`, `sms_dominant` gives `SMS Dominant`."""
    return " ".join(word if word.isupper() else word.title() for word in plain(key).split(" "))


# Unicode's control, format (zero-width, right-to-left), surrogate, private-use and unassigned characters,
# and its line and paragraph separators: nothing a reader would see, and much that could fool one.
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_AT = re.compile("%40|&#0*64;|&#x0*40;|&commat;", re.IGNORECASE)  # as URLs and HTML write it
_EMAIL = re.compile(r"[^\s@]*\w[^\s@]* ?@ ?[^\s@]*\w[^\s@]*")
# Seven digits or more, written together or apart as telephone numbers are.
_NUMBER = re.compile(r"\+?\d(?:[\s().\-\u2010-\u2015/]*\d){6,}")
# Of a longer text the rest is not looked at: nobody's plan has such a name.
_LOOKED_AT_CHARACTERS = 10_000


def printable(text: str, most: int = 60) -> str:
    """Other people's text (a plan, an id's type) on one line, without what could mislead or identify.

    Characters that nobody sees are gone, email addresses and long numbers replaced by `[email]` and
    `[number]`, and what is longer than `most` characters ends in `…`. Doing it twice changes nothing.
    """
    plain = unicodedata.normalize("NFKC", text[:_LOOKED_AT_CHARACTERS])
    seen = "".join(
        " " if character.isspace() else character
        for character in plain
        if character.isspace() or unicodedata.category(character) not in _UNPRINTABLE
    )
    anonymous = _EMAIL.sub("[email]", " ".join(_AT.sub("@", seen).split())).replace("@", "")
    words = " ".join(_NUMBER.sub("[number]", anonymous).split())
    return words if len(words) <= most else words[: most - 1].rstrip() + "…"


class Origin(Struct, frozen=True, kw_only=True):
    """Where the profiles came from and how they were chosen."""

    kind: str  # sample, segment, profile-api, export, bigquery
    space_id: str | None = None
    sample: bool = False  # true for the built-in, invented space
    sampling: str = ""  # one honest sentence


class Population(Struct, frozen=True, kw_only=True):
    """How many profiles were read and what became of them: read = classified + dormant + all rejected."""

    read: int = 0
    classified: int = 0
    dormant: int = 0
    rejected: dict[str, int] = {}  # reason -> profiles
    truncated: bool = False  # the limit kept some of the space out
    trait_coverage: dict[str, float] = {}  # trait -> share of readable profiles that carry it


class Rule(Struct, frozen=True, kw_only=True):
    """How people were told apart."""

    channels: dict[str, str]  # channel -> computed trait
    dominance: float
    ltv_trait: str = "ltv"
    plan_trait: str = "plan"
    min_group: int = 5  # people; smaller groups are not shown
    boundary_share: float = 0.0  # of the classified: another pattern if `dominance` moved by 0.05 either way
    window_days: int | None = 30  # that activity counts; None: the traits do not say
    activity: str = "computed traits"  # or "raw events", with how sessions were derived

    @property
    def traits(self) -> tuple[str, ...]:
        """The traits that are needed: each channel's, the LTV's and the plan's."""
        return (*self.channels.values(), self.ltv_trait, self.plan_trait)


class Plan(Struct, frozen=True, kw_only=True):
    plan: str
    n: int
    share: float


class Group(Struct, frozen=True, kw_only=True):
    """The figures of a group of people; averages count a missing value as 0."""

    n: int
    avg_ltv: float | None  # None: the data holds no LTV
    avg_ltv_ci95: tuple[float, float] | None = None
    avg_activity: dict[str, float]  # channel -> activity a person
    avg_identities: float | None  # external ids a person; None: the data holds none
    few_identities_share: float | None  # people with two external ids or fewer
    identity_coverage: (
        dict[str, float] | None
    )  # external-id type -> share of people; None: see Summary.withheld


class Pattern(Group, frozen=True, kw_only=True):
    """One pattern of the space."""

    key: str
    label: str
    share: float  # of the classified
    share_ci95: tuple[float, float]  # Wilson's interval
    ltv_share: float | None  # of all LTV of the classified; None where that is not above zero
    plans: list[Plan] | None  # the three most common; None: see Summary.withheld


class Summary(Struct, frozen=True, kw_only=True):
    """Everything about the space that may leave the function: aggregates of groups that are large enough."""

    source: Origin
    population: Population
    rule: Rule
    totals: Group  # all classified people together
    patterns: list[Pattern]  # in the channels' order, omnichannel last; empty and suppressed ones left out
    suppressed: list[str] = []  # keys of the patterns that are too small to show
    withheld: dict[str, str] = {}  # "plans" or "identity_coverage" -> why it is None everywhere
    warnings: list[str] = []  # what the reader should know about the data, in sentences


class Persona(Struct, frozen=True, kw_only=True):
    """What the author says about one pattern; a section it left out is None, never filled in."""

    pattern: str
    name: str | None = None
    description: str | None = None
    why_dominant: str | None = None
    reach_on_weak: str | None = None
    journey: str | None = None
    formats: str | None = None
    risk: str | None = None


class Strategy(Struct, frozen=True, kw_only=True):
    """What the author says about the whole space."""

    consistency: str | None = None
    identity_resolution: str | None = None
    switch_moments: str | None = None


class Passage(Struct, frozen=True, kw_only=True):
    """A stretch of the narrative with the place it belongs to; all passages together are the narrative."""

    text: str
    pattern: str | None = None  # None: about the whole space
    section: str | None = None  # of SECTIONS, STRATEGY_SECTIONS, "name"; None: outside every section


class Reading(Struct, frozen=True, kw_only=True):
    """An answer, read: what was found, and where."""

    personas: list[Persona]
    strategy: Strategy
    passages: list[Passage]
    missing_sections: list[str]  # "email_dominant/journey", "strategy/consistency"


class Claim(Struct, frozen=True, kw_only=True):
    """One figure of the narrative, held against the summary."""

    text: str  # as written, with the words that make it a figure: "LTV: $890"
    value: float  # as written: 80 for "80 %", 1450 for "1,450"
    unit: str  # "%", the currency, "x", or "" for a plain count
    pattern: str | None
    section: str | None
    sentence: str
    verdict: Verdict
    fact: str | None = None  # "avg_ltv", "avg_activity.web", "plans.pro.share"; None where unverified
    fact_value: float | None = None


class ClaimCounts(Struct, frozen=True, kw_only=True):
    supported: int = 0
    contradicted: int = 0
    unverified: int = 0


class Checks(Struct, frozen=True, kw_only=True):
    missing_sections: list[str] = []
    claims: list[Claim] = []

    def counts(self) -> ClaimCounts:
        verdicts = [claim.verdict for claim in self.claims]
        return ClaimCounts(
            supported=verdicts.count("supported"),
            contradicted=verdicts.count("contradicted"),
            unverified=verdicts.count("unverified"),
        )


class Change(Struct, frozen=True, kw_only=True):
    """One figure then and now."""

    fact: str  # "avg_ltv", "avg_activity.web", "identity_coverage.email"
    before: float
    after: float


class PatternDrift(Struct, frozen=True, kw_only=True):
    """One pattern then and now; a side is None where the pattern was absent (or too small to show)."""

    pattern: str
    share_before: float | None
    share_after: float | None
    share_change: float  # after - before, an absent side counting as 0
    p_value: float | None  # two-proportion z test; None where one side is absent
    significant: bool  # at 95 % over all patterns together (Holm)
    changes: list[Change] = []


class Drift(Struct, frozen=True, kw_only=True):
    """This summary against the one of an earlier framework."""

    since_run_id: str
    since: str  # created_at of the earlier framework
    comparable: bool  # same channels, rule and source
    reason: str | None = None  # why not comparable, in a sentence
    patterns: list[PatternDrift] = []
    new: list[str] = []  # patterns that the earlier framework did not have
    vanished: list[str] = []
    max_share_change: float = 0.0
    significant: bool = False  # more than sampling noise, or a pattern is new or gone


class WebSource(Struct, frozen=True, kw_only=True):
    """A page that Mave names as its source."""

    title: str
    url: str
    domain: str


class NamedPersona(Struct, frozen=True, kw_only=True):
    """A persona of Mave's own that took part in an answer."""

    id: str | None = None
    name: str | None = None


class Usage(Struct, frozen=True, kw_only=True):
    credits_used: float = 0


class Answer(Struct, frozen=True, kw_only=True):
    """A reply of Mave, as its chat sends it or as its thread keeps it."""

    content: str  # Markdown
    id: str | None = None
    thread_id: str | None = None
    sources: list[WebSource] = []
    personas_used: list[NamedPersona] = []
    usage: Usage = Usage()
    validation: dict[str, object] | None = None  # promised by the quickstart, absent from the schema
    recovered: bool = False  # read from the thread, whose credits are those of all its answers


class MaveTrace(Struct, frozen=True, kw_only=True):
    """What it took to get the answer."""

    thread_id: str | None
    message_ids: list[str]
    credits_used: float
    sources: list[WebSource] = []
    personas_used: list[NamedPersona] = []
    validation: dict[str, object] | None = None


class Framework(Struct, frozen=True, kw_only=True):
    """The published document."""

    schema: str = SCHEMA
    run_id: str
    created_at: str  # RFC 3339, UTC
    author: Literal["mave", "facts"]
    source: Origin
    population: Population
    rule: Rule
    totals: Group
    patterns: list[Pattern]
    suppressed: list[str]
    withheld: dict[str, str]
    warnings: list[str]
    personas: list[Persona]
    strategy: Strategy
    narrative: str
    checks: Checks
    drift: Drift | None
    mave: MaveTrace | None
    currency: str = "$"


class Ask(Struct, frozen=True, kw_only=True):
    """What to say to Mave next; `{reference}` stands where the call's own reference goes."""

    message: str
    thread_id: str | None = None
    essential: bool = True  # without its answer there is no framework at all


class Baseline(Struct, frozen=True, kw_only=True):
    """What the run knows of the framework before it; frozen before anything is paid or written."""

    drift: Drift | None = None
    names: dict[str, str] = {}  # pattern -> its persona's name so far
    stands: bool = False  # it was worded by Mave, of the same groups: no need to ask if little has drifted
    objects: dict[str, str] | None = None  # of the earlier framework


class ReportedPattern(Struct, frozen=True, kw_only=True):
    key: str
    label: str
    n: int
    share: float


class ReportedProfiles(Struct, frozen=True, kw_only=True):
    read: int
    classified: int
    dormant: int
    rejected: int
    truncated: bool


class ReportedMave(Struct, frozen=True, kw_only=True):
    thread_id: str | None
    message_id: str | None
    calls: int
    credits_used: float


class ReportedChecks(Struct, frozen=True, kw_only=True):
    missing_sections: int = 0
    claims: ClaimCounts = ClaimCounts()


class Seconds(Struct, frozen=True, kw_only=True):
    fetch: float = 0.0
    mave: float = 0.0
    total: float = 0.0


class Report(Struct, frozen=True, kw_only=True):
    """What a run answers; the last four fields only in a dry run."""

    run_id: str
    status: Literal["published", "replayed", "unchanged", "dry_run"]
    source: str
    author: Literal["mave", "facts"]
    profiles: ReportedProfiles
    patterns: list[ReportedPattern]
    objects: dict[str, str] | UnsetType = UNSET
    mave: ReportedMave | None = None
    checks: ReportedChecks = ReportedChecks()
    seconds: Seconds = Seconds()
    warnings: list[str] = []
    suppressed: list[str] = []  # keys of the patterns that are too small to show
    summary: Summary | UnsetType = UNSET
    message: str | UnsetType = UNSET
    credits: dict[str, float | str | None] | UnsetType = UNSET
    estimate: dict[str, float] | UnsetType = UNSET
