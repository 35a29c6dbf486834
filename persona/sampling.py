"""How the profiles were chosen, in one honest sentence, and what that means for the figures."""

from math import sqrt

_WHERE = {
    "sample": "built-in, invented sample space",
    "export": "export",
    "bigquery": "space (Profiles Sync in BigQuery)",
}
# The first profiles of a listing stand for the whole space only as far as its order allows.
_ORDER = {
    "segment": "the listing's order, which Segment does not document: they may not stand for the whole space",
    "profile-api": "the order of recent activity: biased towards the active",
    "sample": "the built-in order",
}


def sentence(source: str, read: int, *, truncated: bool, drawn_from: int | None) -> str:
    """How `read` profiles of a source were chosen."""
    where = _WHERE.get(source, "space")
    if not truncated:
        return f"All {read:,} profiles of the {where} were read."
    # Half of the people is the share whose 95 % margin is widest.
    margin = f"by chance alone, a share can be off by up to {98 / sqrt(max(read, 1)):.1f} points"
    if drawn_from is not None:
        return f"{read:,} of {drawn_from:,} profiles of the {where} were drawn at random; {margin}."
    return f"The first {read:,} profiles of the {where} were read, in {_ORDER[source]}; and {margin}."
