"""Where the objects of a run lie in the bucket, and what they are served as."""

from msgspec import Struct

JSON = "application/json"
# The outputs in the order in which they are written: the last one's presence means published.
OUTPUTS = {
    "framework.html": "text/html; charset=utf-8",
    "framework.md": "text/markdown; charset=utf-8",
    "framework.json": JSON,
}
LATEST = "latest.json"


class Latest(Struct, frozen=True, kw_only=True):
    """The newest published run: `latest.json`."""

    run_id: str
    created_at: str
    objects: dict[str, str]


def path(run_id: str, name: str) -> str:
    """Where an object of a run lies."""
    return f"runs/{run_id}/{name}"
