"""What a run ends with in a terminal: its patterns, what is to know of them, where the framework lies."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from persona.model import Report
from persona.timestamps import moment
from persona.wording import label


def closing_table(report: Report) -> str:
    """The patterns, and where to find the framework."""
    profiles = report.profiles
    width = max((len(pattern.label) for pattern in report.patterns), default=0)
    rows = [f"  {p.label:<{width}}  {p.n:>9,}  {p.share:>6.1%}" for p in report.patterns]
    lines = [
        "",
        f"Run {report.run_id}: {report.status} ({report.source}, words by {report.author})",
        f"{profiles.read:,} profiles read: {profiles.classified:,} active, {profiles.dormant:,} dormant, "
        f"{profiles.rejected:,} rejected" + (" (not everybody: the limit)" if profiles.truncated else ""),
        *rows,
        *(f"  {label(key)}: too few people to show" for key in report.suppressed),
        *_remarks(report),
    ]
    if isinstance(report.message, str):
        lines += ["", "The message that Mave would get:", "", report.message]
    if isinstance(report.credits, dict):
        lines += ["", *_credits(report.credits)]
    if report.status in {"published", "replayed"}:
        figures, missing = report.checks.figures, report.checks.missing_sections
        lines += [
            f"Figures in the text: {figures.from_data} from the data, {figures.equal} typed and equal to it, "
            f"{figures.not_in_data} not in it" + (f"; {missing} sections missing" if missing else "")
        ]
    if isinstance(report.objects, dict) and report.objects:
        lines += ["", f"Framework: {report.objects['open']}", f"           {report.objects['json']}"]
        if members := report.objects.get("members"):
            lines += [f"           {members} (a view of who belongs to which pattern)"]
    return "\n".join(lines)


def _credits(credits_: Mapping[str, object]) -> Iterator[str]:
    told = {name: f"{figure:,.0f}" for name, figure in credits_.items() if isinstance(figure, float)}
    left = told.get("left") or credits_.get("why", "Mave does not say")
    yield f"Credits left: {left}; a call takes {credits_['a_call_takes']}"
    if credits_.get("auto_recharge"):
        bought = f"{told['credits_to_add']} credits at a time" if "credits_to_add" in told else "credits"
        yield f"Auto-recharge is on: {bought} are bought unasked when they run low (Mavera's billing page)"
    elif credits_.get("auto_recharge") is False:
        yield "Auto-recharge is off: without credits a run ends unpaid, with mave_refused"
    limits = {"usage_limit": "usage", "budget_alert": "a budget alert at"}
    if said := [f"{what} {told[name]}" for name, what in limits.items() if name in told]:
        yield f"Limits: {', '.join(said)}"


def _remarks(report: Report) -> Iterator[str]:
    """Yield what the status alone does not tell, the data's flaws, and what has changed."""
    if report.status == "replayed":
        yield f"Published {_ago(report.created_at)} with the data of then; another --run-id makes a new one"
    if report.trial is True:
        yield "A trial: the latest framework stays what it is"
    if report.rejected:
        reasons = (f"{n:,} {reason.replace('_', ' ')}" for reason, n in report.rejected.items())
        yield f"Rejected: {', '.join(reasons)}"
    yield from report.changes
    yield from (f"Note: {warning}" for warning in report.warnings)


def _ago(stamp: object) -> str:
    at = moment(stamp)
    if at is None:
        return "before"
    seconds = (datetime.now(UTC) - at).total_seconds()
    for unit, unit_seconds in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if n := max(0, int(seconds // unit_seconds)):  # the bucket's clock may be ahead
            return f"{n} {unit}{'s' if n > 1 else ''} ago"
    return "just now"
