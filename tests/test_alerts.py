"""The printed alert policy writes for what no later delivery mends, and for nothing else."""

import json
import re
from typing import Any

import pytest
from doors import ROOT

SEVERITIES = ["DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL"]
COMPARISON = re.compile(r'([\w.]+)\s*(>=|=|:)\s*(\*|\((?:[^()"]|"[^"]*")*\)|"[^"]*"|\w+)')


def policy() -> dict[str, Any]:
    text = (ROOT / ".readme" / "operations.md").read_text(encoding="utf-8")
    (printed,) = re.findall(
        r"--policy='(\{\n  \"displayName\": \"persona: a run failed\".*?)'\n", text, re.DOTALL
    )
    document: dict[str, Any] = json.loads(printed)
    return document


def matches(query: str, entry: dict[str, Any]) -> bool:
    """Whether a log entry passes a query of Logging's language, as far as the policy speaks it."""

    def holds(comparison: re.Match[str]) -> str:
        path, operator, wanted = comparison.groups()
        value: Any = entry
        for key in path.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        values = re.findall(r'"([^"]*)"|(\w+)', wanted)
        texts = [quoted or bare for quoted, bare in values if bare != "OR"]
        if operator == ">=":
            return str(value in SEVERITIES and SEVERITIES.index(value) >= SEVERITIES.index(texts[0]))
        if operator == ":":
            return str(value is not None and (wanted == "*" or texts[0] in str(value)))
        return str(str(value) in texts)

    words = COMPARISON.sub(holds, query).replace(" AND ", " and ").replace(" OR ", " or ")
    assert set(re.findall(r"\w+", words)) <= {"True", "False", "and", "or"}, words
    return bool(eval(words))  # noqa: S307 - of those words alone


def run_log(severity: str, name: str = "persona-http", **more: object) -> dict[str, Any]:
    resource = {"type": "cloud_run_revision", "labels": {"service_name": name}}
    return {"resource": resource, "severity": severity, "logName": "projects/p/logs/stdout", **more}


def request(status: int, severity: str) -> dict[str, Any]:
    name = "projects/p/logs/run.googleapis.com%2Frequests"
    return run_log(severity, httpRequest={"status": status}) | {"logName": name}


def system(text: str, severity: str = "ERROR") -> dict[str, Any]:
    name = "projects/p/logs/run.googleapis.com%2Fvarlog%2Fsystem"
    return run_log(severity, textPayload=text) | {"logName": name}


def attempt(status: str) -> dict[str, Any]:
    resource = {"type": "cloud_scheduler_job", "labels": {"job_id": "persona"}}
    return {"resource": resource, "severity": "ERROR", "jsonPayload": {"status": status}}


ENTRIES = {
    "a run that failed": (run_log("ERROR", jsonPayload={"code": "segment_refused"}), True),
    "an event that failed": (run_log("ERROR", "persona-pubsub", jsonPayload={"code": "failed"}), True),
    "out of memory": (system("Memory limit of 1024 MiB exceeded with 1061 MiB used."), True),
    "no start": (system("The user-provided container failed to start and listen on the port."), True),
    "a time-out of the platform": (request(504, "ERROR"), True),
    "a worker that died": (request(500, "ERROR"), True),
    "a schedule that may not call": (attempt("PERMISSION_DENIED"), True),
    "an outage that the next delivery mends": (request(503, "ERROR"), False),
    "what it says of that": (run_log("WARNING", jsonPayload={"code": "segment_unavailable"}), False),
    "the schedule's first try in an outage": (attempt("UNAVAILABLE"), False),
    "a caller's mistake": (request(400, "WARNING"), False),
    "an instance that starts": (system("Starting new instance.", "INFO"), False),
    "somebody else's service": (run_log("ERROR", "shop", jsonPayload={"code": "failed"}), False),
}


@pytest.mark.parametrize(("entry", "expected"), ENTRIES.values(), ids=ENTRIES)
def test_the_policy_writes_for_what_a_person_has_to_mend(entry: dict[str, Any], expected: bool) -> None:  # noqa: FBT001 - a row's own
    (condition,) = policy()["conditions"]
    assert expected == matches(condition["conditionMatchedLog"]["filter"], entry)
