"""Whole frameworks to render: as Mave would word one, as rules word one, and as large and hostile as they come.

All of it is written for the tests; the wording of the Mave-style answer follows the example in Mavera's
cookbook ("Cross-Source Identity → Unified Persona").
"""

from msgspec.structs import replace

from persona.model import (
    SECTIONS,
    STRATEGY_SECTIONS,
    Change,
    Checks,
    Claim,
    Drift,
    Framework,
    Group,
    MaveTrace,
    Origin,
    Pattern,
    PatternDrift,
    Persona,
    Plan,
    Population,
    Rule,
    Strategy,
    Summary,
    WebSource,
    dominant,
    label,
)

PERSONAS = [
    Persona(
        pattern="web_dominant",
        name="The Desk Researcher",
        description="Plans at a desk and decides with many tabs open. **18 web sessions** a month against 3 on "
        "mobile, and little patience for email. LTV: $412. They compare before they commit.",
        why_dominant="The web gives them *room*: side-by-side comparison, long pages, exports. What they need is "
        "an overview, and a small screen cannot give it.",
        reach_on_weak="- **Mobile:** one deep link a week, straight to the report they left open\n"
        "- **Email:** a Monday digest with three figures and no more, because they open only 2 a month",
        journey="1. Searches and lands on a comparison page\n2. Signs up on the web, usually on a weekday\n"
        "3. Gets the app for a login code, and forgets it\n4. Comes back to the web for every real task",
        formats="| Channel | Format | How often |\n| --- | --- | --- |\n| web | comparison pages, exports | always on |\n"
        "| mobile | deep links | weekly |\n| email | digest of three figures | weekly |",
        risk="**Medium.** Losing the web would lose them at once: 4 in 5 have no habit on another channel.",
    ),
    Persona(
        pattern="mobile_dominant",
        name="The On-The-Go Operator",
        description="Runs the business from a phone, between meetings and on the train. 22 mobile sessions "
        "vs. 6 web sessions per month. LTV: $1,450. Almost all are on the Pro plan.",
        why_dominant="They manage in motion. Mobile lets them check quickly, without switching away from the work "
        "in front of them.",
        reach_on_weak="“Continue on desktop” for tasks that need room (reports, settings). They use the web for "
        "setup and mobile for monitoring, so say on mobile what waits on the web.",
        journey="Discovers on web → installs the app → checks daily on mobile → a monthly deep dive on the web → "
        "decides on an upgrade at a desk.",
        formats="**Mobile:** push with one figure and one action.\n\n**Web:** saved views.\n\n**Email:** receipts and "
        "a monthly summary, nothing else.",
        risk="**High if the app slows down.** A third of them would have to learn the product again on the web.",
    ),
    Persona(
        pattern="email_dominant",
        name="The Inbox Dweller",
        description="Follows along from the inbox: 12 opens vs. 2 web sessions and 1 mobile session. LTV: $339. "
        "Most are on the Starter plan.",
        why_dominant="They take in insights passively. Email brings value without a login.",
        reach_on_weak="Put one interactive element in every mail that opens on the web, already signed in.",
        journey=None,
        formats="Short mails with one chart. No attachments.",
        risk="**High if the mails get worse.** Email *is* their product: 80% have only two identifiers, so once they "
        "unsubscribe nobody can reach them.",
    ),
    Persona(
        pattern="omnichannel",
        name="The Power Orchestrator",
        description="Uses every channel, and notices when they disagree. 14 web, 15 mobile and 12 email "
        "a month; LTV: $1,450.",
        why_dominant="No channel leads, because each does a different job in their day.",
        reach_on_weak="There is no weak channel. Keep state in step, so that what was read in one is read in all.",
        journey="Morning digest → a check on the way to work → a long session at a desk → monitoring on mobile → "
        "evening summary.",
        formats="The same figures everywhere; depth on the web, speed on mobile, order in email.",
        risk="**Low by channel, high by inconsistency.** 25% of all lifetime value is theirs.",
    ),
]

STRATEGY = Strategy(
    consistency="**Be the same** in the value proposition, core metrics and notification content.\n\n**Adapt** layout "
    "(cards on mobile, tables on the web) and depth (summaries in email, details on the web).",
    identity_resolution="30% of profiles have only two identifiers. Ask for the app install in email, and for "
    "email verification in the app.",
    switch_moments="- From email to web: a figure that looks wrong\n- From mobile to web: a task with more than "
    "three fields\n- From web to mobile: leaving the desk",
)

CLAIMS = [
    ("web_dominant", "description", "18 web sessions", 18, "", "**18 web sessions** a month against 3 on mobile, "
     "and little patience for email.", "supported", "avg_activity.web", 18.2),
    ("web_dominant", "description", "LTV: $412", 412, "$", "LTV: $412.", "supported", "avg_ltv", 412.5),
    ("web_dominant", "reach_on_weak", "2 a month", 2, "", "**Email:** a Monday digest with three figures and no "
     "more, because they open only 2 a month", "supported", "avg_activity.email", 2.4),
    ("web_dominant", "risk", "4 in 5", 80, "%", "4 in 5 have no habit on another channel.", "unverified", None, None),
    ("mobile_dominant", "description", "22 mobile sessions", 22, "", "22 mobile sessions vs. 6 web sessions per "
     "month.", "supported", "avg_activity.mobile", 22.3),
    ("mobile_dominant", "description", "LTV: $1,450", 1450, "$", "LTV: $1,450.", "contradicted", "avg_ltv", 890.4),
    ("mobile_dominant", "risk", "A third", 33.3, "%", "A third of them would have to learn the product again on "
     "the web.", "unverified", None, None),
    ("email_dominant", "description", "LTV: $339", 339, "$", "LTV: $339.", "supported", "avg_ltv", 338.7),
    ("email_dominant", "risk", "80%", 80, "%", "Email *is* their product: 80% have only two identifiers, so once "
     "they unsubscribe nobody can reach them.", "contradicted", "few_identities_share", 0.62),
    ("omnichannel", "description", "LTV: $1,450", 1450, "$", "14 web, 15 mobile and 12 email a month; LTV: $1,450.",
     "supported", "avg_ltv", 1450.0),
    ("omnichannel", "risk", "25% of all lifetime value", 25, "%", "25% of all lifetime value is theirs.", "supported",
     "ltv_share", 0.25),
    (None, "identity_resolution", "30% of profiles", 30, "%", "30% of profiles have only two identifiers.",
     "contradicted", "totals.few_identities_share", 0.124),
]  # fmt: skip

SOURCES = [
    WebSource(
        title="How people switch between devices during a purchase",
        url="https://research.example.org/switching?year=2026&lang=en",
        domain="research.example.org",
    ),
    WebSource(title="Email habits, a yearly survey", url="https://example.com/survey", domain="example.com"),
    WebSource(title="A source that is no web page", url="javascript:alert(1)", domain="example.net"),
]

DRIFT = Drift(
    since_run_id="2026-W44",
    since="2026-10-26T06:00:00Z",
    comparable=True,
    patterns=[
        PatternDrift(
            pattern="web_dominant",
            share_before=0.345,
            share_after=0.3,
            share_change=-0.045,
            p_value=0.13,
            significant=False,
            changes=[Change(fact="avg_ltv", before=401.2, after=412.5)],
        ),
        PatternDrift(
            pattern="mobile_dominant",
            share_before=0.262,
            share_after=0.35,
            share_change=0.088,
            p_value=0.002,
            significant=True,
            changes=[
                Change(fact="avg_ltv", before=905.0, after=890.4),
                Change(fact="avg_activity.mobile", before=19.8, after=22.3),
            ],
        ),
        PatternDrift(
            pattern="email_dominant",
            share_before=0.235,
            share_after=0.2,
            share_change=-0.035,
            p_value=0.19,
            significant=False,
        ),
        PatternDrift(
            pattern="omnichannel",
            share_before=0.158,
            share_after=0.15,
            share_change=-0.008,
            p_value=0.73,
            significant=False,
        ),
    ],
    max_share_change=0.088,
    significant=True,
)


def framework(summary: Summary, **more: object) -> Framework:
    """A framework around a summary, with no words in it unless they are given."""
    parts: dict[str, object] = {
        "run_id": "2026-W48",
        "created_at": "2026-11-23T06:00:12Z",
        "author": "mave",
        "source": summary.source,
        "population": summary.population,
        "rule": summary.rule,
        "totals": summary.totals,
        "patterns": summary.patterns,
        "suppressed": summary.suppressed,
        "withheld": summary.withheld,
        "warnings": summary.warnings,
        "personas": [],
        "strategy": Strategy(),
        "narrative": "",
        "checks": Checks(),
        "drift": None,
        "mave": None,
    } | more
    return Framework(**parts)  # type: ignore[arg-type]


def claims(rows: list[tuple[object, ...]]) -> list[Claim]:
    names = (
        "pattern", "section", "text", "value", "unit", "sentence", "verdict", "fact", "fact_value"
    )  # fmt: skip
    return [Claim(**dict(zip(names, row, strict=True))) for row in rows]  # type: ignore[arg-type]


def from_mave(summary: Summary) -> Framework:
    """A space of 520 active people, worded by Mave, with three contradictions, one gap and a drift."""
    shapes: dict[str, dict[str, object]] = {
        "web_dominant": {"ltv_share": 0.188, "identity_coverage": {"user_id": 1.0, "email": 0.93, "ios.id": 0.18,
                         "android.id": 0.11, "anonymous_id": 0.71}, "share_ci95": (0.262, 0.341),
                         "plans": [Plan(plan="pro", n=90, share=0.577), Plan(plan="starter", n=50, share=0.32)]},
        "mobile_dominant": {"ltv_share": 0.474, "identity_coverage": {"user_id": 1.0, "email": 0.97, "ios.id": 0.64,
                            "android.id": 0.41, "anonymous_id": 0.22}, "share_ci95": (0.31, 0.392),
                            "avg_identities": 3.4, "few_identities_share": 0.04},
        "email_dominant": {"ltv_share": 0.103, "identity_coverage": {"user_id": 0.96, "email": 1.0, "ios.id": 0.06,
                           "android.id": 0.03, "anonymous_id": 0.12}, "share_ci95": (0.168, 0.237),
                           "avg_identities": 2.1},
        "omnichannel": {"ltv_share": 0.331, "identity_coverage": {"user_id": 1.0, "email": 1.0, "ios.id": 0.72,
                        "android.id": 0.45, "anonymous_id": 0.61}, "share_ci95": (0.122, 0.183),
                        "avg_identities": 4.3},
    }  # fmt: skip
    coverage = {"user_id": 0.99, "email": 0.97, "ios.id": 0.4, "android.id": 0.25, "anonymous_id": 0.41}
    patterns = [replace(pattern, **shapes[pattern.key]) for pattern in summary.patterns]
    return framework(
        summary,
        source=Origin(
            kind="segment",
            space_id="spa_9f2k",
            sampling="The first 600 profiles of the space in listing order were read, which is by recent activity: "
            "the report leans towards people who were active lately.",
        ),
        patterns=patterns,
        totals=replace(
            summary.totals,
            n=520,
            avg_ltv=720.6,
            avg_identities=3.2,
            few_identities_share=0.124,
            identity_coverage=coverage,
        ),
        personas=PERSONAS,
        strategy=STRATEGY,
        checks=Checks(missing_sections=["email_dominant/journey"], claims=claims(CLAIMS)),
        drift=DRIFT,
        mave=MaveTrace(
            thread_id="mave_thread_8",
            message_ids=["msg_1"],
            credits_used=42,
            sources=SOURCES,
            validation={"confidence_score": 0.87, "hallucination_risk": "low", "unsupported_claims": []},
        ),
    )


def from_facts(summary: Summary) -> Framework:
    """The built-in space, worded by rules."""
    return framework(
        summary,
        author="facts",
        totals=replace(summary.totals, n=520, avg_ltv=720.6, avg_identities=3.0, few_identities_share=0.124),
        personas=[
            Persona(
                pattern=pattern.key,
                name=f"{pattern.label} ({pattern.n} people)",
                **{
                    section: f"{pattern.label} people are {pattern.share:.1%} of the active: {pattern.n} of 520. "
                    f"Their average lifetime value is ${pattern.avg_ltv:.0f}."
                    for section in SECTIONS
                },
            )
            for pattern in summary.patterns
        ],
        strategy=Strategy(
            **{section: "Mobile holds 35.0% of active people, more than any other channel." for section in STRATEGY_SECTIONS}
        ),
        warnings=[
            "Only 48 % of profiles carry the trait emails_opened_30d: create a computed trait in Segment that counts "
            "the event “Email Opened” over 30 days, or the email pattern stays too small."
        ],
    )


CHANNELS = ("web", "mobile_app", "email", "sms", "push_notifications", "whatsapp_business", "in_store_kiosk", "tv")
LONG = "The Remarkably Long-Winded Cross-Channel Connoisseur of Everything, Second Edition"


def stress(summary: Summary) -> Framework:
    """Eight channels, nine patterns, long names, no lifetime value, plans withheld, one group hidden."""
    rule = Rule(channels={name: f"{name}_activity_30d" for name in CHANNELS}, dominance=0.4, boundary_share=0.121)
    keys = [*map(dominant, CHANNELS), "omnichannel"]
    coverage = {f"identifier_{index}.push_token": 1 - index / 10 for index in range(10)}
    people = [4210, 2980, 1500, 990, 720, 410, 260, 96, 8834]
    patterns = [
        Pattern(
            key=key,
            label=label(key),
            n=n,
            share=n / 20000,
            share_ci95=(max(0.0, n / 20000 - 0.006), n / 20000 + 0.006),
            avg_ltv=0.0,
            ltv_share=None,
            avg_activity={
                name: 41.5 if dominant(name) == key else 2.0 + 3 * ((row + column) % 5)
                for column, name in enumerate(CHANNELS)
            },
            avg_identities=2.4 + row / 5,
            few_identities_share=0.9 - row / 10,
            identity_coverage={kind: share * (1 - row / 20) for kind, share in coverage.items()},
            plans=None,
        )
        for row, (key, n) in enumerate(zip(keys, people, strict=True))
    ]
    return framework(
        summary,
        source=Origin(kind="export", sampling="20,500 profiles of an export were drawn at random (seed 7)."),
        population=Population(
            read=20500,
            classified=20000,
            dormant=480,
            rejected={"not_an_object": 20},
            truncated=True,
            trait_coverage={trait: 0.6 for trait in rule.channels.values()},
        ),
        rule=rule,
        totals=Group(
            n=20000,
            avg_ltv=0.0,
            avg_activity=dict.fromkeys(CHANNELS, 6.5),
            avg_identities=3.1,
            few_identities_share=0.31,
            identity_coverage=coverage,
        ),
        patterns=patterns,
        withheld={"plans": "the trait holds more than 1,000 different values, so it is free text."},
        personas=[
            Persona(pattern=key, name=LONG, **dict.fromkeys(SECTIONS, PERSONAS[1].journey or "")) for key in keys
        ],
        strategy=STRATEGY,
        checks=Checks(missing_sections=[f"{key}/journey" for key in keys]),
        drift=Drift(
            since_run_id="2026-10",
            since="2026-10-01T00:00:00Z",
            comparable=True,
            patterns=[
                PatternDrift(
                    pattern=key,
                    share_before=None if key == "tv_dominant" else n / 20000 + 0.01,
                    share_after=n / 20000,
                    share_change=n / 20000 if key == "tv_dominant" else -0.01,
                    p_value=None,
                    significant=key == "web_dominant",
                )
                for key, n in zip(keys, people, strict=True)
            ],
            new=["tv_dominant"],
            significant=True,
        ),
    )
