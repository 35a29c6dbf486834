"""The nouns: immutable records that pass from step to step.

Field order and names of `Framework` and everything below it are the public `persona-framework/2`; they
change only with a new schema name. Shares lie between 0 and 1. Averages are per person of the group.
"""

from collections import Counter
from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

SCHEMA = "persona-framework/2"
OMNICHANNEL = "omnichannel"

# The points that Mave is asked for about every pattern, in the order of the message.
SECTIONS = ("description", "why_dominant", "reach_on_weak", "journey", "formats", "risk", "next_step")
# The three points that it is asked for about the whole space.
STRATEGY_SECTIONS = ("consistency", "identity_resolution", "switch_moments")

# How far the threshold is moved to see who would change pattern.
BOUNDARY = 0.05

Unit = Literal["people", "share", "points", "money", "average", "ratio"]
# Filled in by the program; typed by the author and equal to a fact; typed, and no such figure.
Verdict = Literal["from_data", "equal", "not_in_data"]


def dominant(channel: str) -> str:
    """The key of the pattern in which one channel dominates: `web` gives `web_dominant`."""
    return f"{channel}_dominant"


class Origin(Struct, frozen=True, kw_only=True):
    """Where the profiles came from and how they were chosen."""

    kind: str  # sample, segment, profile-api, export, bigquery
    space_id: str | None = None
    sample: bool = False  # true for the built-in, invented space
    sampling: str = ""  # one honest sentence
    # Of the file's path or the dataset: tells whether two frameworks are of one, without repeating it.
    address_hash: str | None = None


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
    identity_coverage: dict[str, float] | None  # external-id type -> share of people; None: withheld


class Pattern(Group, frozen=True, kw_only=True):
    """One pattern of the space."""

    key: str
    label: str
    share: float  # of the classified
    share_ci95: tuple[float, float]  # Wilson's interval
    ltv_share: float | None  # of all LTV of the classified; None where that is not above zero
    plans: list[Plan] | None  # the three most common; None: see Summary.withheld


class Members(Struct, frozen=True, kw_only=True):
    """The query that tells who belongs to which pattern, for `members.sql`; it holds nobody."""

    dialect: str  # duckdb or bigquery
    view: str  # the name of the view, quoted
    query: str  # what goes on after `WITH personas AS (…),`


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
    members: Members | UnsetType = UNSET  # kept beside the figures, and in no framework


class Fact(Struct, frozen=True, kw_only=True):
    """One figure that may be shown, under its name (`email_dominant.avg_ltv`)."""

    value: float  # in its unit: 0.8 for 80 %, 4.2 for 4.2 points
    unit: Unit
    text: str  # as people write it: "$340"
    label: str  # in words: "Average LTV of Email Dominant"


class NextStep(Struct, frozen=True, kw_only=True):
    """What to do this week; a part that the author left out is None."""

    action: str
    channel: str | None = None  # a channel's key where it names one
    measure: str | None = None


class Persona(Struct, frozen=True, kw_only=True):
    """What the author says about one pattern; a section it left out is None, never invented."""

    pattern: str
    name: str | None = None
    description: str | None = None
    why_dominant: str | None = None
    reach_on_weak: str | None = None
    journey: str | None = None
    formats: str | None = None
    risk: str | None = None
    next_step: NextStep | None = None


class Strategy(Struct, frozen=True, kw_only=True):
    """What the author says about the whole space."""

    consistency: str | None = None
    identity_resolution: str | None = None
    switch_moments: str | None = None


class Figure(Struct, frozen=True, kw_only=True):
    """One figure of the text, and where it stands."""

    text: str  # as it stands in the text: "$340"
    value: float  # in its unit; the lower end of a range
    unit: Unit
    verdict: Verdict
    fact: str | None = None  # the name or the arithmetic; None where it is not in the data
    pattern: str | None = None  # None: about the whole space
    section: str | None = None  # as in `Persona`, `Strategy`; "next_step.action"; None: outside every section
    sentence: str = ""
    start: int | None = None  # of its characters in the section's text; None outside of every section
    end: int | None = None


class Span(Struct, frozen=True, kw_only=True):
    """A stretch of a section's text, in characters."""

    pattern: str | None
    section: str
    start: int
    end: int


class FigureCounts(Struct, frozen=True, kw_only=True):
    from_data: int = 0
    equal: int = 0
    not_in_data: int = 0


class Checks(Struct, frozen=True, kw_only=True):
    """What the answer lacks, and every figure of it."""

    missing_sections: list[str] = []  # "email_dominant/journey", "strategy/consistency"
    unresolved: list[str] = []  # what stood in braces and is no figure
    unlike: list[str] = []  # arithmetic over facts that are not alike
    assumptions: int = 0
    assumed: list[Span] = []  # those of the sections
    figures: list[Figure] = []

    def counts(self) -> FigureCounts:
        return FigureCounts(**Counter[str](figure.verdict for figure in self.figures))


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


class Answer(Struct, frozen=True, kw_only=True):
    """A reply of Mave, as its chat sends it or as its thread keeps it."""

    content: str  # Markdown
    id: str | None = None
    thread_id: str | None = None
    sources: list[WebSource] = []
    personas_used: list[NamedPersona] = []
    credits_used: float = 0
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
    facts: dict[str, Fact] = {}
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


class Message(Struct, frozen=True, kw_only=True):
    """What to say to Mave next; `{reference}` stands where the call's own reference goes."""

    text: str
    thread_id: str | None = None
    essential: bool = True  # without its answer there is no framework at all


class Baseline(Struct, frozen=True, kw_only=True):
    """What the run knows of the framework before it; frozen before anything is paid or written."""

    drift: Drift | None = None
    names: dict[str, str] = {}  # pattern -> its persona's name so far
    stands: bool = False  # it was worded by Mave, of the same groups: no need to ask if little has drifted
    objects: dict[str, str | None] | None = None  # of the earlier framework


class ReportedProfiles(Struct, frozen=True, kw_only=True):
    read: int
    classified: int
    dormant: int
    rejected: int
    truncated: bool


class ReportedChecks(Struct, frozen=True, kw_only=True):
    missing_sections: int = 0
    figures: FigureCounts = FigureCounts()  # a run of before the verdicts has none
    unresolved: int = 0
    assumptions: int = 0


class Report(Struct, frozen=True, kw_only=True):
    """What a run answers; the last four fields only in a dry run."""

    run_id: str
    created_at: str | UnsetType = UNSET  # of the run's first delivery; RFC 3339, UTC
    trial: bool | UnsetType = UNSET
    status: Literal["published", "replayed", "unchanged", "dry_run"]
    source: str
    author: Literal["mave", "facts"]
    profiles: ReportedProfiles
    patterns: list[dict[str, Any]]  # key, label, n, share
    objects: dict[str, str | None] | UnsetType = UNSET
    mave: dict[str, object] | None = None  # thread_id, message_id, calls, credits_used
    checks: ReportedChecks = ReportedChecks()
    seconds: dict[str, float] = {}  # fetch, mave, total
    warnings: list[str] = []
    suppressed: list[str] = []  # keys of the patterns that are too small to show
    rejected: dict[str, int] = {}  # reason -> profiles
    changes: list[str] = []  # since the framework before, in sentences
    summary: Summary | UnsetType = UNSET
    message: str | UnsetType = UNSET
    credits: dict[str, object] | UnsetType = UNSET
    estimate: dict[str, float] | UnsetType = UNSET
