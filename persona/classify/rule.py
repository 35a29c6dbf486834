"""People's activity to the pattern that it makes."""

from persona.model import BOUNDARY, People, Places


def classify(people: People, dominance: float) -> Places:
    """The place of every person of a page.

    The channel with the largest share of a person's activity dominates if that share is strictly more than
    `dominance`; otherwise, and where the largest shares are equal, the person is omnichannel. Nobody without
    activity has a pattern.
    """
    lower, upper = round(dominance - BOUNDARY, 9), round(dominance + BOUNDARY, 9)
    patterns: list[int | None] = []
    on_boundary = 0
    for activity in people.activity:
        total = sum(activity)
        if not total:
            patterns.append(None)
            continue
        most = max(activity)
        share = most / total
        # Two shares can only be the largest together where neither is more than a half.
        leads = share > lower and (share > 0.5 or activity.count(most) == 1)  # noqa: PLR2004 - a half
        patterns.append(activity.index(most) if leads and share > dominance else len(activity))
        if leads and share <= upper:
            on_boundary += 1
    return Places(patterns, on_boundary)
