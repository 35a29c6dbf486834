"""What a run ends with in a terminal: its patterns, what is to know of them, where the framework lies."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from persona.model import Report, ReportedProfiles
from persona.timestamps import moment
from persona.wording import label

if TYPE_CHECKING:
    from persona.classify.counts import Counts


def closing_table(report: Report) -> Iterator[str]:
    """Yield the patterns, what the status alone does not tell, and where to find the framework; in lines."""
    yield f"\nRun {report.run_id}: {report.status} ({report.source}, words by {report.author})"
    counted, *reasons = people_read(report.profiles, report.rejected, truncated=report.profiles.truncated)
    yield counted
    width = max((len(pattern["label"]) for pattern in report.patterns), default=0)
    yield from (f"  {p['label']:<{width}}  {p['n']:>9,}  {p['share']:>6.1%}" for p in report.patterns)
    yield from (f"  {label(key)}: too few people to show" for key in report.suppressed)
    if report.status == "replayed":
        now = datetime.now(UTC)
        days = (now - (moment(report.created_at) or now)).days
        ago = f"{days} day{'s' if days > 1 else ''} ago" if days > 0 else "less than a day ago"
        yield f"Published {ago} with the data of then; another --run-id makes a new one"
    if report.trial is True:
        yield "A trial: the latest framework stays what it is"
    yield from [*reasons, *report.changes, *(f"Note: {warning}" for warning in report.warnings)]
    if isinstance(report.message, str):
        yield f"\nThe message that Mave would get:\n\n{report.message}"
    if isinstance(report.credits, dict):
        yield from _credits(report.credits)
    if report.status in {"published", "replayed"}:
        figures, missing = report.checks.figures, report.checks.missing_sections
        yield (
            f"Figures in the text: {figures.from_data} from the data, {figures.equal} typed and equal to it, "
            f"{figures.not_in_data} not in it" + (f"; {missing} sections missing" if missing else "")
        )
    if isinstance(report.objects, dict) and report.objects:
        yield f"\nFramework: {report.objects['open']}\n           {report.objects['json']}"
        if members := report.objects.get("members"):
            yield f"           {members} (a view of who belongs to which pattern)"


def people_read(
    people: "Counts | ReportedProfiles", rejected: Mapping[str, int], *, truncated: bool
) -> list[str]:
    """What became of everybody who was read; and, where some were rejected, why."""
    n_rejected = people.read - people.classified - people.dormant
    counted = (
        f"{people.read:,} profiles read: {people.classified:,} active, {people.dormant:,} dormant, "
        f"{n_rejected:,} rejected" + (" (not everybody: the limit)" if truncated else "")
    )
    reasons = ", ".join(f"{n:,} {reason.replace('_', ' ')}" for reason, n in rejected.items())
    return [counted, f"Rejected: {reasons}"] if reasons else [counted]


def _credits(credits_: Mapping[str, object]) -> Iterator[str]:
    told = {name: f"{figure:,.0f}" for name, figure in credits_.items() if isinstance(figure, float)}
    left = told.get("left") or credits_.get("why", "Mave does not say")
    yield f"\nCredits left: {left}; a call takes {credits_['a_call_takes']}"
    if credits_.get("auto_recharge"):
        bought = f"{told['credits_to_add']} credits at a time" if "credits_to_add" in told else "credits"
        yield f"Auto-recharge is on: {bought} are bought unasked when they run low (Mavera's billing page)"
    elif credits_.get("auto_recharge") is False:
        yield "Auto-recharge is off: without credits a run ends unpaid, with mave_refused"
    limits = {"usage_limit": "usage", "budget_alert": "a budget alert at"}
    if said := [f"{what} {told[name]}" for name, what in limits.items() if name in told]:
        yield f"Limits: {', '.join(said)}"
