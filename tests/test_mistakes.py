"""Every mistake of a first hour is met in words: what was expected, what came, what to do."""

import gzip
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from cloud import FakeMave, FakeSegment, Service, refuse
from doors import ROOT, environment, in_process

pytestmark = pytest.mark.slow

TABLE = "user_id,web,app,ltv,plan\n" + "".join(f"u{n},{n % 7},{n % 5},{n},pro\n" for n in range(60))
PACKED = gzip.compress(TABLE.encode())
HEADER, ROWS = TABLE.split("\n", 1)
FILE = ("--source", "p.csv", "--channels", "web=web,app=app")
SPACE = {"SEGMENT_TOKEN": "{segment.token}", "SEGMENT_SPACE_ID": "{segment.space}"} | dict.fromkeys(
    ("SEGMENT_API_URL", "SEGMENT_PROFILE_API_URL"), "{segment.url}"
)
SAMPLE = {"PERSONA_SOURCE": "sample"}
MAVE = {**SAMPLE, "MAVERA_API_KEY": "{mave.key}", "MAVERA_API_URL": "{mave.url}"}


ABSENT = "expected a file, there is no such file: "
EMPTY = "expected a file, or a folder with files, got an empty folder: d"
TWO_KINDS = "expected files of one kind, got CSV and JSON lines; name one kind with *"


class Mistake(NamedTuple):
    name: str
    # What was expected, what came, what to do, as far as told; … between what is apart.
    words: tuple[str, ...]
    arguments: tuple[str, ...] = ()
    settings: Mapping[str, str] = {}
    files: Mapping[str, str | bytes] = {}
    exit_code: int = 2


def setting(name: str, text: str, *words: str, **more: str) -> Mistake:
    """A setting that is refused, with the sample as the source unless it says otherwise."""
    return Mistake(f"{name}={text}", (f"- {name}: expected ", *words), (), {**more, name: text})


def given(words: str, exit_code: int = 2, /, **settings: str) -> Mistake:
    """Settings that do not go together."""
    return Mistake(words, (words,), (), settings, exit_code=exit_code)


def file(name: str, content: str | bytes, *words: str, exit_code: int = 2) -> Mistake:
    """A file that holds no people."""
    return Mistake(f"file: {name}", words, FILE, {}, {"p.csv": content}, exit_code)


def nobody(name: str, content: str, *words: str) -> Mistake:
    """A file that can be read, and of which nobody may be shown."""
    return file(name, content, *words, exit_code=1)


def typed(arguments: str, *words: str, **files: str) -> Mistake:
    """A command line that is refused; where it names a source, beside these files."""
    return Mistake(arguments, words, tuple(arguments.split(" ")), {}, files)


MISTAKES = [
    # Names of settings, and what they say
    setting("SEGMENT_TOKENS", "t", "a setting's name", "the nearest is SEGMENT_TOKEN"),
    setting("PERSONA_LIMIT", "10k", "a whole number from 0 to ", "got '10k'"),
    setting("PERSONA_DOMINANCE", "50", "from 0.2 to 0.95 (a share: 0.5 is 50 %)", "got '50'"),
    setting("PERSONA_CURRENCY", "US dollars", "a currency's sign or code", "got 'US dollars'"),
    setting("PERSONA_CHANNELS", "web", "channel=trait pairs", "such as web=web_visits", "got 'web'"),
    setting("PERSONA_CHANNELS", "web: w, app: a", "channel=trait pairs", "got 'web: w, app: a'"),
    given(
        "PERSONA_SOURCE: expected … PERSONA_AUTHOR: expected … PERSONA_OUTPUT: expected gs://BUCKET",
        K_SERVICE="persona",
    ),
    # Keys, spaces, regions, addresses, ports
    given("PERSONA_SOURCE: expected … (or SEGMENT_TOKEN) … got nothing", SEGMENT_SPACE_ID="spa_1"),
    given(
        "SEGMENT_SPACE_ID: expected a value … got nothing … Unify, Unify settings, API access",
        SEGMENT_TOKEN="t",
    ),
    given(
        "SEGMENT_TOKEN: expected a value … got nothing … Access Management, Tokens … API access",
        PERSONA_SOURCE="segment",
        SEGMENT_SPACE_ID="spa_1",
    ),
    setting("SEGMENT_TOKEN", "Bearer abc", "the secret alone", "or Bearer", SEGMENT_SPACE_ID="spa_1"),
    setting("SEGMENT_SPACE_ID", "https://app.segment.com/x/spa_1", "such as spa_…", SEGMENT_TOKEN="t"),
    given(
        "PERSONA_SOURCE: expected sample, segment … the built-in sample comes unasked only … got nothing",
        MAVERA_API_KEY="k",
    ),
    setting("MAVERA_API_URL", "http://app.mavera.io/api/v1", "https://", "got 'http://app.mavera.io/api/v1'"),
    setting("SEGMENT_API_URL", "http://127.0.0.1:99999", "ports to 65535", "got 'http://127.0.0.1:99999'"),
    given(
        "answered 401 … the token is wrong … SEGMENT_API_URL=https://eu1. … check SEGMENT_TOKEN",
        1,
        **{**SPACE, "SEGMENT_TOKEN": "wrong"},
    ),
    given("lists no merged profiles … SEGMENT_SPACE_ID names another space … profile explorer", 1, **SPACE),
    given(
        "Mave answered 401 … check MAVERA_API_KEY … nothing was paid",
        1,
        **{**MAVE, "MAVERA_API_KEY": "wrong"},
    ),
    given(
        "Mave answered 402 … the credits or the budget are used up … billing page … nothing was paid",
        1,
        **MAVE,
    ),
    # Sources and outputs
    given(
        "gs://BUCKET/OBJECT with both names, or a file path … got ", PERSONA_SOURCE="s3://bucket/people.csv"
    ),
    setting("PERSONA_OUTPUT", "gs:/bucket", "gs://BUCKET[/PREFIX] or a folder", "got 'gs:/bucket'"),
    typed("--source segments", f"{ABSENT}segments; is segment meant?"),
    typed("--source peple.csv", f"{ABSENT}peple.csv; is people.csv meant?", **{"people.csv": TABLE}),
    typed(
        "check data.csv",
        f"{ABSENT}data.csv; name it from the folder that the command is given in",
        **{"x/people.csv": TABLE},
    ),
    typed("--source d", EMPTY, **{"d/.keep": ""}),
    typed("--source two", TWO_KINDS, **{"two/a.csv": TABLE, "two/b.jsonl": "{}"}),
    file("a spreadsheet", b"PK\x03\x04....", "looks like a ZIP archive or a spreadsheet", "save it as CSV"),
    file("of Excel, in UTF-16", TABLE.encode("utf-16"), "looks like text in UTF-16", "save it as UTF-8"),
    file("a database", b"SQLite format 3\0", "looks like an SQLite database", "export a table as CSV"),
    file("a sign-in page", "<html>Sign in</html>", "looks like HTML or XML", "write JSON lines, CSV"),
    file("cut short", PACKED[:-20], "gzip is damaged or cut off", "store it again"),
    nobody("empty", "", "holds no profile at all", "check that PERSONA_SOURCE"),
    nobody("a header alone", HEADER, "holds no profile at all", "check that PERSONA_SOURCE"),
    nobody("no header", ROWS, "carry any of the channels' traits (web, app)", "the first line names"),
    nobody(
        "other names of columns beside one without a name",
        ",customer,web_visits,app_opens\n" + "".join(f"{n},c{n},{n % 7},{n % 5}\n" for n in range(60)),
        "(web, app): they have other names … look like them: for web: web_visits?; for app: app_opens?",
        "`python -m persona check FILE` shows",
    ),
    nobody(
        "nobody active",
        HEADER + "".join(f"\nu{n},0,0,1,pro" for n in range(60)),
        "of 60 profiles read, 60 have no activity",
    ),
    nobody(
        "too few people",
        f"{HEADER}\nu1,1,2,3,pro",
        "all groups are too small … 1 active people of 1 read … PERSONA_MIN_GROUP",
    ),
    # What is typed
    typed("p.csv", "expected options or the command check, got p.csv … --source p.csv"),
    typed("--sorce x", "No such option '--sorce'", "Did you mean", "--source"),
    typed("--limit 0", "bad_request: limit: expected a whole number from 1 to 10000 … got 0"),
    typed("--run-id a/b", "run_id: expected [A-Za-z0-9]", "got 3 other"),
    typed("--run-id ", "bad_request: run_id"),
    typed("--source gs://x", "PERSONA_SOURCE: expected gs://BUCKET/OBJECT"),
    given("bad_settings:  … PERSONA_LIMIT … LOG_LEVEL", PERSONA_LIMIT="x", LOG_LEVEL="y"),
]


@pytest.fixture(scope="module")
def services() -> Iterator[dict[str, Service]]:
    """A space without a profile, and a Mave without credits."""
    with FakeSegment([]) as segment, FakeMave() as mave:
        mave.script = [refuse(402)]
        yield {"segment": segment, "mave": mave}


@pytest.mark.parametrize("mistake", MISTAKES, ids=[one.name for one in MISTAKES])
def test_a_mistake_is_met_with_its_mending(
    mistake: Mistake, services: dict[str, Service], tmp_path: Path
) -> None:
    """On stderr alone; and what is refused before anything is read writes nothing."""
    for name, content in mistake.files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    settings = {name: text.format(**services) for name, text in mistake.settings.items()}
    ended = in_process(*mistake.arguments, cwd=tmp_path, **settings)
    told = [words for part in mistake.words for words in part.split(" … ")]
    unsaid = [words for words in told if words not in ended.stderr]
    assert (mistake.exit_code, "", []) == (ended.exit_code, ended.stdout, unsaid), ended.stderr
    assert "reading profiles" in ended.stderr or not (tmp_path / "frameworks").exists()


def test_there_are_as_many_mistakes_as_a_first_hour_holds() -> None:
    assert len({mistake.name for mistake in MISTAKES}) == len(MISTAKES) >= 40


def test_an_older_python_is_refused_in_words_before_anything_is_installed() -> None:
    ended = python("-c", "import sys; sys.version_info = (3, 10, 13); import persona")
    assert ended.returncode == 1
    assert ended.stderr == (
        "expected Python 3.11 or newer, got 3.10; name a newer one, such as python3.12, in the place of "
        "python3\n"
    )


def test_a_python_without_the_packages_is_refused_in_words() -> None:
    ended = python("-S", "-m", "persona")
    assert ended.returncode == 1
    assert "expected the packages of requirements.txt, got none called " in ended.stderr
    assert ended.stderr.endswith("run the Python that they were installed for: .venv/bin/python -m persona\n")


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
