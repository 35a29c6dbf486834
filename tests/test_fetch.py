"""The same people give the same figures, whichever way they are read."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from cloud import Emulator, FakeSegment, why_not_here
from hypothesis import given
from hypothesis import settings as examples
from spaces import CHANNELS, LTV, PLAN, Profile, profiles, tables, texts

from persona import fetch
from persona.classify.profile import Reader
from persona.classify.rule import classify
from persona.classify.tally import Tally
from persona.deadline import Deadline
from persona.fetch import bigquery
from persona.settings import read_settings


def counted(names: dict[str, str], limit: int = 0) -> Tally:
    """The space as a run counts it."""
    settings = read_settings({"PERSONA_RATE": "100", **names}, "terminal")
    reader, tally = Reader(list(CHANNELS.values()), LTV, PLAN), Tally(len(CHANNELS))
    for page in fetch.fetch(settings, reader, Deadline(60), limit):
        people = reader.read(page.profiles)
        tally.reject(page.rejected)
        tally.add(people, classify(people, 0.5))
    return tally


def figures(tally: Tally) -> list[object]:
    """All that was counted but the LTV, whose sums agree to rounding: profiles may come in any order."""
    groups = [
        (
            group.n,
            group.activity,
            group.identities,
            group.few_identities,
            group.identity_coverage,
            group.plans,
        )
        for group in tally.groups
    ]
    return [tally.read, tally.dormant, tally.on_boundary, tally.rejected, tally.carried, groups]


def ltv(tally: Tally) -> list[float]:
    return [group.ltv for group in tally.groups]


def exported(folder: str, space: Sequence[Profile]) -> str:
    path = Path(folder, "export.gz")
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, space)).encode()))
    return str(path)


def everywhere(space: Sequence[Profile]) -> list[Tally]:
    """The space, counted through the listing, the Profile API, an export and a draw of everybody."""
    with TemporaryDirectory() as folder, FakeSegment(space, requests_a_second=None) as segment:
        names = {
            "SEGMENT_TOKEN": "segment-token",
            "SEGMENT_SPACE_ID": "spa_test",
            "SEGMENT_API_URL": segment.url,
            "SEGMENT_PROFILE_API_URL": segment.url,
        }
        return [
            counted({**names, "PERSONA_SOURCE": "segment"}),
            counted({**names, "PERSONA_SOURCE": "profile-api"}),
            counted({"PERSONA_SOURCE": exported(folder, space)}),
            counted({"PERSONA_SOURCE": exported(folder, space)}, limit=len(space)),
        ]


@examples(max_examples=10, deadline=None)
@given(space=profiles(list(CHANNELS.values()), max_size=20).filter(bool))
def test_listing_profile_api_and_export_give_the_same_figures(space: list[Profile]) -> None:
    listed, *others = everywhere(space)
    for other in others:
        assert figures(other) == figures(listed)
        assert ltv(other) == pytest.approx(ltv(listed), rel=1e-9, abs=1e-6)


def test_the_warehouse_gives_the_figures_of_the_listing_the_profile_api_and_an_export(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of values that all of them can hold; a warehouse holds nothing but text."""
    if why := why_not_here():
        pytest.skip(why)
    with Emulator() as emulator:
        monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", emulator.url)

        @examples(max_examples=10, deadline=None)
        @given(space=texts(list(CHANNELS.values())))
        def agree(space: list[Profile]) -> None:
            warehouse = read_settings({"PERSONA_SOURCE": emulator.fill("space", tables(space))}, "terminal")
            there = bigquery.count(warehouse, Deadline(60), 0).tally
            for here in everywhere(space):
                assert figures(here) == figures(there)
                assert ltv(here) == pytest.approx(ltv(there), rel=1e-9, abs=1e-6)

        agree()


def test_what_never_became_a_profile_counts_as_read_and_rejected(tmp_path: Path) -> None:
    (tmp_path / "export").write_bytes(b'oops\n{"traits":{}}\nnull\n')
    tally = counted({"PERSONA_SOURCE": str(tmp_path / "export")})
    assert (tally.read, tally.dormant) == (3, 1)
    assert tally.rejected == {"line_not_json": 1, "profile_not_object": 1}
