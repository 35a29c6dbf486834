"""The deployment, without a cloud: every step's shell runs for real, before a gcloud that is as strict."""

import copy
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pathspec
import pytest
from cloud.gcloud import AGENTS, BUILDER, COMMANDS, Gcloud, World, dictionary, serve, stub
from doors import DATA, NAMES
from ruamel.yaml import YAML
from substitutions import mistakes

from persona.settings import read_settings

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
BUILD = YAML(typ="safe").load(ROOT / "cloudbuild.yaml")
STEPS = {step["id"]: step for step in BUILD["steps"]}
SUBSCRIPTION = "eventarc-us-central1-persona-pubsub-123456-sub-789"
DELIVERY = f"pubsub subscriptions update {SUBSCRIPTION}"
BUILT_IN = {"PROJECT_ID": "acme-1", "PROJECT_NUMBER": "42"}
RUNS_AS = "serviceAccount:persona-run@acme-1.iam.gserviceaccount.com"
PUBSUB, EVENTARC = AGENTS
USUAL = {
    "_SEGMENT_SPACE_ID": "spa_1",
    "_PERSONA_CHANNELS": "web=web_sessions_30d,sms=sms_clicks_30d",
    "_PERSONA_LTV_TRAIT": "'|$",
    "_READERS": "user:ada@example.com,group:growth@example.com",
    "_CALLERS": "group:growth@example.com",
}

Calls = list[dict[str, Any]]


def blocks(page: str) -> list[str]:
    """The shell blocks of a page in .readme, as one would paste them."""
    text = (ROOT / ".readme" / page).read_text(encoding="utf-8")
    found = re.findall(r"^( *)```sh\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    return [re.sub(f"^{indent}", "", block, flags=re.MULTILINE) for indent, block in found]


def first_blocks() -> list[str]:
    """What leads from an empty project to a first framework."""
    page = blocks("deploy.md")
    return page[: next(i for i, block in enumerate(page) if block.startswith("curl")) + 1]


@dataclass
class Cloud:
    """A project, and a clone of the program to build from."""

    place: Path
    gcloud: Gcloud
    port: int

    @property
    def world(self) -> World:
        return self.gcloud.world

    @property
    def slept(self) -> list[int]:
        """The seconds of every wait."""
        return [int(line) for line in (self.place / "bin" / "slept").read_text().split()]

    def shell(self, account: str, words: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
        place = self.place / "workspace"
        environment |= {"PATH": f"{self.place / 'bin'}:/usr/bin:/bin"}
        environment |= {"GCLOUD_PORT": str(self.port), "GCLOUD_ACCOUNT": account}
        return subprocess.run(
            words, cwd=place, env=environment, input="key\n", capture_output=True, text=True, check=False
        )

    def run(self, step: str, **substitutions: str) -> subprocess.CompletedProcess[str]:
        """One step as Cloud Build runs it: the script as it stands, every substitution a variable."""
        script = self.place / "script"
        script.write_text(STEPS[step]["script"])
        script.chmod(0o755)
        values = BUILT_IN | BUILD["substitutions"] | substitutions
        named = dict(line.split("=", 1) for line in STEPS[step].get("env", []))
        named = {name: value.replace("$PROJECT_ID", "acme-1") for name, value in named.items()}
        return self.shell("builder", [str(script)], **values, **named)

    def build(self, *, steps: Iterable[str] = STEPS, **substitutions: str) -> Calls:
        """Run every step in order; return what gcloud was asked for, in order."""
        self.world.calls.clear()
        for step in steps:
            done = self.run(step, **substitutions)
            assert (done.returncode, done.stderr) == (0, ""), step
        return list(self.world.calls)

    def deploy(self, **substitutions: str) -> Calls:
        """The last step alone: for what the others have no part in."""
        return self.build(steps=["deploy"], **substitutions)


@contextmanager
def new_cloud(place: Path, world: World | None = None) -> Iterator[Cloud]:
    for folder in ("bin", "workspace/tests"):
        (place / folder).mkdir(parents=True)
    stub(place / "bin")
    for name in ("main.py", ".requirements.lock", "cloudbuild.yaml"):
        shutil.copy(ROOT / name, place / "workspace")
    for name in ("persona", ".ci"):
        shutil.copytree(ROOT / name, place / "workspace" / name, ignore=shutil.ignore_patterns("__pycache__"))
    check = place / "workspace" / "tests" / "run"
    check.write_text('#!/usr/bin/env bash\necho "$@" > checked\n')
    check.chmod(0o755)
    gcloud = Gcloud(copy.deepcopy(world) or World())
    with serve(gcloud) as port:
        yield Cloud(place, gcloud, port)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> World:
    """An empty project after what deploy.md says to do before the first build."""
    with new_cloud(tmp_path_factory.mktemp("prepared")) as cloud:
        cloud.world.unknown = {BUILDER: 2}
        before = "\n".join(
            block for block in first_blocks() if not re.match("curl|gcloud beta builds", block)
        )
        done = cloud.shell("ada", ["bash", "-euc", before.replace("acme-persona-1", "acme-1")])
        assert (done.returncode, "NOT GIVEN" in done.stdout) == (0, False), done.stderr
        return cloud.world


@pytest.fixture
def cloud(tmp_path: Path, prepared: World) -> Iterator[Cloud]:
    with new_cloud(tmp_path, prepared) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory, prepared: World) -> Iterator[tuple[Cloud, Calls]]:
    """A project after its first build with everything a usual user gives, and the calls of that build."""
    with new_cloud(tmp_path_factory.mktemp("first"), prepared) as cloud:
        yield cloud, cloud.build(**USUAL)


@pytest.fixture
def built(first: tuple[Cloud, Calls], cloud: Cloud) -> Cloud:
    """A copy of that project, to build in again."""
    cloud.gcloud.world = copy.deepcopy(first[0].world)
    return cloud


def flags_of(calls: Calls, command: str, name: str) -> dict[str, str]:
    """The flags of the one call of a command on a name."""
    (call,) = [call for call in calls if (call["command"], call["name"]) == (command, name)]
    return dict(call["flags"])


def settings_of(flags: Mapping[str, str]) -> dict[str, str]:
    """What gcloud makes of --set-env-vars (gcloud topic escaping), without the project: no setting."""
    settings = dictionary(flags["--set-env-vars"])
    assert settings.pop("GOOGLE_CLOUD_PROJECT") == BUILT_IN["PROJECT_ID"]
    return settings


def seconds(text: str) -> int:
    return int(text.removesuffix("s"))


def words_of(call: dict[str, Any]) -> list[str]:
    """A call as it was typed."""
    flags = [f"{flag}={value}".removesuffix("=") for flag, value in call["flags"].items()]
    return ["gcloud", *call["command"].split(), *filter(None, [call["name"]]), *flags]


def changes(calls: Calls) -> list[str]:
    """Calls that are neither questions nor roles (a role that is held already is not given again)."""
    made = [f"{call['command']} {call['name']}" for call in calls]
    return [one for one in made if not re.search(" (describe|list|add-[a-z-]+-binding) ", one)]


# The file.


def test_the_file_fits_the_published_schema_of_cloud_build() -> None:
    """`check-jsonschema` carries the schema with it: no network."""
    command = ["-m", "check_jsonschema", "--builtin-schema", "vendor.cloudbuild", "cloudbuild.yaml"]
    done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_file_is_at_most_300_lines() -> None:
    assert len((ROOT / "cloudbuild.yaml").read_text(encoding="utf-8").splitlines()) <= 300


def test_values_reach_a_script_as_variables_only() -> None:
    """Cloud Build substitutes in everything but a `script`; a value in it could be read as part of it."""
    assert BUILD["options"]["automapSubstitutions"]
    assert [step for step in BUILD["steps"] if {"args", "entrypoint"} & set(step)] == []
    assert {line for step in BUILD["steps"] for line in step.get("env", []) if "$_" in line} == set()


def test_images_are_named_by_version() -> None:
    assert [step["name"] for step in BUILD["steps"] if not re.search(r":\d+\.\d+\.\d+", step["name"])] == []


def test_the_checks_have_a_larger_worker_than_cloud_builds_usual_one() -> None:
    assert int(BUILD["options"]["machineType"].rpartition("_")[2]) >= 8


def test_the_time_out_of_a_build_fits_its_checks_two_deployments_and_the_tries_for_a_trigger() -> None:
    tries = re.findall(r"wait='([\d ]+)'", STEPS["deploy"]["script"])[0].split()
    checks_seconds = seconds(STEPS["check"]["timeout"])
    assert checks_seconds + 2 * 600 + 5 * 120 + sum(map(int, tries)) <= seconds(BUILD["timeout"])


def test_the_upload_holds_what_a_build_needs_and_nothing_private() -> None:
    ignored = pathspec.GitIgnoreSpec.from_lines((ROOT / ".gcloudignore").read_text().splitlines())
    tests = "cloud/gcloud.py", "run", "pin", "requirements.txt", "requirements.lock", "pip.lock", "uv.lock"
    needed = ["main.py", "persona/settings.py", "persona/mave/prompt.md", "requirements.txt"]
    needed += ["cloudbuild.yaml", ".requirements.lock", "README.md", *(f"tests/{name}" for name in tests)]
    needed += [".ruff.toml", ".mypy.ini", ".pytest.ini", ".coveragerc", ".gcloudignore"]
    needed += [".ci/run", ".ci/substitutions.py"]
    private = [".venv/bin/python", ".git/config", "frameworks/latest.json"]
    private += ["persona/__pycache__/x.pyc", ".env"]
    assert (needed, private) == (
        [path for path in needed if not ignored.match_file(path)],
        [path for path in private if ignored.match_file(path)],
    )


@pytest.mark.parametrize("lock", [".requirements.lock", "tests/requirements.lock"])
def test_every_pin_has_its_hashes(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    pinned = re.compile(r"\S+==\S+( ;[^-]+)?(\s+--hash=sha256:\w{64})+")
    assert len(lines) > 20
    assert [line for line in lines if not pinned.fullmatch(line)] == []


def test_what_is_deployed_is_pinned_as_it_was_checked() -> None:
    run, checked = [
        set(re.findall(r"^\S+==\S+", (ROOT / lock).read_text(encoding="utf-8"), re.MULTILINE))
        for lock in (".requirements.lock", "tests/requirements.lock")
    ]
    assert run - checked == set()


# Settings.


def test_a_deployment_can_pass_every_setting_that_the_program_reads_and_no_other() -> None:
    """Both ways: a setting without a substitution cannot be changed, one that is not read is a mistake."""
    names = {name.removeprefix("_") for name in BUILD["substitutions"]}
    passed = {name for name in names if re.match(r"PERSONA_|SEGMENT_|MAVE|LOG_LEVEL", name)}
    secret = {name.removeprefix("SECRET_") for name in names if name.startswith("SECRET_")}
    assert passed | secret == NAMES


def test_all_settings_given_are_all_passed_as_they_were_given(cloud: Cloud) -> None:
    """Commas, quotes and all, each under its own name; that the program accepts them, its own tests show."""
    given = {name: "7" for name in NAMES if f"_{name}" in BUILD["substitutions"]}
    given |= {"PERSONA_OUTPUT": "gs://elsewhere/personas", "PERSONA_CHANNELS": "web=visits,email=opens"}
    given |= {"PERSONA_LTV_TRAIT": "'|$", "PERSONA_DEADLINE_SECONDS": "1200"}
    given |= {"PERSONA_SOURCE": "sample", "PERSONA_AUTHOR": "facts"}
    calls = cloud.deploy(**{f"_{name}": value for name, value in given.items()})
    assert given == settings_of(flags_of(calls, "functions deploy", "persona-http"))


RIGHT = [
    ({"_SCHEDULE": ""}, ""),
    ({"_SCHEDULE": "*/15 6-18 1,15 JAN-jun MON-FRI"}, ""),
    ({"_READERS": "domain:example.com,serviceAccount:a@b.iam.gserviceaccount.com"}, ""),
    ({"_REGION": "northamerica-northeast1"}, ""),
    ({"_NAME": "a-persona-of-20-char"}, ""),
]
MISTAKES = [
    ({"_SEGMENT_SPACE_ID": ""}, "SEGMENT_SPACE_ID: expected a value, since the source is segment"),
    ({"_SECRET_SEGMENT_TOKEN": ""}, "PERSONA_SOURCE: expected sample"),
    ({"_SECRET_MAVERA_API_KEY": ""}, "PERSONA_AUTHOR: expected MAVERA_API_KEY"),
    ({"_SECRET_MAVERA_API_KEY": "mvra_live.x"}, "_SECRET_MAVERA_API_KEY: expected the name of a secret"),
    ({"_PERSONA_DOMINANCE": "2"}, "PERSONA_DOMINANCE: expected a number from 0.2 to 0.95"),
    ({"_PERSONA_OUTPUT": "frameworks"}, "_PERSONA_OUTPUT: expected gs://BUCKET"),
    ({"_PERSONA_DEADLINE_SECONDS": "900.5"}, "_PERSONA_DEADLINE_SECONDS: expected whole seconds"),
    ({"_PUBSUB_DEADLINE_SECONDS": "481"}, "_PUBSUB_DEADLINE_SECONDS: expected whole seconds"),
    ({"_PUBSUB_DEADLINE_SECONDS": "100"}, "the pubsub function would not start"),
    ({"_READERS": "ada@example.com"}, "_READERS: expected user:ada@example.com"),
    ({"_READERS": "user:ada@example.com, user:bob@example.com"}, "_READERS: expected user:ada@example.com"),
    ({"_CALLERS": "allUsers"}, "_CALLERS: expected user:ada@example.com"),
    ({"_NAME": "persona-of-the-whole-company"}, "_NAME: expected 3 to 20 lower-case letters"),
    ({"_REGION": "mars"}, "_REGION: expected a region of Google Cloud, such as us-central1"),
    ({"_MEMORY": "lots"}, "_MEMORY: expected a size such as 512Mi or 1Gi"),
    ({"_CPU": "16"}, "_CPU: expected 1 to 8"),
    ({"_CHECK": "no"}, "_CHECK: expected on or off"),
    ({"_RUNTIME": "nodejs22"}, "_RUNTIME: expected python312"),
    ({"_DELIVERY_ATTEMPTS": "4"}, "_DELIVERY_ATTEMPTS: expected 5 to 100"),
    ({"_SCHEDULE": "every monday"}, "_SCHEDULE: expected a cron line, such as 0 6 * * 1"),
    ({"_SCHEDULE": "0 24 * * *"}, "_SCHEDULE: expected a cron line"),
    ({"_TIME_ZONE": "Mars/Olympus"}, "_TIME_ZONE: expected a time zone"),
    ({"_PERSONA_LIMITS": "5"}, "_PERSONA_LIMITS: there is no such substitution"),
]


@pytest.mark.parametrize(
    ("substitutions", "says"), RIGHT + MISTAKES, ids=[str(given) for given, _ in RIGHT + MISTAKES]
)
def test_a_mistake_is_told_in_words_and_what_is_right_let_through(
    substitutions: dict[str, str], says: str
) -> None:
    usual = {"_SEGMENT_SPACE_ID": "spa_1"}
    given = {name[1:]: value for name, value in (BUILD["substitutions"] | usual | substitutions).items()}
    said = "\n".join(mistakes(given))
    assert (says in said, bool(said)) == (True, bool(says))


def test_mistakes_end_the_build_together_before_anything_is_created(cloud: Cloud) -> None:
    done = cloud.run("settings", _SEGMENT_SPACE_ID="spa_1", _REGION="mars", _MEMORY="lots")
    assert (next(iter(STEPS)), done.returncode) == ("settings", 1)
    told = [line.strip().partition(":")[0] for line in done.stderr.splitlines()]
    assert told == ["Nothing was created. To correct in --substitutions", "_REGION", "_MEMORY"]


# From an empty project.


def test_a_first_framework_is_at_most_eight_blocks_away() -> None:
    page = first_blocks()
    assert len(page) <= 8
    assert "\n".join(page).count("PROJECT=") == 1


def test_the_printed_build_works_in_the_prepared_project_and_its_last_line_for_who_ran_it(
    cloud: Cloud,
) -> None:
    (printed,) = [block for block in first_blocks() if block.startswith("gcloud beta builds")]
    done = cloud.shell("ada", ["bash", "-euc", printed], PROJECT="acme-1")
    submitted = cloud.world.calls[-1]
    substitutions = dictionary(submitted["flags"]["--substitutions"])
    assert done.returncode == 0
    assert submitted["flags"]["--service-account"].endswith(f"/{BUILDER.partition(':')[2]}")
    cloud.deploy(**substitutions)
    ada = "user:ada@example.com"
    assert ["roles/run.invoker", ada] in cloud.world.roles["function/persona-http"]
    assert ["roles/storage.objectViewer", ada] in cloud.world.roles["bucket/gs://acme-1-persona"]


def test_a_build_ends_with_what_there_is_now_and_the_next_command(cloud: Cloud) -> None:
    told = cloud.run("deploy", **USUAL).stdout
    url, listed = "https://persona-http-abc123-uc.a.run.app", re.compile(r"^The \w+ +(.*)$", re.MULTILINE)
    header = '"Authorization: Bearer $(gcloud auth print-identity-token)"'
    assert listed.findall(told) == [url, "gs://acme-1-persona", "0 6 * * 1 (Etc/UTC)"]
    assert told.rstrip().endswith(f"curl -X POST {url} -H {header} -d '{{}}'")


@pytest.mark.parametrize(
    "service", ["cloudresourcemanager", "eventarc", "run", "secretmanager", "iam", "serviceusage"]
)
def test_without_a_service_that_the_page_enables_the_build_would_stop(cloud: Cloud, service: str) -> None:
    cloud.world.services.remove(service)
    done = cloud.run("deploy", **USUAL)
    assert (done.returncode, "not enabled" in done.stderr) == (1, True)


ROLES = set(blocks("deploy.md")[3].partition("for name in ")[2].partition(";")[0].split()) - {"\\"}
BEFORE_ITS_FIRST_COMMAND = {"cloudbuild.builds.builder", "serviceusage.serviceUsageConsumer"}


NEEDED = [("project", role) for role in sorted(ROLES - BEFORE_ITS_FIRST_COMMAND)]
NEEDED += [(f"secret/{name}", "secretmanager.admin") for name in ("segment-token", "mavera-api-key")]


@pytest.mark.parametrize(("on", "role"), NEEDED, ids=lambda part: part)
def test_the_builder_needs_each_role_that_the_page_gives(cloud: Cloud, on: str, role: str) -> None:
    """All but what a build needs before its first command: to run, to log, to be counted."""
    cloud.world.roles[on].remove([f"roles/{role}", BUILDER])
    done = cloud.run("deploy", **USUAL)
    assert (done.returncode, "PERMISSION_DENIED" in done.stderr) == (1, True)


@pytest.mark.parametrize(
    ("what", "waits", "named"),
    [
        (RUNS_AS, [5, 10, 20, 40], "gcloud storage buckets add-iam-policy-binding"),
        (PUBSUB, [30, 60, 120, 120], "gcloud functions deploy persona-pubsub"),
        (EVENTARC, [30, 60, 120, 120], "gcloud functions deploy persona-pubsub"),
    ],
    ids=["account", "Pub/Sub", "Eventarc"],
)
def test_what_is_never_ready_is_tried_for_some_minutes_then_named(
    cloud: Cloud, what: str, waits: list[int], named: str
) -> None:
    """An account that no role can be given to, an agent without its role: the trigger needs both agents."""
    if what in AGENTS:
        cloud.world.roles["project"].remove([AGENTS[what], what])
    cloud.world.unknown = {RUNS_AS: 99 * (what == RUNS_AS)}
    done = cloud.run("deploy", **USUAL)
    assert (done.returncode, cloud.slept) == (1, waits)
    assert f"The build stops here: {named}" in done.stderr
    assert ("Eventarc Service Agent" in done.stderr) == (what in AGENTS)


@pytest.mark.parametrize(
    ("what", "waits"), [(RUNS_AS, [5, 10]), ("trigger", [30, 60])], ids=["account", "trigger"]
)
def test_what_is_new_and_not_known_everywhere_yet_is_tried_a_little_later(
    cloud: Cloud, what: str, waits: list[int]
) -> None:
    cloud.world.unknown = {what: 2}
    done = cloud.run("deploy", **USUAL)
    assert (done.returncode, cloud.slept) == (0, waits)


# The check.


@pytest.mark.parametrize(("check", "ran"), [("on", "gate\n"), ("off", None)])
def test_the_check_can_be_left_out(cloud: Cloud, check: str, ran: str | None) -> None:
    cloud.run("check", _CHECK=check)
    checked = cloud.place / "workspace" / "checked"
    assert (checked.read_text() if checked.exists() else None) == ran


# What is created.


def test_the_first_build_changes_exactly_this(first: tuple[Cloud, Calls], prepared: World) -> None:
    """Each identity gets its roles in it and no others, none on the project."""
    script = (DATA / "first_build.sh").read_text(encoding="utf-8").replace("\\\n", "")
    lines = [sorted(shlex.split(line)) for line in script.splitlines() if line.startswith("gcloud")]
    made = [call for call in first[1] if not call["command"].endswith(("describe", "list"))]
    typed = [sorted(re.sub("[0-9a-f]{40}$", "$MARK", word) for word in words_of(call)) for call in made]
    assert lines == typed
    keys = [prepared.roles[f"secret/{name}"] for name in ("segment-token", "mavera-api-key")]
    assert keys == [[["roles/secretmanager.admin", BUILDER]]] * 2


# The keys.


def test_a_function_gets_the_newest_enabled_version_of_a_key(built: Cloud) -> None:
    """The page's way to rotate a key, and back: the newest one was disabled here."""
    built.world.things["secret/mavera-api-key"]["versions"] = ["DESTROYED", "ENABLED", "ENABLED", "DISABLED"]
    flags = flags_of(built.deploy(**USUAL), "functions deploy", "persona-http")
    assert dictionary(flags["--set-secrets"])["MAVERA_API_KEY"] == "mavera-api-key:3"


def test_a_key_without_an_enabled_version_ends_the_build_before_anything_is_created(cloud: Cloud) -> None:
    cloud.world.things["secret/mavera-api-key"]["versions"] = ["DISABLED"]
    before = copy.deepcopy(cloud.world.things)
    done = cloud.run("deploy", **USUAL)
    assert (done.returncode, cloud.world.things) == (1, before)
    assert "the secret mavera-api-key has no enabled version: gcloud secrets versions add" in done.stderr


# The functions.


def test_what_is_deployed_is_the_program_alone_with_its_pins(first: tuple[Cloud, Calls]) -> None:
    source = first[0].place / "workspace" / ".function"
    names = {path.name for path in source.iterdir()}
    assert names == {"main.py", "persona", "requirements.txt"}
    assert not list(source.rglob("__pycache__"))
    assert (source / "requirements.txt").read_bytes() == (ROOT / ".requirements.lock").read_bytes()


def test_mave_is_never_asked_by_more_than_ten_at_once(first: tuple[Cloud, Calls]) -> None:
    """Its own limit (docs: guides/rate-limits)."""
    both = [flags_of(first[1], "functions deploy", f"persona-{door}") for door in ("http", "pubsub")]
    assert sum(int(flags["--max-instances"]) * int(flags["--concurrency"]) for flags in both) <= 10


@pytest.mark.parametrize(
    ("source", "author", "keys"),
    [
        ("", "", {"SEGMENT_TOKEN": "segment-token:1", "MAVERA_API_KEY": "mavera-api-key:1"}),
        ("profile-api", "facts", {"SEGMENT_TOKEN": "segment-token:1"}),
        ("bigquery://acme-1.space", "", {"MAVERA_API_KEY": "mavera-api-key:1"}),
        ("gs://exports/all.jsonl.gz", "Facts", None),
    ],
    ids=["segment and mave", "facts", "bigquery", "export and facts"],
)
def test_a_secret_that_is_not_used_is_not_named(
    cloud: Cloud, source: str, author: str, keys: dict[str, str] | None
) -> None:
    """No secret needs to exist for it, and the function could not read it."""
    calls = cloud.deploy(_SEGMENT_SPACE_ID="spa_1", _PERSONA_SOURCE=source, _PERSONA_AUTHOR=author)
    flags = flags_of(calls, "functions deploy", "persona-http")
    asked = {call["name"] for call in calls if call["command"] == "secrets add-iam-policy-binding"}
    assert keys == (dictionary(flags["--set-secrets"]) if "--set-secrets" in flags else None)
    assert ("--clear-secrets" in flags, asked) == (
        keys is None,
        {one.partition(":")[0] for one in (keys or {}).values()},
    )


# Time.


@pytest.mark.parametrize(("http_seconds", "pubsub_seconds"), [(900, 480), (300, 260), (3500, 480)])
def test_the_timeouts_agree_with_the_deadlines_and_the_leases(
    cloud: Cloud, http_seconds: int, pubsub_seconds: int
) -> None:
    calls = cloud.deploy(
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


# Again.


HTTP = ["functions deploy persona-http", "pubsub topics update persona"]
PUBSUB_TOO = [*HTTP, "functions deploy persona-pubsub", "pubsub topics update persona"]
SCHEDULE = ["scheduler jobs update http persona"]


# What a later build is given, what was changed by hand before it, and what it does.
LATER: dict[str, tuple[dict[str, str], dict[str, dict[str, object]], list[str]]] = {
    "a setting": ({"_PERSONA_LIMIT": "500"}, {}, PUBSUB_TOO),
    "a function's flag": ({"_CONCURRENCY": "2"}, {}, HTTP),
    "the schedule": ({"_SCHEDULE": "0 7 * * *"}, {}, SCHEDULE),
    "no schedule": ({"_SCHEDULE": ""}, {"job/persona": {"schedule": "0 0 * * *"}}, []),
    "the deliveries": ({"_DELIVERY_ATTEMPTS": "20"}, {}, [DELIVERY]),
    "a reader": ({"_READERS": "user:eve@example.com"}, {}, []),
    "a deployment that failed": ({}, {"function/persona-http": {"state": "FAILED"}}, HTTP),
    "another function": ({}, {"function/persona-http": {"updateTime": "by hand"}}, HTTP),
    "another service": ({}, {"service/persona-http": {"metadata.generation": 99}}, HTTP),
    "another revision": ({}, {"service/persona-http": {"status.latestReadyRevisionName": "r"}}, HTTP),
    "another schedule": ({}, {"job/persona": {"schedule": "0 0 * * *"}}, SCHEDULE),
    "other deliveries": ({}, {f"subscription/{SUBSCRIPTION}": {"ackDeadlineSeconds": 10}}, [DELIVERY]),
}


@pytest.mark.parametrize("name", LATER)
def test_a_later_build_sets_right_what_differs_and_nothing_else(built: Cloud, name: str) -> None:
    given, by_hand, made = LATER[name]
    for key, fields in by_hand.items():
        built.world.things[key] |= fields
    assert made == changes(built.deploy(**(USUAL | given)))


@pytest.mark.parametrize("path", ["persona/settings.py", ".requirements.lock", "main.py"])
def test_a_change_of_the_program_is_deployed(built: Cloud, path: str) -> None:
    with (built.place / "workspace" / path).open("a") as file:
        file.write("# changed\n")
    assert changes(built.deploy(**USUAL)) == PUBSUB_TOO


@pytest.mark.parametrize("command", [name for name, command in COMMANDS.items() if command.role])
def test_a_fault_in_any_command_stops_the_build_with_its_name_and_the_next_build_mends_it(
    cloud: Cloud, first: tuple[Cloud, Calls], command: str
) -> None:
    """A look that fails is no "not found": the trigger, made anew, would lose the messages that wait."""
    if command == "scheduler jobs update http":
        cloud.world.things["job/persona"] = {}
    tried_again = command in {"storage buckets add-iam-policy-binding", "secrets add-iam-policy-binding"}
    cloud.world.fault = command
    done = cloud.run("deploy", **USUAL)
    assert (done.returncode, f"({command}) INTERNAL" in done.stderr) == (0 if tried_again else 1, True)
    assert tried_again or re.search(f"The build stops here: .*{command}", done.stderr)
    assert tried_again or cloud.world.calls[-1]["command"] == command
    cloud.deploy(**USUAL)
    assert (kinds(first[0].world), first[0].world.roles) == (kinds(cloud.world), cloud.world.roles)
    assert changes(cloud.deploy(**USUAL)) == []


def kinds(world: World) -> dict[str, set[str]]:
    """What exists, with the fields of each: counters of deployments aside."""
    return {key: set(thing) for key, thing in world.things.items()}


# The pages.

PAGES = ["deploy.md", "operations.md"]


@pytest.mark.parametrize("page", PAGES)
def test_a_block_can_be_pasted_into_zsh(page: str) -> None:
    """There a pasted comment is a command: quotes, brackets and signs of patterns would be read as such."""
    comments = [line for block in blocks(page) for line in re.findall(r"(?:^| )# .*$", block, re.MULTILINE)]
    assert [line for line in comments if not re.fullmatch(r"# [A-Za-z0-9 ,.:_-]+", line)] == []


@pytest.mark.parametrize("page", PAGES)
def test_a_block_is_a_complete_script(page: str) -> None:
    for block in blocks(page):
        assert subprocess.run(["bash", "-n"], input=block, text=True, check=False).returncode == 0, block


# Writes its words down and prints what an address, a number or a name may be.
RECORDER = """printf '%s\\0' "$@" >> "$RECORD"
printf '\\0\\n' >> "$RECORD"
echo https://x-1
"""


def shape(word: str) -> str:
    """What tells one kind of command from another: its own words and its flags, no name and no value."""
    if word.startswith("--"):
        return word.partition("=")[0]
    return word if re.fullmatch("[a-z-]+", word) else "NAME"


@pytest.mark.skipif(not shutil.which("gcloud"), reason="the real gcloud is not here")
def test_the_real_gcloud_parses_every_command(first: tuple[Cloud, Calls], tmp_path: Path) -> None:
    """Of both pages, and of a build; nothing is sent."""
    for name in ("gcloud", "bq", "curl", "sleep"):
        (tmp_path / name).write_text("#!/usr/bin/env bash\n" + (RECORDER if name == "gcloud" else ""))
        (tmp_path / name).chmod(0o755)
    script = "\n".join(block for page in PAGES for block in blocks(page))
    names = {"PATH": f"{tmp_path}:/usr/bin:/bin", "RECORD": str(tmp_path / "record"), "MAVERA_API_KEY": "key"}
    subprocess.run(["bash", "-c", script], env=names, input="key", text=True, check=True, capture_output=True)
    typed = [line.split("\0") for line in (tmp_path / "record").read_text().split("\0\0\n")[:-1]]
    sent = [words_of(call)[1:] for call in first[1]]
    assert [words for words in typed for word in words if re.match(r"[^-]*\s", word)] == []
    # One of a kind: gcloud builds all of its parsers anew for every line.
    kinds = {tuple(map(shape, words)): words for words in [*typed, *sent]}
    lines = [shlex.join(["gcloud", *words]) for words in kinds.values()]
    listed = tmp_path / "commands.json"
    listed.write_text(json.dumps([{"command_string": line} for line in lines]))
    lint = ["gcloud", "meta", "lint-gcloud-commands", f"--commands-file={listed}"]
    environment = dict(os.environ, CLOUDSDK_CONFIG=str(tmp_path / "configuration"))
    parsed = subprocess.run(lint, env=environment, capture_output=True, text=True, check=True)
    verdicts = json.loads(parsed.stdout)
    assert len(verdicts) > 60
    assert [(one["command_string"], one["error_message"]) for one in verdicts if not one["success"]] == []


def test_take_it_down_leaves_nothing_but_the_project_and_the_roles_of_its_agents(built: Cloud) -> None:
    (script,) = [block for block in blocks("operations.md") if "gcloud functions delete" in block]
    done = built.shell("ada", ["bash", "-c", script], PROJECT="acme-1")
    # The job of the daily check was not made here.
    assert re.findall(r"^ERROR.*", done.stderr, re.MULTILINE) == [
        "ERROR: (gcloud) (scheduler jobs delete) NOT_FOUND: Resource not found (resource=persona-age)."
    ]
    assert list(built.world.things) == ["project"]
    agents = [[AGENTS[agent], agent] for agent in (PUBSUB, EVENTARC)]
    assert {key: roles for key, roles in built.world.roles.items() if roles} == {"project": agents}
