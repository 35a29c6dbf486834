"""Fetch: the built-in space of 600 invented people, in the form that a file of one's own may have.

It shows what a real space shows: all four patterns with people near the boundary, dormant people, people
without the computed traits, both spellings of a device id, numbers as strings, and a few broken profiles.
"""

from collections.abc import Iterator
from pathlib import Path

from persona.deadline import Deadline
from persona.fetch.people import Page
from persona.settings import Settings


def fetch(_settings: Settings, deadline: Deadline, limit: int) -> Iterator[Page]:
    """Yield the invented profiles, at most `limit` of them (0: all), as one page."""
    deadline.check("read the sample")
    records = Path(__file__).with_suffix(".jsonl").read_bytes().splitlines()
    yield Page(records[: limit or None], more=0 < limit < len(records))
