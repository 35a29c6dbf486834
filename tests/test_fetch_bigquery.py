"""The warehouse counts as the function itself would, and sends back counts alone."""

import json
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain, pairwise
from random import Random
from typing import Any

import pytest
from bench import rows_read_back
from cloud import Emulator, FakeBigQuery, Reply, bigquery_error, job_error
from spaces import CHANNELS, QUIET, REJECTED, WHOLE, assert_same, random_space, tables
from spaces import count as count_here

from persona.classify.counts import MOST_PLANS, Counts, classify
from persona.deadline import Deadline
from persona.errors import DeadlineExceeded, PersonaError, Refused, Unavailable
from persona.fetch import bigquery
from persona.settings import Settings, read_settings
from persona.summarize.sampling import rule_of

pytestmark = pytest.mark.slow

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECRET = "jane@example.com"

Profile = dict[str, Any]
Rows = list[dict[str, Any]]
Fill = Callable[..., str]


@pytest.fixture
def fill(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Fill:
    """Makes a dataset anew, and has the client find it."""
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", emulator.url)
    return lambda tables: emulator.fill("space", tables)


def settings(source: str, **more: str) -> Settings:
    return read_settings({"PERSONA_SOURCE": source} | more, "terminal")


def count(
    source: str, limit: int = 0, seconds: float = 600.0, notes: Sequence[str] = (), **more: str
) -> Counts:
    """A space, counted inside the warehouse; `notes` name the event tables that it does not have."""
    chosen = settings(source, **more)
    with bigquery.fetch(chosen, limit, Deadline(seconds), QUIET, NOW) as people:
        assert [*notes] == [note.split()[3] for note in people.notes]
        return classify(people, rule_of(chosen))


def person(*types: str | None, **traits: str | None) -> Profile:
    listed = [{"type": kind, "id": f"{n} {SECRET}"} for n, kind in enumerate(types)]
    return {"traits": traits, "external_ids": listed}


def test_a_value_is_read_as_everywhere(fill: Fill) -> None:
    values = [*WHOLE, "", *chain(*REJECTED.values())]
    space = [person("email", web_sessions_30d=value) for value in values]
    counted = count(fill(tables(space)))
    assert {reason: len(odd) for reason, odd in REJECTED.items()} == counted.rejected
    assert sum(WHOLE.values()) == counted.everybody().activity.total()
    assert_same(count_here(space, CHANNELS), counted)


# Both spellings, odd ones, and one too long to be told from another.
TYPES = ["email", "ios.id", "ios_id", "ios_push_token", "ios.push_token", "android_idfa", "android.idfa"]
ODD_TYPES = ["", None, "x" * 300, "x" * 301, "ios_id ", "IOS_ID", "kios_id"]


@pytest.mark.parametrize(("channels", "dominance"), [(2, 0.5), (3, 0.5), (3, 0.2), (5, 0.35), (8, 0.95)])
def test_the_figures_are_those_of_the_same_people_here(fill: Fill, channels: int, dominance: float) -> None:
    named = {f"c{i}": f"c{i}'s “trait” `{i}`" for i in range(channels)}
    space = random_space(channels, [*TYPES, *ODD_TYPES], [*named.values()], size=400, once=False)
    source = fill(tables(space))
    pairs = ",".join(f"{channel}={trait}" for channel, trait in named.items())
    counted = count(source, PERSONA_CHANNELS=pairs, PERSONA_DOMINANCE=str(dominance))
    assert_same(count_here(space, named, dominance), counted)
    assert counted.drawn_from is None


def test_shares_at_the_edge_fall_where_they_fall_everywhere(fill: Fill) -> None:
    shares = {0.45: (9, 6, 5), 0.455: (91, 60, 49), 0.5: (6, 10, 4), 0.505: (50, 49, 101), 0.55: (11, 5, 4)}
    edges = [*shares.values(), (111, 50, 39), (5, 5, 0), (7, 4, 11)]
    traits = [dict(zip(CHANNELS.values(), map(str, activity), strict=True)) for activity in edges]
    space = [person("email", **one) for one in traits]
    tally = count(fill(tables(space)))
    assert [group.n for group in tally.groups] == [2, 0, 1, 5]
    # All but 0.45, what is over 0.55, and the equal.
    assert tally.on_boundary == 5
    assert_same(count_here(space, CHANNELS), tally)


def test_too_many_names_are_not_counted(fill: Fill) -> None:
    space = [person("email", web_sessions_30d="1", plan=f"plan {n}") for n in range(MOST_PLANS + 1)]
    assert count(fill(tables(space))).free_text == {"plans"}


def test_a_draw_is_exact_and_the_same_every_time(fill: Fill) -> None:
    space = [person("email", web_sessions_30d=str(n)) for n in range(1, 201)]
    source = fill(tables(space))
    first, second, all_of_them = count(source, 40), count(source, 40), count(source, 200)
    assert (first.read, first.drawn_from) == (40, 200)
    assert_same(first, second)
    # Not the first ones by name, nor the last: on average somebody in the middle.
    assert 60 < first.groups[0].activity[0] / 40 < 140
    assert (all_of_them.read, all_of_them.drawn_from) == (200, None)


@pytest.mark.usefixtures("fill")
def test_as_many_rows_come_back_of_many_people_as_of_few(emulator: Emulator) -> None:
    few, many = (rows_read_back(emulator, profiles) for profiles in (1_000, 10_000))
    assert ((1_000, 10_000), few[1]) == ((few[0], many[0]), many[1])


OTHER_TABLES: dict[str, tuple[list[str], str]] = {
    "empty": (["user_traits", "user_identifiers"], "no merged profiles"),
    "no traits": (["user_identifiers"], "no user_traits. .*Profiles Backfill of the past"),
    "raw": (["id_graph_updates"], "no user_traits and user_identifiers. It has .*id_graph_updates"),
    "dbt": (["profile_traits", "external_id_mapping"], "It has profile_traits, external_id_mapping"),
}


@pytest.mark.parametrize("name", OTHER_TABLES)
def test_a_space_without_its_tables_is_refused_with_what_it_lacks_and_has(fill: Fill, name: str) -> None:
    names, refusal = OTHER_TABLES[name]
    source = fill({name: [] for name in names})
    with pytest.raises(Refused, match=refusal):
        count(source)


# -- raw events -----------------------------------------------------------------------------------------


def plain_sessions(moments: Sequence[datetime]) -> int:
    breaks = sum(later - earlier >= timedelta(minutes=30) for earlier, later in pairwise(sorted(moments)))
    return breaks + 1 if moments else 0


def events_of(random: Random, people: int) -> dict[str, Rows]:
    """Events of people, of the profiles merged into them, and of somebody who is in no other table."""
    gaps = [timedelta(seconds=s) for s in (0, 1, 60, 1_799, 1_800, 1_801, 86_400)]
    gaps += [timedelta(minutes=30, microseconds=-1)]
    events: dict[str, Rows] = defaultdict(list)
    for table in ("pages", "screens", "email_opened", "email_link_clicked"):
        for n in range(people + 1):
            moment = NOW - timedelta(days=random.choice([1, 20, 30, 31]))
            for _ in range(random.choice([0, 0, 1, 4, 9])):
                name = f"old_{n}" if random.random() < 0.3 else f"use_{n:04}"
                events[table].append({"segment_id": name, "timestamp": moment})
                moment += random.choice(gaps)
    events["pages"].append({"segment_id": "use_0000", "timestamp": NOW + timedelta(seconds=1)})
    return events


def plain_activity(events: Mapping[str, Rows], n: int) -> dict[str, str]:
    """What the events of the 30 days before NOW make of one person, in the plainest way."""

    def moments(*names: str) -> list[datetime]:
        theirs = {f"use_{n:04}", f"old_{n}"}
        at = [one["timestamp"] for name in names for one in events[name] if one["segment_id"] in theirs]
        return [moment for moment in at if NOW - timedelta(days=30) <= moment <= NOW]

    return {
        "web_sessions_30d": str(plain_sessions(moments("pages"))),
        "mobile_sessions_30d": str(plain_sessions(moments("screens"))),
        "emails_opened_30d": str(len(set(moments("email_opened", "email_link_clicked")))),
    }


@pytest.mark.parametrize("graph", ["profile_merges", "id_graph_updates"])
def test_activity_is_counted_from_raw_events(fill: Fill, graph: str) -> None:
    random = Random(7)  # noqa: S311 - as above
    events = events_of(random, 80)
    # A merged profile points at itself first; at whom it became part of, the row filled in later has no time.
    columns = "canonical_segment_id", "timestamp", "seq"
    history = ("old_{0}", NOW.isoformat(), None), ("other_{0}", NOW.isoformat(), 1), ("use_{0:04}", None, 2)
    merges = [
        {"segment_id": f"old_{n}"} | dict(zip(columns, (name.format(n), *rest), strict=True))
        for n in range(81)
        for name, *rest in history
    ]
    space = [person("email", ltv="5", web_sessions_30d="99", plan="pro") for _ in range(80)]
    written = {
        table: [event | {"timestamp": event["timestamp"].isoformat()} for event in rows]
        for table, rows in events.items()
    }
    merged = {graph: merges if graph != "profile_merges" else merges[2::3]}
    counted = count(fill(tables(space) | written | merged), PERSONA_EVENTS="on")
    derived = [one | {"traits": one["traits"] | plain_activity(events, n)} for n, one in enumerate(space)]
    assert_same(count_here(derived, CHANNELS), counted)


def test_event_tables_that_do_not_exist_are_named(fill: Fill) -> None:
    page = {"segment_id": "use_0000", "timestamp": NOW.isoformat()}
    source = fill(tables([person("email")]) | {"pages": [page], "profile_merges": []})
    absent = ["screens", "opens"]
    counted = count(source, notes=absent, PERSONA_EVENTS="on", PERSONA_EMAIL_TABLES="opens")
    assert counted.groups[0].n == 1


@pytest.mark.parametrize("there", [[], ["pages"]], ids=["no-events", "no-graph"])
def test_events_that_cannot_be_counted_are_refused(fill: Fill, there: list[str]) -> None:
    named = "profile_merges, id_graph" if there else "pages, screens, email_opened, email_link_clicked"
    source = fill(tables([person("email")]) | {table: [] for table in there})
    with pytest.raises(Refused, match=f"none of {named}"):
        count(source, PERSONA_EVENTS="on")


def test_traits_are_named_with_how_many_people_have_them(fill: Fill) -> None:
    """Everybody once, however often a trait has landed, and as numbers who has one; never a value."""
    space = tables([person(visits="3", city="Rome"), person(visits="x", city="Rome"), person(city="")])
    space["user_traits"] += space["user_traits"]
    with bigquery.fetch(settings(fill(space)), 0, Deadline(60), QUIET, NOW) as people:
        assert list(people.names().items()) == [("city", (2, 0)), ("visits", (2, 1))]


# -- a BigQuery that refuses, stalls or breaks ------------------------------------------------------------

ANYWHERE = "bigquery://test-project.space"
Host = Callable[[FakeBigQuery], FakeBigQuery]


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Host:
    """Has the client find this BigQuery."""

    def lead(service: FakeBigQuery) -> FakeBigQuery:
        monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", service.url)
        return service

    return lead


DENIED = bigquery_error(403, "accessDenied")
REFUSALS: dict[str, tuple[Reply, type[PersonaError], str]] = {
    "no role": (DENIED, Refused, "bigquery.jobUser"),
    "no table": (bigquery_error(404, "notFound"), Refused, "user_traits"),
    "other columns": (bigquery_error(400, "invalidQuery"), Refused, "columns"),
    "quota": (bigquery_error(403, "quotaExceeded"), Refused, "quota"),
    "no known reason": (bigquery_error(400, SECRET), Refused, "PERSONA_SOURCE"),
    "no known 5xx": (bigquery_error(501, "notImplemented"), Unavailable, "501"),
    "no JSON": (Reply(status=403, body=b"{"), Refused, "403"),
    "bytes": (job_error("bytesBilledLimitExceeded"), Refused, "PERSONA_MAX_BYTES"),
    "memory": (job_error("resourcesExceeded"), Refused, "PERSONA_LIMIT"),
    "cancelled": (job_error("stopped"), Unavailable, "cancelled"),
    "no role for the data": (job_error("accessDenied"), Refused, "bigquery.dataViewer"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_says_what_to_do(host: Host, name: str) -> None:
    reply, kind, named = REFUSALS[name]
    with host(FakeBigQuery(starts=reply)), pytest.raises(kind, match=named) as refused:
        count(ANYWHERE)
    assert SECRET not in refused.value.message


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize(
    "reply",
    [bigquery_error(503, "backendError"), bigquery_error(403, "rateLimitExceeded"), Reply(ending="reset")],
    ids=["busy", "too-many", "broken"],
)
def test_a_bigquery_that_stays_busy_is_unavailable(host: Host, reply: Reply) -> None:
    with host(FakeBigQuery(starts=reply)) as service, pytest.raises(PersonaError) as failed:
        count(ANYWHERE, seconds=60)
    assert (failed.value.retryable, failed.value.status) == (True, 503)
    assert len(service.requests) > 1


def jobs(service: FakeBigQuery) -> list[dict[str, Any]]:
    return [json.loads(one.body)["configuration"] for one in service.requests if one.method == "POST"]


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize(
    ("finds", "error"),
    [(None, DeadlineExceeded), (Reply(ending="silence"), Unavailable)],
    ids=["slow", "silent"],
)
def test_a_job_is_waited_for_until_the_deadline_and_ends_by_itself(
    host: Host, finds: Reply | None, error: type[PersonaError]
) -> None:
    started = time.monotonic()
    with host(FakeBigQuery(finds=finds)) as service, pytest.raises(error):
        count(ANYWHERE, seconds=1.0)
    [job] = jobs(service)
    assert 0 < int(job["jobTimeoutMs"]) <= 1_000
    assert time.monotonic() - started < 25


def test_the_job_is_bounded_and_labelled(host: Host) -> None:
    with host(FakeBigQuery(starts=DENIED)) as service, pytest.raises(Refused):
        count(ANYWHERE, 10, PERSONA_MAX_BYTES="123")
    job = jobs(service)[-1]
    assert "web_sessions_30d" not in job["query"]["query"]
    assert (job["query"]["maximumBytesBilled"], job["labels"]) == ("123", {"app": "persona"})


@pytest.mark.parametrize(
    ("partitions", "pruned"),
    [({"type": "DAY"}, True), ({"type": "DAY", "field": "timestamp"}, False), (None, False)],
    ids=["by loading time", "by a column", "view"],
)
def test_events_are_pruned_where_the_table_knows_when_they_were_loaded(
    host: Host, partitions: dict[str, str] | None, *, pruned: bool
) -> None:
    table = {"timePartitioning": partitions} if partitions else {}
    with host(FakeBigQuery(starts=DENIED, table=table)) as service, pytest.raises(Refused):
        count(ANYWHERE, PERSONA_EVENTS="on")
    query = jobs(service)[-1]["query"]["query"]
    assert pruned is ("_PARTITIONTIME >= TIMESTAMP_SUB(@since, INTERVAL 2 DAY)" in query)


def test_no_time_left_asks_nothing(host: Host) -> None:
    with host(FakeBigQuery()) as service, pytest.raises(DeadlineExceeded):
        count(ANYWHERE, seconds=0)
    assert service.requests == []


def test_missing_credentials_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.delenv("BIGQUERY_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    with pytest.raises(Refused, match="credentials"):
        count(ANYWHERE)
