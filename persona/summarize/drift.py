"""What has changed since an earlier framework, and whether that is worth paying for.

Only like is held against like: other channels, another rule or another source make a reason, never drift.
A suppressed pattern is neither new nor vanished, and is left out: its figures stay hidden then as now.
"""

import math
from collections.abc import Sequence

from msgspec.structs import replace

from persona.model import Baseline, Change, Drift, Framework, Pattern, PatternDrift, Summary

# The chance that a space which did not move at all shows any significant pattern.
FALSE_ALARM_SHARE = 0.05
# What makes a source and a rule; the boundary share is a finding.
_COMPARED = {
    "source": ("kind", "space_id"),
    "rule": ("channels", "dominance", "window_days", "activity"),
}


def compare(summary: Summary, earlier: Framework) -> Drift:
    """Every pattern's share, average LTV, activity and identity coverage, then and now.

    The test takes the two readings as independent samples of people. Two readings of one space share most
    of their people, so it errs on the side of calling a change noise.
    """
    reason = _why_not_comparable(summary, earlier)
    drift = Drift(since_run_id=earlier.run_id, since=earlier.created_at, comparable=not reason, reason=reason)
    if reason:
        return drift
    hidden = {*summary.suppressed, *earlier.suppressed}
    before, after = (
        {one.key: one for one in side.patterns if one.key not in hidden} for side in (earlier, summary)
    )
    of_before, of_after = earlier.population.classified, summary.population.classified
    both = [key for key in after if key in before]
    p_values = [two_proportions(before[key].n, of_before, after[key].n, of_after) for key in both]
    tests = dict(zip(both, zip(p_values, holm(p_values), strict=True), strict=True))
    patterns = [
        _drift_of(key, before.get(key), after.get(key), tests.get(key, (None, False)))
        for key in {**after, **before}
    ]
    new = [key for key in after if key not in before]
    vanished = [key for key in before if key not in after]
    return replace(
        drift,
        patterns=patterns,
        new=new,
        vanished=vanished,
        max_share_change=max((abs(pattern.share_change) for pattern in patterns), default=0.0),
        significant=bool(new or vanished) or any(pattern.significant for pattern in patterns),
    )


def baseline(summary: Summary, earlier: Framework, objects: dict[str, str | None]) -> Baseline:
    """What a run has to know of the newest framework, whose outputs lie at `objects`."""
    drift, by_mave = compare(summary, earlier), earlier.author == "mave"
    # Names of other people than these, or that no Mave gave, are none to keep.
    personas = earlier.personas if drift.comparable and by_mave else []
    return Baseline(
        drift=drift,
        names={persona.pattern: persona.name for persona in personas if persona.name},
        stands=by_mave and earlier.suppressed == summary.suppressed,
        objects=objects,
    )


def worth_asking(drift: Drift, min_drift: float) -> bool:
    """Whether a new answer is worth its price; `min_drift` is a share between 0 (always ask) and 1.

    A pattern that is new or gone always is, and so is a comparison that cannot be made.
    """
    if min_drift == 0 or not drift.comparable or drift.new or drift.vanished:
        return True
    # Shares are quotients: 0.4 - 0.3 is a hair more than 0.1.
    return any(one.significant and round(abs(one.share_change), 9) > min_drift for one in drift.patterns)


def two_proportions(before: int, of_before: int, after: int, of_after: int) -> float:
    """The two-sided p-value of the pooled two-proportion z test (NIST e-Handbook, 7.3.3)."""
    pooled = (before + after) / (of_before + of_after)
    error = math.sqrt(pooled * (1 - pooled) * (1 / of_before + 1 / of_after))
    if error == 0:  # nobody, or everybody, both times
        return 1.0
    z = (after / of_after - before / of_before) / error
    return math.erfc(abs(z) / math.sqrt(2))


def holm(p_values: Sequence[float]) -> list[bool]:
    """Which of the tests are significant over all of them together.

    Holm, "A simple sequentially rejective multiple test procedure" (1979): the smallest p-value must pass
    the level / m, the next the level / (m - 1), and so on; the first that fails ends it.
    """
    significant = [False] * len(p_values)
    by_p_value = sorted(range(len(p_values)), key=p_values.__getitem__)
    for passed, test in enumerate(by_p_value):
        if p_values[test] > FALSE_ALARM_SHARE / (len(p_values) - passed):
            break
        significant[test] = True
    return significant


def _why_not_comparable(summary: Summary, earlier: Framework) -> str | None:
    for what, fields in _COMPARED.items():
        before, after = (getattr(side, what) for side in (earlier, summary))
        said = {field: (_said(getattr(before, field)), _said(getattr(after, field))) for field in fields}
        changes = [
            f"{field.replace('_', ' ')} {then} → {now}" for field, (then, now) in said.items() if then != now
        ]
        if changes:
            return f"The {what} changed: {'; '.join(changes)}."
    addresses = earlier.source.address_hash, summary.source.address_hash
    if all(addresses) and len(set(addresses)) > 1:
        return "The source changed: another file or dataset was read."
    if not (earlier.population.classified and summary.population.classified):
        return "One of the two frameworks counts no classified people."
    return None


def _said(value: object) -> str:
    if isinstance(value, dict):  # the channels, whose order decides nothing
        return ", ".join(f"{channel}={trait}" for channel, trait in sorted(value.items()))
    return "not named" if value is None else str(value)


def _drift_of(
    key: str, before: Pattern | None, after: Pattern | None, test: tuple[float | None, bool]
) -> PatternDrift:
    """One pattern then and now; what only one side shows may be hidden on the other, and is no change."""
    then, now = (_figures(side) if side else {} for side in (before, after))
    share_before, share_after = (side.share if side else None for side in (before, after))
    return PatternDrift(
        pattern=key,
        share_before=share_before,
        share_after=share_after,
        share_change=(share_after or 0.0) - (share_before or 0.0),
        p_value=test[0],
        significant=test[1],
        changes=[
            Change(fact=fact, before=then[fact], after=now[fact])
            for fact in now
            if fact in then and then[fact] != now[fact]
        ],
    )


def _figures(pattern: Pattern) -> dict[str, float]:
    return (
        ({} if pattern.avg_ltv is None else {"avg_ltv": pattern.avg_ltv})
        | {f"avg_activity.{channel}": activity for channel, activity in pattern.avg_activity.items()}
        | {f"identity_coverage.{kind}": share for kind, share in (pattern.identity_coverage or {}).items()}
    )
