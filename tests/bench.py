# ruff: noqa: RUF001, T201 - this program prints a table, and ratios have a multiplication sign
"""Measures what the README promises about speed, and prints it as a table.

    python tests/bench.py [row …]      all rows, or those named; exits 1 where one misses its mark

Ratios are what counts: both sides of one are measured in turns, so that a busy machine slows both alike, and
the median of the turns is told. Microseconds are those of the quickest turn.
"""

import gzip
import json
import os
import socket
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Generic, TypeVar
from urllib.error import HTTPError
from urllib.request import urlopen
from uuid import UUID

from msgspec import Struct

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from persona.classify.profile import Reader
from persona.classify.rule import classify
from persona.classify.tally import Tally
from persona.deadline import Deadline
from persona.fetch import profile_api
from persona.log import Log
from persona.model import Origin, Rule, Summary
from persona.pipeline import run
from persona.request import Request
from persona.settings import read_settings
from persona.summarize.summary import summarize

ROOT = Path(__file__).resolve().parent.parent
PROFILES = 200_000
PROFILES_PER_PAGE = 100
API_PROFILES = 500  # about ten seconds of the Profile API, at two requests each
REPEATS = 5
COLD_STARTS = 15
WARM_RUNS = 20
CHANNELS = {"web": "web_sessions_30d", "mobile": "mobile_sessions_30d", "email": "emails_opened_30d"}

T = TypeVar("T")


class Content(Struct, Generic[T]):
    profiles: list[T]


class Envelope(Struct, Generic[T]):
    """What Segment's listing puts around its profiles."""

    data: Content[T]


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    against: str
    must_be: str
    measured: str
    passed: bool  # a row without a mark to reach always passes


# -- the space ----------------------------------------------------------------------------------------------


def pages(profiles: int) -> Iterator[bytes]:
    """Yield a listing of realistic profiles: some twenty traits, three or four external ids."""
    random = Random(1)  # noqa: S311 - invented people
    for start in range(0, profiles, PROFILES_PER_PAGE):
        page = [realistic_profile(random, start + i) for i in range(PROFILES_PER_PAGE)]
        yield json.dumps({"data": {"profiles": page}}, separators=(",", ":")).encode()


@cache
def listing() -> list[bytes]:
    return list(pages(PROFILES))


def realistic_profile(random: Random, number: int) -> dict[str, Any]:
    """What a B2B workspace keeps of a person; one in twenty lacks some of the needed traits."""
    first_name, last_name = (
        random.choice(["Ana", "Wei", "Jo", "Priya"]),
        random.choice(["Doe", "Chen", "Diaz"]),
    )
    email = f"{first_name}.{last_name}.{number}@example.com".lower()
    traits = {
        "first_name": first_name,
        "last_name": last_name,
        "email": email,
        "phone": f"+1555{random.randrange(10**7):07}",
        "created_at": f"2024-0{random.randint(1, 9)}-{random.randint(10, 28)}T08:31:07.221Z",
        "city": random.choice(["Berlin", "Austin", "São Paulo", "Nairobi"]),
        "country": "DE",
        "timezone": "Europe/Berlin",
        "locale": "de-DE",
        "company": {"id": f"c_{random.randrange(9999)}", "name": "Example GmbH", "employees": 120},
        "title": "Head of Operations",
        "newsletter": random.random() < 0.5,
        "orders_total": random.randrange(40),
        "last_web_visit": "2026-11-15T10:11:12Z",
        "last_mobile_open": "2026-11-16T10:11:12Z",
        "last_email_click": "2026-11-12T10:11:12Z",
        "plan": random.choice(["free", "starter", "pro", "enterprise"]),
        "ltv": round(random.random() * 2000, 2),
        "web_sessions_30d": int(random.expovariate(1 / 8)),
        "mobile_sessions_30d": int(random.expovariate(1 / 8)),
        "emails_opened_30d": int(random.expovariate(1 / 8)),
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
    return {"traits": traits, "external_ids": external_ids[: random.randint(3, 4)]}


# -- the contestants ----------------------------------------------------------------------------------------


def new_reader() -> Reader:
    return Reader(list(CHANNELS.values()), "ltv", "plan")


def summarized(space: Sequence[bytes]) -> Summary:
    """Ours: decode, read, classify, count, summarize."""
    reader, tally = new_reader(), Tally(channels=3)
    for body in space:
        people = reader.read(reader.decode(body, Envelope).data.profiles)
        tally.add(people, classify(people, dominance=0.5))
    return summarize(tally, Rule(channels=CHANNELS, dominance=0.5), Origin(kind="segment"), truncated=False)


def decode(space: Sequence[bytes]) -> None:
    """Nothing but typed decoding."""
    reader = new_reader()
    for body in space:
        reader.decode(body, Envelope)


def count_as_the_recipe_does(space: Sequence[bytes]) -> dict[str, tuple[object, ...]]:
    """The recipe's way: one dictionary a person, kept in lists a pattern, averaged at the end."""
    kept: dict[str, list[dict[str, Any]]] = {name: [] for name in ("web", "mobile", "email", "omnichannel")}
    for body in space:
        for profile in json.loads(body).get("data", {}).get("profiles", []):
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


def cpu_seconds(*contestants: Callable[[], object], repeats: int = REPEATS) -> list[list[float]]:
    """CPU seconds of every contestant's runs, the contestants taking turns."""
    seconds: list[list[float]] = [[] for _ in contestants]
    for _ in range(repeats):
        for contestant, taken in zip(contestants, seconds, strict=True):
            start = time.process_time()
            contestant()
            taken.append(time.process_time() - start)
    return seconds


def compare(theirs: Callable[[Sequence[bytes]], object], name: str) -> tuple[float, str]:
    """Their CPU time over ours, the median of the turns; and both a profile, in words."""
    space = listing()
    ours, others = cpu_seconds(lambda: summarized(space), lambda: theirs(space))
    ratio = median(their / our for our, their in zip(ours, others, strict=True))
    our_microseconds, their_microseconds = (1e6 * min(taken) / PROFILES for taken in (ours, others))
    return ratio, f"{our_microseconds:.1f} µs; {name} {their_microseconds:.1f} µs"


def against_recipe() -> Row:
    recipe = count_as_the_recipe_does(listing())
    if [n for n, *_ in recipe.values()] != [pattern.n for pattern in summarized(listing()).patterns]:
        raise AssertionError("a race between two that count differently is none")
    ratio, words = compare(count_as_the_recipe_does, "the recipe")
    return Row(
        f"CPU a profile, decode + classify + summarize, {PROFILES:,} profiles, {PROFILES_PER_PAGE} a page",
        "the loop of Mavera's recipe over `json.loads` of the same bytes",
        "at least 3.5× faster",
        f"{ratio:.1f}× ({words})",
        passed=ratio >= 3.5,
    )


def against_decoding() -> Row:
    ratio, words = compare(decode, "decoding")
    return Row(
        "the same",
        "bare typed decoding of the same bytes",
        "at most 3×",
        f"{1 / ratio:.1f}× ({words})",
        passed=1 / ratio <= 3,
    )


# -- the sources --------------------------------------------------------------------------------------------

# A process is told the peak of the one that it was forked from as its own: let that be a small one.
FRESH = ["sh", "-c", '"$0" "$@"; exit $?']
# A process that counts an export, as a run does; it prints the people it read and its peak memory in KiB.
COUNT_EXPORT = """
import resource, sys
from persona.settings import read_settings
from persona.classify.rule import classify
from persona.deadline import Deadline
from persona.classify.profile import Reader
from persona.fetch import export
from persona.classify.tally import Tally
settings = read_settings({"PERSONA_SOURCE": sys.argv[1]}, "terminal")
reader, tally = Reader(list(settings.channels.values()), "ltv", "plan"), Tally(3)
for page in export.fetch(settings, reader, Deadline(3_000), 0):
    people = reader.read(page.profiles)
    tally.reject(page.rejected)
    tally.add(people, classify(people, 0.5))
print(tally.read, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
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


def peak_mib(export: Path, profiles: int) -> float:
    """The peak memory of a process that counts so many profiles."""
    command = [*FRESH, sys.executable, "-c", COUNT_EXPORT, str(export)]
    counted = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    read, peak_kib = map(int, counted.stdout.split())
    if read != profiles:
        raise AssertionError(f"{read} of {profiles} profiles read")
    return peak_kib / 1024


def export_memory() -> Row:
    few, times = 20_000, 100
    random = Random(1)  # noqa: S311 - invented people
    people = "".join(f"{json.dumps(realistic_profile(random, n))}\n" for n in range(few)).encode()
    with TemporaryDirectory() as folder:
        small, large = Path(folder, "small.gz"), Path(folder, "large.gz")
        small.write_bytes(gzip.compress(people, 1))
        with large.open("wb") as file:
            for _ in range(times):  # packed files one after the other are one packed file
                file.write(small.read_bytes())
        few_mib, many_mib = peak_mib(small, few), peak_mib(large, few * times)
    return Row(
        f"peak memory, {few * times:,} profiles from a gzip export",
        f"{few:,} profiles",
        "at most + 16 MiB",
        f"{many_mib - few_mib:+.1f} MiB ({many_mib:.0f} MiB; {few_mib:.0f} MiB)",
        passed=many_mib - few_mib <= 16,
    )


def profile_api_rate() -> Row:
    random = Random(1)  # noqa: S311 - invented people
    space = [realistic_profile(random, n) for n in range(API_PROFILES)]
    command = [sys.executable, "-c", SERVE_SPACE]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "tests")}
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        if not server.stdin or not server.stdout:
            raise AssertionError("pipes were asked for")
        print(json.dumps(space), file=server.stdin, flush=True)
        settings = read_settings(
            {
                "PERSONA_SOURCE": "profile-api",
                "SEGMENT_TOKEN": "segment-token",
                "SEGMENT_SPACE_ID": "spa_test",
                "SEGMENT_PROFILE_API_URL": server.stdout.readline().strip(),
            },
            "terminal",
        )
        deadline = Deadline(600)
        read = sum(len(page.profiles) for page in profile_api.fetch(settings, new_reader(), deadline, 0))
        seconds = deadline.elapsed_seconds
        server.stdin.close()
        requests, too_fast = map(int, server.stdout.readline().split())
    if read != API_PROFILES:
        raise AssertionError(f"{read} of {API_PROFILES} profiles read")
    share = requests / seconds / 100
    return Row(
        "Profile API fetch, a server that enforces 100 requests a second with 50 ms latency",
        "the limit",
        "at least 90 %, no 429",
        f"{100 * share:.0f} % ({requests:,} requests in {seconds:.1f} s; {too_fast} times 429)",
        passed=share >= 0.9 and not too_fast,
    )


# -- the whole function -------------------------------------------------------------------------------------

BARE_FUNCTION = """
import functions_framework

@functions_framework.http
def ok(request):
    return "ok"
"""


def answered_after_seconds(source: Path, target: str, folder: str) -> float:
    """From a process's start to its first answer to `GET /`, as Google Cloud starts it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "functions_framework", "--source", str(source), "--target", target]
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PERSONA_", "SEGMENT_", "MAVE", "K_SERVICE"))
    } | {"PORT": str(port), "PERSONA_OUTPUT": folder, "HOST": "127.0.0.1"}
    start = time.perf_counter()
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            while True:
                try:
                    with urlopen(f"http://127.0.0.1:{port}/"):
                        return time.perf_counter() - start
                except HTTPError:  # no framework yet: an answer all the same
                    return time.perf_counter() - start
                except OSError:
                    time.sleep(0.001)
        finally:
            process.terminate()


def cold_start() -> Row:
    with TemporaryDirectory() as folder:
        bare = Path(folder, "bare.py")
        bare.write_text(BARE_FUNCTION)
        pairs = [
            (
                answered_after_seconds(ROOT / "main.py", "persona_http", f"{folder}/frameworks"),
                answered_after_seconds(bare, "ok", folder),
            )
            for _ in range(COLD_STARTS)
        ]
    ratio = median(ours / theirs for ours, theirs in pairs)
    our_milliseconds, their_milliseconds = (1e3 * median(side) for side in zip(*pairs, strict=True))
    return Row(
        "cold start: process start to the first answer of `persona_http`",
        "a bare functions-framework function",
        "at most 1.15×",
        f"{ratio:.2f}× ({our_milliseconds:.0f} ms; bare {their_milliseconds:.0f} ms; {COLD_STARTS} pairs)",
        passed=ratio <= 1.15,
    )


def sample_run() -> Row:
    with TemporaryDirectory() as folder:
        settings = read_settings({"PERSONA_SOURCE": "sample", "PERSONA_OUTPUT": folder}, "terminal")
        taken: list[float] = []
        for number in range(WARM_RUNS + 1):
            deadline = Deadline(settings.deadline_seconds)
            run(Request(), f"run-{number}", settings, deadline, Log(as_json=False, level="ERROR"))
            taken.append(deadline.elapsed_seconds)
    milliseconds = 1e3 * median(taken[1:])  # the first one warms up
    return Row(
        "a whole run on the sample, facts author, warm",
        "–",
        "under 150 ms",
        f"{milliseconds:.0f} ms",
        passed=milliseconds < 150,
    )


def warehouse_rows() -> Row:
    from bench_bigquery import rows_read_back  # noqa: PLC0415 - the emulator is only loaded for this row
    from cloud import Emulator  # noqa: PLC0415 - as above

    with Emulator() as emulator:
        os.environ["BIGQUERY_EMULATOR_HOST"] = emulator.url
        small, large = (rows_read_back(emulator, profiles) for profiles in (1_000, 100_000))
    return Row(
        "BigQuery rows read back, 1,000 and 100,000 profiles",
        "each other",
        "the same number",
        f"{small[1]} and {large[1]}, of {small[0]:,} and {large[0]:,} profiles counted",
        passed=small[1] == large[1] and (small[0], large[0]) == (1_000, 100_000),
    )


# Name on the command line -> what measures it.
ROWS: dict[str, Callable[[], Row]] = {
    "recipe": against_recipe,
    "decoding": against_decoding,
    "memory": export_memory,
    "cold-start": cold_start,
    "profile-api": profile_api_rate,
    "sample": sample_run,
    "bigquery": warehouse_rows,
}


def main(names: Sequence[str]) -> int:
    """Measure the rows and print each as soon as it is known; the exit status."""
    if unknown := set(names) - ROWS.keys():
        print(f"no such row: {', '.join(sorted(unknown))}; there are {', '.join(ROWS)}", file=sys.stderr)
        return 2
    print("| what | against | must be | measured |\n| --- | --- | --- | --- |")
    passed = True
    for name in names or ROWS:
        row = ROWS[name]()
        passed &= row.passed
        mark = "" if row.passed else " **missed**"
        print(f"| {row.what} | {row.against} | {row.must_be} | {row.measured}{mark} |", flush=True)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
