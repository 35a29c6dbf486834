"""The deployment, without a cloud: every step's shell runs for real, before a gcloud that writes down."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pathspec
import pytest
from ruamel.yaml import YAML

from persona.settings import read_settings

ROOT = Path(__file__).parent.parent
BUILD = YAML(typ="safe").load(ROOT / "cloudbuild.yaml")
STEPS = {step["id"]: step for step in BUILD["steps"]}
SUBSCRIPTION = "eventarc-us-central1-persona-pubsub-123456-sub-789"
BUILT_IN = {"PROJECT_ID": "acme-1", "PROJECT_NUMBER": "42"}
RUNS_AS = "serviceAccount:persona-run@acme-1.iam.gserviceaccount.com"
SCHEDULER = "serviceAccount:persona-scheduler@acme-1.iam.gserviceaccount.com"
TRIGGER = "serviceAccount:persona-trigger@acme-1.iam.gserviceaccount.com"
PUBSUB = "serviceAccount:service-42@gcp-sa-pubsub.iam.gserviceaccount.com"
CHANNELS = "web=web_sessions_30d,sms=sms_clicks_30d"
USUAL = {
    "_SEGMENT_SPACE_ID": "spa_1",
    "_PERSONA_CHANNELS": CHANNELS,
    "_PERSONA_LTV_TRAIT": "'|$",
    "_READERS": "user:ada@example.com,group:growth@example.com",
    "_CALLERS": "group:growth@example.com",
}

Calls = list[dict[str, Any]]


def expanded(text: str, values: Mapping[str, str]) -> str:
    """The text as Cloud Build hands it on: $NAME and ${NAME} replaced, `$$` a dollar; a name must exist."""

    def value(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        name = match[1] or match[2]
        if name not in values:
            raise KeyError(f"{match[0]}{match.string[match.end() :][:20]!r} is no substitution")
        return values[name]

    return re.sub(r"\$\$|\$\{(_?[A-Z][A-Z0-9_]*)\}|\$(_?[A-Z][A-Z0-9_]*)?", value, text)


@dataclass
class Cloud:
    """A project with two secrets, and a clone of the program to build from."""

    place: Path

    @property
    def world(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads((self.place / "world.json").read_text())
        return read

    def set(self, **more: object) -> None:
        (self.place / "world.json").write_text(json.dumps(self.world | more))

    def run(self, step: str, **substitutions: str) -> subprocess.CompletedProcess[str]:
        values = BUILD["substitutions"] | BUILT_IN | substitutions
        words = [STEPS[step]["entrypoint"], *(expanded(word, values) for word in STEPS[step]["args"])]
        lines = (expanded(line, values) for line in STEPS[step].get("env", []))
        environment = dict(line.split("=", 1) for line in lines) | {
            "PATH": f"{self.place / 'bin'}:/usr/bin:/bin",
            "WORLD": str(self.place / "world.json"),
        }
        return subprocess.run(
            words, cwd=self.place / "workspace", env=environment, capture_output=True, text=True, check=False
        )

    def build(self, **substitutions: str) -> Calls:
        """Run every step in order; return what gcloud was asked for, in order."""
        self.set(calls=[])
        for step in STEPS:
            done = self.run(step, **substitutions)
            assert (done.returncode, done.stderr) == (0, ""), step
        calls: Calls = self.world["calls"]
        return calls


def new_cloud(place: Path) -> Cloud:
    for folder in ("bin", "workspace/tests"):
        (place / folder).mkdir(parents=True)
    for name in ("main.py", "requirements.txt", ".constraints.txt"):
        shutil.copy(ROOT / name, place / "workspace")
    shutil.copytree(ROOT / "persona", place / "workspace" / "persona")
    fakes = {
        "bin/gcloud": f'exec "{sys.executable}" -I -S "{ROOT}/tests/data/gcloud.py" "$@"',
        "bin/python": f'exec "{sys.executable}" "$@"',
        "bin/sleep": 'echo "$1" >> "$(dirname "$WORLD")/slept"',
        "workspace/tests/run": 'touch "$(dirname "$WORLD")/checked"',
    }
    for path, line in fakes.items():
        (place / path).write_text(f"#!/usr/bin/env bash\n{line}\n")
        (place / path).chmod(0o755)
    secrets = {
        f"secret/{name}": {"name": f"projects/42/secrets/{name}/versions/3"}
        for name in ("segment-token", "mavera-api-key")
    }
    (place / "world.json").write_text(
        json.dumps({"things": secrets, "roles": {}, "calls": [], "unknown": {}})
    )
    return Cloud(place)


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    return new_cloud(tmp_path)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Cloud, Calls]:
    """A project after its first build with everything a usual user gives, and the calls of that build."""
    cloud = new_cloud(tmp_path_factory.mktemp("first"))
    calls = cloud.build(**USUAL)
    return cloud, calls


@pytest.fixture
def built(first: tuple[Cloud, Calls], tmp_path: Path) -> Cloud:
    """A copy of that project, to build in again."""
    shutil.copytree(first[0].place, tmp_path, dirs_exist_ok=True)
    return Cloud(tmp_path)


def flags_of(calls: Calls, command: str, name: str) -> dict[str, str]:
    """The flags of the one call of a command on a name."""
    (found,) = [call for call in calls if (call["command"], call["name"]) == (command, name)]
    return dict(found["flags"])


def settings_of(flags: Mapping[str, str]) -> dict[str, str]:
    """What gcloud makes of --set-env-vars (gcloud topic escaping), without the project: no setting."""
    delimiter, text = flags["--set-env-vars"][1:].split("^", 1)
    settings = dict(pair.split("=", 1) for pair in text.split(delimiter))
    assert settings.pop("GOOGLE_CLOUD_PROJECT") == BUILT_IN["PROJECT_ID"]
    return settings


def seconds(text: str) -> int:
    return int(text.removesuffix("s"))


def changes(calls: Calls) -> Calls:
    """Calls that are neither questions nor roles (a role that is held already is not given again)."""
    return [call for call in calls if not call["command"].endswith(("describe", "binding"))]


# The file.


def test_the_file_fits_the_published_schema_of_cloud_build() -> None:
    """`check-jsonschema` carries the schema with it: no network."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "check_jsonschema",
            "--builtin-schema",
            "vendor.cloudbuild",
            ROOT / "cloudbuild.yaml",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_every_substitution_is_declared_and_used() -> None:
    """Cloud Build refuses a build whose own substitutions do not match its text."""
    words = [word for step in BUILD["steps"] for word in (*step["args"], *step.get("env", []))]
    used = {
        name for word in words for name in re.findall(r"(?<!\$)\$\{?(_[A-Z0-9_]+)", word.replace("$$", "  "))
    }
    assert set(BUILD["substitutions"]) == used


def test_a_name_that_nobody_declared_ends_the_build() -> None:
    with pytest.raises(KeyError, match="is no substitution"):
        expanded("echo $_NOBODY", BUILD["substitutions"])


@pytest.mark.parametrize("step", [step["id"] for step in BUILD["steps"]])
def test_values_reach_a_shell_as_variables_only(step: str) -> None:
    """A value in the text of a script could be read as part of the script."""
    for word in STEPS[step]["args"]:
        assert re.sub(r"\$\$", "", word).count("$") == 0
        assert len(word) < 10_000  # Cloud Build's limit for one argument


def test_steps_with_an_environment_share_one() -> None:
    assert len({tuple(step["env"]) for step in BUILD["steps"] if "env" in step}) == 1


def test_the_upload_holds_what_a_build_needs_and_nothing_private() -> None:
    ignored = pathspec.GitIgnoreSpec.from_lines((ROOT / ".gcloudignore").read_text().splitlines())
    needed = [
        "main.py",
        "persona/settings.py",
        "persona/mave/prompt.md",
        "requirements.txt",
        ".constraints.txt",
    ]
    needed += ["tests/run", "tests/requirements.txt", "tests/data/gcloud.py", "cloudbuild.yaml", "README.md"]
    needed += [".ruff.toml", ".mypy.ini", ".pytest.ini", ".coveragerc", ".ci/run", ".gcloudignore"]
    private = [
        ".venv/bin/python",
        ".git/config",
        "frameworks/latest.json",
        "persona/__pycache__/x.pyc",
        ".env",
    ]
    assert (needed, private) == (
        [path for path in needed if not ignored.match_file(path)],
        [path for path in private if ignored.match_file(path)],
    )


# Settings.


class _Asked(Mapping[str, str]):
    """An empty environment that remembers which settings were looked for."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def test_a_deployment_can_pass_every_setting_that_the_program_reads_and_no_other() -> None:
    """Both ways: a setting without a substitution cannot be changed, one that is not read is a mistake."""
    asked = _Asked()
    read_settings(asked, "http")
    names = {line.partition("=")[0] for line in STEPS["deploy"]["env"]}
    passed = {name for name in names if re.match(r"PERSONA_|SEGMENT_|MAVE|LOG_LEVEL", name)}
    secret = {name.removeprefix("SECRET_") for name in names if name.startswith("SECRET_")}
    assert asked.names - {"K_SERVICE"} == passed | secret


def test_a_setting_is_passed_as_it_was_given_and_an_empty_one_is_not(first: tuple[Cloud, Calls]) -> None:
    """Commas, quotes and all."""
    flags = flags_of(first[1], "functions deploy", "persona-http")
    assert settings_of(flags) == {
        "PERSONA_OUTPUT": "gs://acme-1-persona",
        "PERSONA_CHANNELS": CHANNELS,
        "PERSONA_LTV_TRAIT": "'|$",
        "SEGMENT_SPACE_ID": "spa_1",
        "PERSONA_DEADLINE_SECONDS": "900",
    }


def test_all_settings_given_are_all_passed(cloud: Cloud) -> None:
    """Each under its own name, to the function whose program then accepts them together."""
    given = {
        "PERSONA_SOURCE": "bigquery://acme-1.profiles",
        "SEGMENT_SPACE_ID": "spa_1",
        "SEGMENT_API_URL": "https://eu1.api.segmentapis.com",
        "SEGMENT_PROFILE_API_URL": "https://profiles.euw1.segment.com",
        "MAVERA_API_URL": "https://app.mavera.io/api/v2",
        "MAVERA_WORKSPACE_ID": "ws_1",
        "MAVE_TIMEOUT_SECONDS": "200",
        "PERSONA_AUTHOR": "facts",
        "PERSONA_OUTPUT": "gs://elsewhere/personas",
        "PERSONA_LIMIT": "0",
        "PERSONA_CHANNELS": "web=visits,email=opens",
        "PERSONA_LTV_TRAIT": "lifetime",
        "PERSONA_PLAN_TRAIT": "tier",
        "PERSONA_CURRENCY": "€",
        "PERSONA_DOMINANCE": "0.6",
        "PERSONA_MIN_GROUP": "10",
        "PERSONA_PERIOD": "week",
        "PERSONA_MIN_DRIFT": "0.05",
        "PERSONA_MAVE_CALLS": "1",
        "PERSONA_DEADLINE_SECONDS": "1200",
        "PERSONA_IDENTIFIERS": "gs://lists/ids",
        "PERSONA_RATE": "50",
        "PERSONA_EVENTS": "on",
        "PERSONA_EMAIL_TABLES": "opened,clicked",
        "PERSONA_MAX_BYTES": "1000",
        "LOG_LEVEL": "DEBUG",
    }
    calls = cloud.build(**{f"_{name}": value for name, value in given.items()})
    passed = settings_of(flags_of(calls, "functions deploy", "persona-http"))
    assert given == passed
    assert read_settings(passed | {"K_SERVICE": "persona-http"}, "http").channels == {
        "web": "visits",
        "email": "opens",
    }


@pytest.mark.parametrize(
    ("substitutions", "says"),
    [
        ({"_SEGMENT_SPACE_ID": ""}, "SEGMENT_SPACE_ID: expected a value, since the source is segment"),
        ({"_SECRET_SEGMENT_TOKEN": ""}, "PERSONA_SOURCE: expected sample"),
        ({"_SECRET_MAVERA_API_KEY": ""}, "PERSONA_AUTHOR: expected MAVERA_API_KEY"),
        ({"_PERSONA_DOMINANCE": "2"}, "PERSONA_DOMINANCE: expected a number from 0.2 to 0.95"),
        ({"_PERSONA_OUTPUT": "frameworks"}, "_PERSONA_OUTPUT: expected gs://BUCKET"),
        (
            {"_PERSONA_DEADLINE_SECONDS": "900.5"},
            "_PERSONA_DEADLINE_SECONDS: expected whole seconds",
        ),
        ({"_PUBSUB_DEADLINE_SECONDS": "481"}, "_PUBSUB_DEADLINE_SECONDS: expected whole seconds"),
        ({"_PUBSUB_DEADLINE_SECONDS": "100"}, "The pubsub function would not start"),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_a_wrong_setting_ends_the_build_before_anything_is_created(
    cloud: Cloud, substitutions: dict[str, str], says: str
) -> None:
    done = cloud.run("settings", **({"_SEGMENT_SPACE_ID": "spa_1"} | substitutions))
    assert done.returncode == 1
    assert says in done.stderr


# What is created.


def test_the_check_runs_first(first: tuple[Cloud, Calls]) -> None:
    assert (next(iter(STEPS)), True) == ("check", (first[0].place / "checked").exists())


def test_the_first_build_creates_exactly_this(first: tuple[Cloud, Calls]) -> None:
    made = [f"{call['command']} {call['name']}" for call in changes(first[1])]
    assert made == [
        "iam service-accounts create persona-run",
        "iam service-accounts create persona-scheduler",
        "iam service-accounts create persona-trigger",
        "storage buckets create gs://acme-1-persona",
        "pubsub topics create persona",
        "pubsub topics create persona-dead-letter",
        "pubsub subscriptions create persona-dead-letter",
        "functions deploy persona-http",
        "functions deploy persona-pubsub",
        f"pubsub subscriptions update {SUBSCRIPTION}",
        "scheduler jobs create http persona",
    ]


def test_each_identity_holds_these_roles_and_no_others(first: tuple[Cloud, Calls]) -> None:
    """The README's table of roles; none is held on the project."""
    assert first[0].world["roles"] == {
        "bucket/gs://acme-1-persona": [
            ["roles/storage.objectUser", RUNS_AS],
            ["roles/storage.objectViewer", "user:ada@example.com"],
            ["roles/storage.objectViewer", "group:growth@example.com"],
        ],
        "secret/segment-token": [["roles/secretmanager.secretAccessor", RUNS_AS]],
        "secret/mavera-api-key": [["roles/secretmanager.secretAccessor", RUNS_AS]],
        "topic/persona-dead-letter": [["roles/pubsub.publisher", PUBSUB]],
        f"subscription/{SUBSCRIPTION}": [["roles/pubsub.subscriber", PUBSUB]],
        "function/persona-pubsub": [["roles/run.invoker", TRIGGER]],
        "function/persona-http": [
            ["roles/run.invoker", SCHEDULER],
            ["roles/run.invoker", "group:growth@example.com"],
        ],
    }


def test_the_bucket_is_private(first: tuple[Cloud, Calls]) -> None:
    assert flags_of(first[1], "storage buckets create", "gs://acme-1-persona") == {
        "--location": "us-central1",
        "--uniform-bucket-level-access": "",
        "--public-access-prevention": "",
    }


def test_a_dead_letter_is_kept_for_a_person(first: tuple[Cloud, Calls]) -> None:
    assert flags_of(first[1], "pubsub subscriptions create", "persona-dead-letter") == {
        "--topic": "persona-dead-letter",
        "--message-retention-duration": "31d",
        "--expiration-period": "never",
    }


def test_an_account_not_known_yet_is_given_its_role_a_little_later(cloud: Cloud) -> None:
    """Accounts take some seconds to be known everywhere."""
    cloud.set(unknown={RUNS_AS: 2})
    done = cloud.run("create", **USUAL)
    assert (done.returncode, (cloud.place / "slept").read_text()) == (0, "5\n10\n")


def test_a_role_that_cannot_be_given_ends_the_build(cloud: Cloud) -> None:
    cloud.set(unknown={RUNS_AS: 99})
    assert cloud.run("create", **USUAL).returncode == 1


# The functions.


def test_the_http_function_is_deployed_like_this(first: tuple[Cloud, Calls]) -> None:
    flags = flags_of(first[1], "functions deploy", "persona-http")
    del flags["--set-env-vars"], flags["--update-labels"]
    assert flags == {
        "--gen2": "",
        "--region": "us-central1",
        "--runtime": "python313",
        "--source": ".function",
        "--entry-point": "persona_http",
        "--memory": "1Gi",
        "--cpu": "1",
        "--concurrency": "4",
        "--min-instances": "0",
        "--max-instances": "2",
        "--timeout": "960s",
        "--run-service-account": "persona-run@acme-1.iam.gserviceaccount.com",
        "--build-service-account": (
            "projects/acme-1/serviceAccounts/persona-builder@acme-1.iam.gserviceaccount.com"
        ),
        "--no-allow-unauthenticated": "",
        "--ingress-settings": "all",
        "--set-secrets": "SEGMENT_TOKEN=segment-token:3,MAVERA_API_KEY=mavera-api-key:3",
        "--trigger-http": "",
    }


def test_the_event_function_differs_in_this(first: tuple[Cloud, Calls]) -> None:
    """One event an instance, retried, and reached from inside the project only."""
    http = flags_of(first[1], "functions deploy", "persona-http")
    pubsub = flags_of(first[1], "functions deploy", "persona-pubsub")
    differing = {flag: value for flag, value in pubsub.items() if http.get(flag) != value}
    del differing["--set-env-vars"], differing["--update-labels"]
    assert differing == {
        "--entry-point": "persona_pubsub",
        "--concurrency": "1",
        "--timeout": "540s",
        "--ingress-settings": "internal-only",
        "--trigger-topic": "persona",
        "--trigger-location": "us-central1",
        "--trigger-service-account": "persona-trigger@acme-1.iam.gserviceaccount.com",
        "--retry": "",
    }
    assert settings_of(pubsub) == settings_of(http) | {"PERSONA_DEADLINE_SECONDS": "480"}


def test_what_is_deployed_is_the_program_alone_with_its_pins(first: tuple[Cloud, Calls]) -> None:
    source = first[0].place / "workspace" / ".function"
    names = {path.name for path in source.iterdir()}
    assert names == {"main.py", "persona", "requirements.txt", ".constraints.txt"}
    assert not list(source.rglob("__pycache__"))
    assert (source / "requirements.txt").read_text().startswith((ROOT / "requirements.txt").read_text())


def test_mave_is_never_asked_by_more_than_ten_at_once(first: tuple[Cloud, Calls]) -> None:
    """Its own limit (docs: guides/rate-limits)."""
    both = [flags_of(first[1], "functions deploy", f"persona-{door}") for door in ("http", "pubsub")]
    assert sum(int(flags["--max-instances"]) * int(flags["--concurrency"]) for flags in both) <= 10


@pytest.mark.parametrize(
    ("chosen", "named"),
    [
        (("", ""), "--set-secrets=SEGMENT_TOKEN=segment-token:3,MAVERA_API_KEY=mavera-api-key:3"),
        (("profile-api", "facts"), "--set-secrets=SEGMENT_TOKEN=segment-token:3"),
        (("bigquery://acme-1.space", ""), "--set-secrets=MAVERA_API_KEY=mavera-api-key:3"),
        (("gs://exports/all.jsonl.gz", "Facts"), "--clear-secrets="),
    ],
    ids=["segment and mave", "facts", "bigquery", "export and facts"],
)
def test_a_secret_that_is_not_used_is_not_named(cloud: Cloud, chosen: tuple[str, str], named: str) -> None:
    """No secret needs to exist for it, and the function could not read it."""
    source, author = chosen
    calls = cloud.build(_SEGMENT_SPACE_ID="spa_1", _PERSONA_SOURCE=source, _PERSONA_AUTHOR=author)
    flags = flags_of(calls, "functions deploy", "persona-http")
    (found,) = [f"{flag}={value}" for flag, value in flags.items() if flag.endswith("-secrets")]
    asked = {call["name"] for call in calls if call["command"] == "secrets add-iam-policy-binding"}
    assert named == found
    assert asked == {name for name in ("segment-token", "mavera-api-key") if name in named}


# Time.


@pytest.mark.parametrize(("http_seconds", "pubsub_seconds"), [(900, 480), (300, 260), (3500, 480)])
def test_the_timeouts_agree_with_the_deadlines_and_the_leases(
    cloud: Cloud, http_seconds: int, pubsub_seconds: int
) -> None:
    calls = cloud.build(
        **USUAL, _PERSONA_DEADLINE_SECONDS=str(http_seconds), _PUBSUB_DEADLINE_SECONDS=str(pubsub_seconds)
    )
    http = flags_of(calls, "functions deploy", "persona-http")
    pubsub = flags_of(calls, "functions deploy", "persona-pubsub")
    job = flags_of(calls, "scheduler jobs create http", "persona")
    event = flags_of(calls, "pubsub subscriptions update", SUBSCRIPTION)
    keys = {"SEGMENT_TOKEN": "token", "MAVERA_API_KEY": "key"}
    http_lease = read_settings(settings_of(http) | keys, "http").lease_seconds
    pubsub_lease = read_settings(settings_of(pubsub) | keys, "pubsub").lease_seconds

    # A function outlives its run's deadline, and stays within what the platform allows.
    assert http_seconds < seconds(http["--timeout"]) <= 3600
    assert pubsub_seconds < seconds(pubsub["--timeout"]) <= 540
    # An event is not delivered again while it is being worked on.
    assert seconds(pubsub["--timeout"]) < int(event["--ack-deadline"]) <= 600
    # The wait between deliveries grows beyond a lease, long before the last one.
    assert pubsub_lease < seconds(event["--max-retry-delay"]) <= 600
    waits = [min(60 * 2**n, 600) for n in range(int(event["--max-delivery-attempts"]) - 1)]
    assert sum(waits) > 2 * pubsub_lease
    assert 10 <= int(event["--max-delivery-attempts"]) <= 100
    assert sum(waits) + 10 * 540 < 24 * 3600  # what Eventarc's subscription keeps
    # The scheduler waits for the answer where it can, and comes back after the lease.
    assert seconds(job["--attempt-deadline"]) == min(seconds(http["--timeout"]), 1800)
    assert http_lease < seconds(job["--min-backoff"]) <= seconds(job["--max-backoff"])
    assert 1 <= int(job["--max-retry-attempts"]) <= 5


# The triggers.


def test_the_generated_subscription_sends_what_fails_to_the_dead_letter_topic(
    first: tuple[Cloud, Calls],
) -> None:
    assert flags_of(first[1], "pubsub subscriptions update", SUBSCRIPTION) == {
        "--ack-deadline": "600",
        "--dead-letter-topic": "projects/acme-1/topics/persona-dead-letter",
        "--max-delivery-attempts": "10",
        "--min-retry-delay": "60s",
        "--max-retry-delay": "600s",
    }


def test_the_schedule_calls_the_function_as_itself(first: tuple[Cloud, Calls]) -> None:
    flags = flags_of(first[1], "scheduler jobs create http", "persona")
    del flags["--description"]
    assert flags == {
        "--location": "us-central1",
        "--schedule": "0 6 * * 1",
        "--time-zone": "Etc/UTC",
        "--uri": "https://persona-http-abc123-uc.a.run.app",
        "--http-method": "post",
        "--oidc-service-account-email": "persona-scheduler@acme-1.iam.gserviceaccount.com",
        "--oidc-token-audience": "https://persona-http-abc123-uc.a.run.app",
        "--attempt-deadline": "960s",
        "--max-retry-attempts": "3",
        "--max-doublings": "1",
        "--min-backoff": "1000s",
        "--max-backoff": "2000s",
    }


def test_without_a_schedule_there_is_no_job(cloud: Cloud) -> None:
    calls = cloud.build(**USUAL, _SCHEDULE="")
    assert not [call for call in calls if call["command"].startswith("scheduler")]


# Again.


def test_a_second_build_changes_nothing(built: Cloud) -> None:
    """Nothing is created, deployed or updated; the roles given again are held already."""
    before = built.world
    calls = built.build(**USUAL)
    after = built.world
    assert ([], before["things"], before["roles"]) == (changes(calls), after["things"], after["roles"])


@pytest.mark.parametrize(
    ("changed", "made"),
    [
        ({"_PERSONA_LIMIT": "500"}, ["functions deploy persona-http", "functions deploy persona-pubsub"]),
        ({"_CONCURRENCY": "2"}, ["functions deploy persona-http"]),
        ({"_SCHEDULE": "0 7 * * *"}, ["scheduler jobs update http persona"]),
        (
            {"_DELIVERY_ATTEMPTS": "20"},
            [f"pubsub subscriptions update {SUBSCRIPTION}"],
        ),
        ({"_READERS": "user:eve@example.com"}, []),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_later_build_changes_what_differs_and_nothing_else(
    built: Cloud, changed: dict[str, str], made: list[str]
) -> None:
    calls = built.build(**(USUAL | changed))
    assert made == [f"{call['command']} {call['name']}" for call in changes(calls)]


def test_an_update_keeps_the_trigger(built: Cloud) -> None:
    """A new one would drop the messages that wait for the old one."""
    calls = built.build(**USUAL, _PERSONA_LIMIT="500")
    flags = flags_of(calls, "functions deploy", "persona-pubsub")
    assert not {"--trigger-topic", "--retry", "--trigger-service-account"} & set(flags)


@pytest.mark.parametrize("path", ["persona/settings.py", ".constraints.txt", "requirements.txt", "main.py"])
def test_a_change_of_the_program_is_deployed(built: Cloud, path: str) -> None:
    with (built.place / "workspace" / path).open("a") as file:
        file.write("# changed\n")
    assert [call["name"] for call in changes(built.build(**USUAL))] == ["persona-http", "persona-pubsub"]


def test_a_new_version_of_a_key_is_deployed(built: Cloud) -> None:
    """The README's way to rotate a key."""
    newer = {"secret/mavera-api-key": {"name": "projects/42/secrets/mavera-api-key/versions/4"}}
    built.set(things=built.world["things"] | newer)
    flags = flags_of(built.build(**USUAL), "functions deploy", "persona-http")
    assert flags["--set-secrets"] == "SEGMENT_TOKEN=segment-token:3,MAVERA_API_KEY=mavera-api-key:4"


def test_a_function_that_failed_to_deploy_is_deployed_again(built: Cloud) -> None:
    things = built.world["things"]
    things["function/persona-http"]["state"] = "FAILED"
    built.set(things=things)
    assert [call["name"] for call in changes(built.build(**USUAL))] == ["persona-http"]


def test_an_answer_of_gcloud_that_says_no_ends_the_build(cloud: Cloud) -> None:
    """A secret that was never put, here."""
    cloud.set(things={})
    done = cloud.run("create", **USUAL)
    assert done.returncode == 1
    assert "secret/segment-token was not found" in done.stderr
