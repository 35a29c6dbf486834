"""Every mistake of a first hour is met in words: what was expected, what came, what to do."""

import gzip
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import pytest
from cloud import FakeBigQuery, FakeMave, FakeSegment, job_error, refuse
from doors import ROOT, environment, in_process

pytestmark = pytest.mark.slow

TABLE = "user_id,web,app,ltv,plan\n" + "".join(f"u{n},{n % 7},{n % 5},{n},pro\n" for n in range(60))
HEADER, ROWS = TABLE.split("\n", 1)
BOTH = ("--channels", "web=web,app=app")
FILE = ("--source", "p.csv", *BOTH)
SPACE = {"SEGMENT_TOKEN": "{segment.token}", "SEGMENT_SPACE_ID": "{segment.space}"} | dict.fromkeys(
    ("SEGMENT_API_URL", "SEGMENT_PROFILE_API_URL"), "{segment.url}"
)
MAVE = {"PERSONA_SOURCE": "sample", "MAVERA_API_KEY": "{mave.key}", "MAVERA_API_URL": "{mave.url}"}


ABSENT = "expected a file, there is no such file: "
EMPTY = "expected a file, or a folder with files, got an empty folder: d"
TWO_KINDS = "expected files of one kind, got CSV and JSON lines; name one kind with *"


class Mistake(NamedTuple):
    name: str
    words: tuple[str, ...]  # what was expected, what came, what to do: as far as each can be told
    arguments: tuple[str, ...] = ()
    settings: Mapping[str, str] = {}
    files: Mapping[str, str | bytes] = {}
    exit_code: int = 2


def setting(name: str, text: str, *words: str, **more: str) -> Mistake:
    """A setting that is refused, with the sample as the source unless it says otherwise."""
    return Mistake(f"{name}={text}", (f"- {name}: expected ", *words), (), {**more, name: text})


def file(name: str, content: str | bytes, *words: str, exit_code: int = 2) -> Mistake:
    """A file that holds no people."""
    return Mistake(f"file: {name}", words, FILE, {}, {"p.csv": content}, exit_code)


def place(name: str, source: str, files: Mapping[str, str], *words: str) -> Mistake:
    """A source where no file is, or files of two kinds."""
    return Mistake(name, words, ("--source", source), {}, files)


MISTAKES = [
    # Names of settings, and what they say
    setting("SEGMENT_TOKENS", "t", "a setting's name", "the nearest is SEGMENT_TOKEN"),
    setting("PERSONA_LIMIT", "10k", "a whole number from 0 to ", "got '10k'"),
    setting("PERSONA_DOMINANCE", "50", "from 0.2 to 0.95 (a share: 0.5 is 50 %)", "got '50'"),
    setting("PERSONA_HOLDOUT", "10", "from 0.0 to 0.5 (a share: 0.5 is 50 %)", "got '10'"),
    setting("PERSONA_PERIOD", "monthly", "one of none, day, week, month", "got 'monthly'"),
    setting("PERSONA_CURRENCY", "US dollars", "a currency's sign or code", "got 'US dollars'"),
    setting("PERSONA_CHANNELS", "web", "channel=trait pairs", "such as web=web_visits", "got 'web'"),
    setting("PERSONA_CHANNELS", "web: w, app: a", "channel=trait pairs", "got 'web: w, app: a'"),
    setting("PERSONA_CHANNELS", "Web=w,App=a", "(channels: a-z, 0-9, _)", "got 'Web=w,App=a'"),
    setting("PERSONA_CHANNELS", "web=w,app=w", "a trait each for all channels", "got w twice"),
    setting(
        "PERSONA_EVENTS", "on", "only profile-api and bigquery:// have raw events", PERSONA_SOURCE="sample"
    ),
    setting("PERSONA_AUTHOR", "gpt", "one of mave, facts", "got 'gpt'"),
    setting("PERSONA_DEADLINE_SECONDS", "100", "more than 250", "got 100", **MAVE),
    Mistake(
        "nothing set on the cloud",
        ("PERSONA_SOURCE: expected", "PERSONA_AUTHOR: expected", "PERSONA_OUTPUT: expected gs://BUCKET"),
        settings={"K_SERVICE": "persona"},
    ),
    # Keys, spaces, regions, addresses, ports
    Mistake(
        "a space without a token",
        ("PERSONA_SOURCE: expected", "(or SEGMENT_TOKEN)", "got nothing"),
        settings={"SEGMENT_SPACE_ID": "spa_1"},
    ),
    Mistake(
        "a token without a space",
        ("SEGMENT_SPACE_ID: expected a value", "got nothing", "Unify, Unify settings, API access"),
        settings={"SEGMENT_TOKEN": "t"},
    ),
    Mistake(
        "a source without its token",
        ("SEGMENT_TOKEN: expected a value", "got nothing", "Access Management, Tokens", "API access"),
        ("--source", "segment"),
        {"SEGMENT_SPACE_ID": "spa_1"},
    ),
    setting("SEGMENT_TOKEN", "Bearer abc", "the secret alone", "or Bearer", SEGMENT_SPACE_ID="spa_1"),
    setting("SEGMENT_SPACE_ID", "https://app.segment.com/x/spa_1", "such as spa_…", SEGMENT_TOKEN="t"),
    setting("PERSONA_AUTHOR", "mave", "MAVERA_API_KEY: expected a key", PERSONA_SOURCE="sample")._replace(
        words=("MAVERA_API_KEY: expected a key, since PERSONA_AUTHOR is mave", "got nothing")
    ),
    Mistake(
        "a key and no source",
        ("PERSONA_SOURCE: expected sample, segment", "the built-in sample comes unasked only", "got nothing"),
        settings={"MAVERA_API_KEY": "k"},
    ),
    setting("MAVERA_API_URL", "http://app.mavera.io/api/v1", "https://", "got 'http://app.mavera.io/api/v1'"),
    setting("SEGMENT_API_URL", "http://127.0.0.1:99999", "ports to 65535", "got 'http://127.0.0.1:99999'"),
    Mistake(
        "a port that nobody listens on",
        (
            "Segment could not be reached (is its address in the settings right?)",
            "refused",
            "try again later",
        ),
        settings={**SPACE, "SEGMENT_API_URL": "http://127.0.0.1:9"},
        exit_code=1,
    ),
    Mistake(
        "a wrong token, or one of another region",
        ("answered 401", "the token is wrong", "SEGMENT_API_URL=https://eu1.", "check SEGMENT_TOKEN"),
        settings={**SPACE, "SEGMENT_TOKEN": "wrong"},
        exit_code=1,
    ),
    Mistake(
        "a wrong space",
        ("answered 404", "no such space", "check SEGMENT_SPACE_ID", "PERSONA_SOURCE=profile-api"),
        settings={**SPACE, "SEGMENT_SPACE_ID": "spa_other"},
        exit_code=1,
    ),
    Mistake(
        "an empty space",
        ("lists no merged profiles", "SEGMENT_SPACE_ID names another space", "profile explorer"),
        settings=SPACE,
        exit_code=1,
    ),
    Mistake(
        "a Public API token for the Profile API",
        ("answered 401", "SEGMENT_PROFILE_API_URL=https://profiles.euw1", "is a Profile API access token"),
        ("--source", "profile-api"),
        {**SPACE, "SEGMENT_TOKEN": "wrong"},
        exit_code=1,
    ),
    Mistake(
        "a wrong key of Mave",
        ("Mave answered 401", "check MAVERA_API_KEY", "nothing was paid"),
        settings={**MAVE, "MAVERA_API_KEY": "wrong"},
        exit_code=1,
    ),
    Mistake(
        "no credits",
        ("Mave answered 402", "the credits or the budget are used up", "billing page", "nothing was paid"),
        settings=MAVE,
        exit_code=1,
    ),
    Mistake(
        "a warehouse that may not be read",
        ("BigQuery answered 403", "may not read the dataset", "it needs roles/bigquery.jobUser"),
        ("--source", "bigquery://project-1.space"),
        {"BIGQUERY_EMULATOR_HOST": "{bigquery.url}"},
        exit_code=1,
    ),
    # Sources and outputs
    setting(
        "PERSONA_SOURCE", "s3://bucket/people.csv", "gs://BUCKET/OBJECT", "got 's3://bucket/people.csv'"
    )._replace(words=("gs://BUCKET/OBJECT with both names, or a file path", "got ")),
    setting("PERSONA_OUTPUT", "gs:/bucket", "gs://BUCKET[/PREFIX] or a folder", "got 'gs:/bucket'"),
    place("a source misspelt", "segments", {}, f"{ABSENT}segments; is segment meant?"),
    place("a file misspelt", "peple.csv", {"people.csv": TABLE}, f"{ABSENT}peple.csv; is people.csv meant?"),
    Mistake(
        "a file in another folder",
        (f"{ABSENT}data.csv; name it from the folder that the command is given in",),
        ("check", "data.csv"),
        files={"x/people.csv": TABLE},
    ),
    place("an empty folder", "d", {"d/.keep": ""}, EMPTY),
    place("files of two kinds", "d", {"d/a.csv": TABLE, "d/b.jsonl": "{}"}, TWO_KINDS),
    file("a spreadsheet", b"PK\x03\x04....", "looks like a ZIP archive or a spreadsheet", "save it as CSV"),
    file("of Excel, in UTF-16", TABLE.encode("utf-16"), "looks like text in UTF-16", "save it as UTF-8"),
    file("a database", b"SQLite format 3\0", "looks like an SQLite database", "export a table as CSV"),
    file("a sign-in page", "<html>Sign in</html>", "looks like HTML or XML", "write JSON lines, CSV"),
    file(
        "cut short", gzip.compress(TABLE.encode())[:-20], "gzip is damaged or was cut short", "store it again"
    ),
    file("empty", "", "holds no profile at all", "check that PERSONA_SOURCE", exit_code=1),
    file("a header alone", HEADER, "holds no profile at all", "check that PERSONA_SOURCE", exit_code=1),
    file(
        "no header", ROWS, "carry any of the channels' traits (web, app)", "the first line names", exit_code=1
    ),
    file(
        "other names of columns",
        TABLE.replace("web,app", "web_visits,app_opens"),
        "(web, app): they have other names",
        "look like them: for web: web_visits?; for app: app_opens?",
        "`python -m persona check FILE` shows",
        exit_code=1,
    ),
    file(
        "words in the place of numbers",
        HEADER + "".join(f"\nu{n},often,rarely,1,pro" for n in range(60)),
        "60 could not be read (60 activity not numeric",
        "PERSONA_CHANNELS names traits that count what people do, as numbers",
        exit_code=1,
    ),
    file(
        "nobody active",
        HEADER + "".join(f"\nu{n},0,0,1,pro" for n in range(60)),
        "of 60 profiles read, 60 have no activity",
        exit_code=1,
    ),
    file(
        "too few people",
        f"{HEADER}\nu1,1,2,3,pro",
        "all groups are too small",
        "1 active people of 1 read",
        "PERSONA_MIN_GROUP",
        exit_code=1,
    ),
    # What is typed
    Mistake(
        "a file as a command",
        ("expected options or the command check, got p.csv", "--source p.csv"),
        ("p.csv",),
    ),
    Mistake("an option misspelt", ("No such option '--sorce'", "Did you mean", "--source"), ("--sorce", "x")),
    Mistake("an option without its value", ("'--source' requires an argument",), ("--source",)),
    Mistake("a limit in words", ("'--limit': 'ten' is not a valid integer",), ("--limit", "ten")),
    Mistake(
        "a limit of nobody",
        ("bad_request: limit: expected a whole number from 1 to 10000", "got 0"),
        ("--limit", "0"),
    ),
    Mistake("a path as a run's id", ("run_id: expected [A-Za-z0-9]", "got 3 other"), ("--run-id", "a/b")),
    Mistake("a run's id that is empty", ("bad_request: run_id",), ("--run-id", "")),
    Mistake("half an address", ("PERSONA_SOURCE: expected gs://BUCKET/OBJECT",), ("--source", "gs://x")),
    Mistake(
        "two settings at once",
        ("bad_settings: ", "PERSONA_LIMIT", "LOG_LEVEL"),
        settings={"PERSONA_LIMIT": "x", "LOG_LEVEL": "y"},
    ),
]


@pytest.fixture(scope="module")
def services() -> Iterator[SimpleNamespace]:
    """A space without a profile, a Mave without credits, and a warehouse that nobody may read."""
    with ExitStack() as stack:
        mave = stack.enter_context(FakeMave())
        mave.script = [refuse(402)]
        yield SimpleNamespace(
            segment=stack.enter_context(FakeSegment([])),
            mave=mave,
            bigquery=stack.enter_context(FakeBigQuery(finds=job_error("accessDenied"))),
        )


@pytest.mark.parametrize("mistake", MISTAKES, ids=[one.name for one in MISTAKES])
def test_a_mistake_is_met_with_its_mending(
    mistake: Mistake, services: SimpleNamespace, tmp_path: Path
) -> None:
    """On stderr alone; and what is refused before anything is read writes nothing."""
    for name, content in mistake.files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    given = {name: text.format(**vars(services)) for name, text in mistake.settings.items()}
    ended = in_process(*mistake.arguments, cwd=tmp_path, **given)
    unsaid = [words for words in mistake.words if words not in ended.stderr]
    assert (mistake.exit_code, "", []) == (ended.exit_code, ended.stdout, unsaid), ended.stderr
    assert "reading profiles" in ended.stderr or not (tmp_path / "frameworks").exists()


def test_there_are_as_many_mistakes_as_a_first_hour_holds() -> None:
    assert len({mistake.name for mistake in MISTAKES}) == len(MISTAKES) >= 40


def test_an_older_python_is_refused_in_words_before_anything_is_installed() -> None:
    older = "import sys; sys.version_info = (3, 10, 13); import persona"
    ended = run(sys.executable, "-c", older, cwd=ROOT)
    assert ended.returncode == 1
    assert ended.stderr == (
        "expected Python 3.11 or newer, got 3.10; name a newer one, such as python3.12, in the place of "
        "python3\n"
    )


def test_a_python_without_the_packages_is_refused_in_words() -> None:
    ended = run(sys.executable, "-S", "-m", "persona", cwd=ROOT)
    assert (
        ended.returncode,
        "expected the packages of requirements.txt, got none called " in ended.stderr,
    ) == (1, True)
    assert ended.stderr.endswith("run the Python that they were installed for: .venv/bin/python -m persona\n")


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        framework = str(Path(sys.executable).parent / "functions-framework")
        function = (f"--source={ROOT / 'main.py'}", "--target=persona_http")
        served = run(framework, *function, "--host=127.0.0.1", f"--port={port}", cwd=tmp_path)
    assert (served.returncode != 0, f"('127.0.0.1', {port})" in served.stderr) == (True, True)


def run(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=cwd, env=environment(), capture_output=True, text=True, check=False, timeout=600
    )
