# ruff: noqa: RUF001, S608, T201 - this program prints a table, and ratios have a multiplication sign
"""Measures what tests/README.md promises about speed, and prints its table with what is measured now.

    python tests/bench.py [row …]      all rows, or those named; exits 1 where one misses its mark

Ratios are what counts: both sides of one are measured in turns, so that a busy machine slows both alike, and
the median of the turns is told. Microseconds are those of the quickest turn.
"""

import atexit
import gzip
import json
import os
import re
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cache, partial
from itertools import islice, pairwise, repeat
from pathlib import Path
from random import Random
from statistics import fmean, median
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import requests

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from persona.classify import counts
from persona.classify.engine import Engine
from persona.deadline import Deadline
from persona.fetch import profile_api
from persona.fetch.people import Page, gathered
from persona.log import Log
from persona.model import Summary
from persona.pipeline import run
from persona.request import Request
from persona.settings import read_settings
from persona.summarize.sampling import rule_of

ROOT = Path(__file__).resolve().parent.parent
PEOPLE = 1_000_000
API_PROFILES = 500  # about ten seconds of the Profile API, at two requests each
# Of the realistic profile's traits those that bring a person to some 340 bytes.
TRAITS = ("email", "country", "plan", "ltv", "web_sessions_30d", "mobile_sessions_30d", "emails_opened_30d")

# What was measured, in words, and whether it reaches its mark.
Measured = tuple[str, bool]


# -- the space ----------------------------------------------------------------------------------------------


@cache
def folder() -> Path:
    """A folder that goes when the program ends."""
    kept = TemporaryDirectory()
    atexit.register(kept.cleanup)
    return Path(kept.name)


@cache
def people_in_lines() -> Path:
    """A million people in JSON lines."""
    path = folder() / "people.jsonl"
    with path.open("w") as file:
        for profile in realistic_profiles(PEOPLE):
            profile["traits"] = {name: it for name, it in profile["traits"].items() if name in TRAITS}
            file.write(json.dumps(profile, separators=(",", ":")) + "\n")
    return path


@cache
def people_in_parquet() -> Path:
    """The same people in Parquet, in structures and lists as in JSON."""
    import duckdb  # noqa: PLC0415 - the other rows pay for their own

    path = folder() / "people.parquet"
    types = {"ltv": "DOUBLE"} | {name: "BIGINT" for name in TRAITS if name.endswith("30d")}
    fields = ", ".join(f"{name} {types.get(name, 'VARCHAR')}" for name in TRAITS)
    columns = f"{{'traits': 'STRUCT({fields})', 'external_ids': 'STRUCT(\"type\" VARCHAR, id VARCHAR)[]'}}"
    lines = f"read_json('{people_in_lines()}', format = 'newline_delimited', columns = {columns})"
    with duckdb.connect() as engine:
        engine.execute(f"COPY (FROM {lines}) TO '{path}' (FORMAT parquet)")
    return path


@cache
def people_in_columns() -> Path:
    """The same people in Parquet as a warehouse has them: a column a trait, and one a type of id."""
    import duckdb  # noqa: PLC0415 - as above

    path = folder() / "columns.parquet"
    types = ("user_id", "anonymous_id", "ios.id", "android.id")
    ids = ", ".join(f"[one.id FOR one IN external_ids IF one.type = '{it}'][1] AS \"{it}\"" for it in types)
    with duckdb.connect() as engine:
        rows = f"SELECT {ids}, traits.* FROM '{people_in_parquet()}'"
        engine.execute(f"COPY ({rows}) TO '{path}' (FORMAT parquet)")
    return path


def realistic_profiles(people: int) -> Iterator[dict[str, Any]]:
    """What a B2B workspace keeps of so many people; one in twenty lacks some of the needed traits."""
    random = Random(1)  # noqa: S311 - invented people
    for number in range(people):
        email = f"{random.choice(['ana', 'wei', 'jo'])}.doe.{number}@example.com"
        traits = {
            **{f"last_event_{n}": "2026-11-15T10:11:12Z" for n in range(14)},
            "company": {"id": f"c_{random.randrange(9999)}", "name": "Example GmbH", "employees": 120},
            "email": email,
            "country": "DE",
            "plan": random.choice(["free", "starter", "pro", "enterprise"]),
            "ltv": round(random.random() * 2000, 2),
            **{name: int(random.expovariate(1 / 8)) for name in TRAITS if name.endswith("30d")},
        }
        if number % 20 == 0:
            for name in random.sample(list(traits)[-5:], 2):
                del traits[name]
        external_ids = [
            {"type": "user_id", "id": f"usr_{number:08}"},
            {"type": "email", "id": email},
            {"type": "anonymous_id", "id": str(UUID(int=random.getrandbits(128)))},
            {"type": random.choice(["ios.id", "android.id"]), "id": str(UUID(int=random.getrandbits(128)))},
        ]
        yield {"traits": traits, "external_ids": external_ids[: random.randint(3, 4)]}


# -- the contestants ----------------------------------------------------------------------------------------


QUIET = Log(as_json=False, level="ERROR")


def dry_run(source: object, people: int = PEOPLE) -> Summary:
    """Ours: a whole dry run over everybody in a file."""
    named = {"PERSONA_SOURCE": str(source), "PERSONA_LIMIT": "0", "PERSONA_OUTPUT": "/nowhere"}
    settings = read_settings(named, "terminal")
    report = run(Request(dry_run=True), "bench", settings, Deadline(3_000), QUIET)
    assert isinstance(report.summary, Summary)
    assert report.summary.population.read == people
    return report.summary


# What a data engineer would write: typed columns, no judging of values.
PLAIN_QUERY = """
WITH people AS (
  SELECT
    COALESCE(traits.web_sessions_30d, 0) AS web, COALESCE(traits.mobile_sessions_30d, 0) AS mobile,
    COALESCE(traits.emails_opened_30d, 0) AS email, COALESCE(traits.ltv, 0) AS ltv, traits.plan, external_ids
  FROM read_json('{path}', format = 'newline_delimited', columns = {{
    'traits': 'STRUCT(web_sessions_30d BIGINT, mobile_sessions_30d BIGINT, emails_opened_30d BIGINT, '
      'ltv DOUBLE, plan VARCHAR)',
    'external_ids': 'STRUCT("type" VARCHAR)[]'
  }})
)
SELECT
  CASE
    WHEN web > 0.5 * (web + mobile + email) THEN 'web'
    WHEN mobile > 0.5 * (web + mobile + email) THEN 'mobile'
    WHEN email > 0.5 * (web + mobile + email) THEN 'email'
    ELSE 'omnichannel'
  END AS pattern,
  COUNT(*), AVG(ltv), AVG(web), AVG(mobile), AVG(email), AVG(LEN(external_ids)), MODE(plan)
FROM people WHERE web + mobile + email > 0 GROUP BY pattern
"""


def plain_query(path: Path) -> list[Any]:
    import duckdb  # noqa: PLC0415 - the other rows pay for their own

    with duckdb.connect() as engine:
        return engine.execute(PLAIN_QUERY.format(path=path)).fetchall()


def count_as_the_recipe_does(path: Path) -> dict[str, tuple[object, ...]]:
    """The recipe's way: one dictionary a person, kept in lists a pattern, averaged at the end."""
    kept: dict[str, list[dict[str, Any]]] = {name: [] for name in ("web", "mobile", "email", "omnichannel")}
    with path.open() as lines:
        for line in lines:
            profile = json.loads(line)
            traits = profile.get("traits", {})
            types = [external_id.get("type", "") for external_id in profile.get("external_ids", [])]
            web = int(traits.get("web_sessions_30d", 0) or 0)
            mobile = int(traits.get("mobile_sessions_30d", 0) or 0)
            email = int(traits.get("emails_opened_30d", 0) or 0)
            total = web + mobile + email
            if total == 0:
                continue
            person = {
                "ltv": float(traits.get("ltv", 0) or 0),
                "plan": traits.get("plan", "unknown"),
                "web": web,
                "mobile": mobile,
                "email": email,
                "identities": len(types),
                "types": types,
            }
            if web / total > 0.5:
                kept["web"].append(person)
            elif mobile / total > 0.5:
                kept["mobile"].append(person)
            elif email / total > 0.5:
                kept["email"].append(person)
            else:
                kept["omnichannel"].append(person)
    return {name: averages(people) for name, people in kept.items() if people}


def averages(people: Sequence[dict[str, Any]]) -> tuple[object, ...]:
    """The recipe's figures of one pattern: its people, five averages, the three most common plans."""
    plans: dict[str, int] = defaultdict(int)
    for person in people:
        plans[person["plan"]] += 1
    names = ("ltv", "web", "mobile", "email", "identities")
    top_plans = sorted(plans, key=plans.__getitem__, reverse=True)[:3]
    return (len(people), *(sum(person[name] for person in people) / len(people) for name in names), top_plans)


# -- the measuring ------------------------------------------------------------------------------------------


def spent(clock: Callable[[], float], contestant: Callable[..., object], *given: object) -> float:
    begun = clock()
    contestant(*given)
    return clock() - begun


seconds, cpu_seconds = partial(spent, time.perf_counter), partial(spent, time.process_time)


def in_turns(
    ours: Callable[[], float], theirs: Callable[[], float], turns: int = 5
) -> tuple[float, list[float], list[float]]:
    """Theirs over ours, the median of several turns; then all turns of either."""
    pairs = [(ours(), theirs()) for _ in range(turns)]
    our_turns, their_turns = map(list, zip(*pairs, strict=True))
    return median(their / our for our, their in pairs), our_turns, their_turns


def wall() -> Measured:
    path = people_in_lines()
    ratio, ours, plain = in_turns(partial(seconds, dry_run, path), partial(seconds, plain_query, path))
    return f"{1 / ratio:.1f}× ({min(ours):.2f} s; plain {min(plain):.2f} s)", 1 / ratio <= 2


def cpu() -> Measured:
    path = people_in_lines()
    recipe = count_as_the_recipe_does(path)
    # A race between two that count differently is none.
    assert [n for n, *_ in recipe.values()] == [pattern.n for pattern in dry_run(path).patterns]
    contestants = partial(cpu_seconds, dry_run, path), partial(cpu_seconds, count_as_the_recipe_does, path)
    ratio, *turns = in_turns(*contestants, turns=3)
    ours, theirs = (1e6 * min(seconds) / PEOPLE for seconds in turns)
    return f"{ratio:.1f}× ({ours:.1f} µs a person; the recipe {theirs:.1f} µs)", ratio >= 6


def parquet() -> Measured:
    lines = partial(seconds, dry_run, people_in_lines())
    ratio, ours, theirs = in_turns(partial(seconds, dry_run, people_in_columns()), lines)
    nested, *_ = in_turns(partial(seconds, dry_run, people_in_parquet()), lines)
    told = f"{ratio:.1f}× ({min(ours):.2f} s; {min(theirs):.2f} s); in structures and lists {nested:.1f}×"
    return told, ratio >= 3


# -- the sources --------------------------------------------------------------------------------------------

# A process is told the peak of the one that it was forked from as its own: let that be a small one.
FRESH = ["sh", "-c", '"$0" "$@"; exit $?']
# A process that makes a dry run, and prints its peak memory in KiB.
DRY_RUN = """
import resource, sys
sys.path.insert(0, "tests")
import bench
bench.dry_run(sys.argv[1], int(sys.argv[2]))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""

# A space behind a server that is a process of its own; it prints its address, later whom it turned away.
SERVE_SPACE = """
import json, sys
from cloud import FakeSegment
with FakeSegment(json.loads(sys.stdin.readline()), latency_seconds=0.05, requests_a_second=100) as segment:
    print(segment.url, flush=True)
    sys.stdin.readline()
    print(len(segment.requests), segment.too_fast, flush=True)
"""


def peak_mib(source: Path, people: int) -> float:
    """The peak memory of a process that makes a dry run over so many people, and does nothing else."""
    dry_run_alone = [sys.executable, "-c", DRY_RUN, str(source), str(people)]
    return int(subprocess.check_output([*FRESH, *dry_run_alone], cwd=ROOT)) / 1024


def memory(parts: Callable[[int], Path]) -> Measured:
    """`parts` makes so many quarters of the million people."""
    few, many = (peak_mib(parts(quarters), quarters * PEOPLE // 4) for quarters in (2, 8))
    return f"{many:.0f} MiB; {many / few:.2f}× ({few:.0f} MiB)", many <= 256 and many / few <= 1.2


def gzip_memory() -> Measured:
    def parts(quarters: int) -> Path:
        path = folder() / f"{quarters}.jsonl.gz"
        with people_in_lines().open("rb") as lines:
            packed = gzip.compress(b"".join(islice(lines, PEOPLE // 4)), 1)
        with path.open("wb") as file:
            file.writelines([packed] * quarters)  # one after the other, they are one packed file
        return path

    return memory(parts)


def parquet_memory() -> Measured:
    import duckdb  # noqa: PLC0415 - the other rows pay for their own

    def parts(quarters: int) -> Path:
        path = folder() / f"{quarters}.parquet"
        part = f"(SELECT * FROM '{people_in_parquet()}' LIMIT {PEOPLE // 4})"
        with duckdb.connect() as engine:
            engine.execute(f"COPY ({' UNION ALL '.join([part] * quarters)}) TO '{path}' (FORMAT parquet)")
        return path

    return memory(parts)


def page() -> Measured:
    profiles = Page([json.dumps(profile).encode() for profile in realistic_profiles(100)])
    at: list[float] = []
    with Engine(Deadline(600)) as engine:
        settings = read_settings({"PERSONA_SOURCE": "sample"}, "terminal")
        gathered(engine, settings, repeat(profiles, 1_000), lambda *_: at.append(time.process_time()))
    milliseconds = [1e3 * (later - earlier) for earlier, later in pairwise(at)]
    # Pages go in by the dozen: most take no time, and the median would be of those.
    first, last = fmean(milliseconds[:200]), fmean(milliseconds[-200:])
    return f"{first:.1f} ms at first, {last:.1f} ms later", last <= 10 and last <= 1.2 * first


def profile_api_rate() -> Measured:
    command, environment = [sys.executable, "-c", SERVE_SPACE], os.environ | {"PYTHONPATH": f"{ROOT}/tests"}
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin
        assert server.stdout
        print(json.dumps(list(realistic_profiles(API_PROFILES))), file=server.stdin, flush=True)
        names = {"SEGMENT_TOKEN": "segment-token", "SEGMENT_SPACE_ID": "spa_test"}
        names["SEGMENT_PROFILE_API_URL"] = server.stdout.readline().strip()
        settings = read_settings({"PERSONA_SOURCE": "profile-api"} | names, "terminal")
        deadline = Deadline(600)
        read = sum(len(page.records) for page in profile_api.fetch(settings, deadline, 0))
        seconds = deadline.elapsed_seconds
        server.stdin.close()
        asked, too_fast = map(int, server.stdout.readline().split())
    assert read == API_PROFILES
    share = asked / seconds / 100
    told = f"{100 * share:.0f} % ({asked:,} requests in {seconds:.1f} s; {too_fast} times 429)"
    return told, share >= 0.9 and not too_fast


# -- the whole function -------------------------------------------------------------------------------------

BARE_FUNCTION = """
import functions_framework

@functions_framework.http
def ok(request):
    return "ok"
"""


def answered_after_seconds(source: Path, target: str, folder: str) -> float:
    """From a process's start to its first answer to `GET /`, as Google Cloud starts it."""
    from doors import environment, free_port  # noqa: PLC0415 - the other rows' memory is measured without it

    command = [sys.executable, "-m", "functions_framework", "--source", str(source), "--target", target]
    with free_port() as port:
        env = environment(PORT=str(port), PERSONA_OUTPUT=folder, HOST="127.0.0.1")
        start = time.perf_counter()
        with subprocess.Popen(
            command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
        ) as process:
            try:
                while True:
                    with suppress(requests.ConnectionError):  # no framework yet is an answer all the same
                        requests.get(f"http://127.0.0.1:{port}/", timeout=60)
                        return time.perf_counter() - start
                    time.sleep(0.001)
            finally:
                process.terminate()


def cold_start() -> Measured:
    with TemporaryDirectory() as folder:
        bare = Path(folder, "bare.py")
        bare.write_text(BARE_FUNCTION)
        own = partial(answered_after_seconds, ROOT / "main.py", "persona_http", f"{folder}/frameworks")
        ratio, ours, theirs = in_turns(own, partial(answered_after_seconds, bare, "ok", folder), 15)
    told = f"{1 / ratio:.2f}× ({1e3 * median(ours):.0f} ms; bare {1e3 * median(theirs):.0f} ms)"
    return told, 1 / ratio <= 1.15


def sample() -> Measured:
    with TemporaryDirectory() as folder:
        settings = read_settings({"PERSONA_SOURCE": "sample", "PERSONA_OUTPUT": folder}, "terminal")
        runs = [seconds(run, Request(), f"run-{n}", settings, Deadline(900), QUIET) for n in range(21)]
    milliseconds = 1e3 * median(runs[1:])  # the first one warms up
    return f"{milliseconds:.0f} ms", milliseconds < 150


# Everything about a person follows from the number: four plans, five types, some odd values, and one in 144
# is dormant.
WAREHOUSE = """
CREATE TABLE `{dataset}.user_traits` AS
SELECT CONCAT('use_', n) AS canonical_segment_id, trait.name, trait.value, 1 AS seq
FROM UNNEST(GENERATE_ARRAY(1, {profiles})) AS n
CROSS JOIN UNNEST([
  STRUCT('web_sessions_30d' AS name, CAST(MOD(n, 16) AS STRING) AS value),
  STRUCT('mobile_sessions_30d', CAST(MOD(n, 12) AS STRING)),
  STRUCT('emails_opened_30d', IF(MOD(n, 100) = 0, 'many', CAST(MOD(n, 9) AS STRING))),
  STRUCT('ltv', CAST(MOD(n, 997) / 4 AS STRING)),
  STRUCT('plan', CONCAT('plan ', CAST(MOD(n, 4) AS STRING)))
]) AS trait;
CREATE TABLE `{dataset}.user_identifiers` AS
SELECT CONCAT('use_', n) AS canonical_segment_id, type, CONCAT(type, n) AS value, 1 AS seq
FROM UNNEST(GENERATE_ARRAY(1, {profiles})) AS n
CROSS JOIN UNNEST(['user_id', 'email', 'ios.id', 'ios_id', 'phone']) AS type
"""


def rows_read_back(emulator: Any, profiles: int) -> tuple[int, int]:
    """The profiles counted in a space of so many, and the rows that came back for it.

    BIGQUERY_EMULATOR_HOST must lead to the emulator.
    """
    from persona.fetch import bigquery  # noqa: PLC0415 - the other rows' memory is measured without its client

    source = emulator.fill("bench", {})
    for statement in WAREHOUSE.split(";"):
        emulator.rows(statement.format(dataset=source.removeprefix("bigquery://"), profiles=profiles))
    settings = read_settings({"PERSONA_SOURCE": source}, "terminal")
    with bigquery.fetch(settings, 0, Deadline(300), QUIET) as people:
        rows = people.rows(*counts.statement(rule_of(settings), people.dialect))
        return sum(int(row["n"]) for row in rows if row["fact"].startswith("place ")), len(rows)


def warehouse() -> Measured:
    from cloud import Emulator  # noqa: PLC0415 - the emulator is only loaded for this row

    with Emulator() as emulator:
        os.environ["BIGQUERY_EMULATOR_HOST"] = emulator.url
        (few, small), (many, large) = (rows_read_back(emulator, profiles) for profiles in (1_000, 100_000))
    return f"{small} and {large}", (few, many, small) == (1_000, 100_000, large)


# In the order of the table; named on the command line with hyphens.
MEASURED = (
    wall,
    cpu,
    parquet,
    gzip_memory,
    parquet_memory,
    page,
    cold_start,
    profile_api_rate,
    sample,
    warehouse,
)
ROWS: dict[str, Callable[[], Measured]] = {row.__name__.replace("_", "-"): row for row in MEASURED}


def main(names: Sequence[str]) -> int:
    """Measure the rows and print each as soon as it is known; the exit status."""
    if unknown := set(names) - ROWS.keys():
        print(f"no such row: {', '.join(sorted(unknown))}; there are {', '.join(ROWS)}", file=sys.stderr)
        return 2
    readme = (ROOT / "tests" / "README.md").read_text(encoding="utf-8")
    head, rule, *promises = re.findall(r"^\|(?:[^|]*\|){3}", readme, re.MULTILINE)
    promised, missed = dict(zip(ROWS, promises, strict=True)), False
    print(head, "measured |\n" + rule, "--- |")
    for name in names or ROWS:
        told, passed = ROWS[name]()
        missed |= not passed
        print(promised[name], told + ("" if passed else ": **missed**"), "|", flush=True)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
