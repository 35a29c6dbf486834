"""A gcloud that keeps a small cloud in a file, writes down every call, and refuses what the real one refuses.

WORLD names a JSON file: what exists (`things`), who may do what (`roles`), every call (`calls`), and how
often an account is still unknown when it is first given a role (`unknown`).
"""

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

MEMBER = {"--member", "--role"}
FUNCTION = {
    "--region",
    "--gen2",
    "--runtime",
    "--source",
    "--entry-point",
    "--memory",
    "--cpu",
    "--min-instances",
    "--max-instances",
    "--run-service-account",
    "--build-service-account",
    "--no-allow-unauthenticated",
    "--set-secrets",
    "--clear-secrets",
    "--set-env-vars",
    "--timeout",
    "--concurrency",
    "--ingress-settings",
    "--trigger-http",
    "--trigger-topic",
    "--trigger-location",
    "--trigger-service-account",
    "--retry",
    "--update-labels",
}
JOB = {
    "--location",
    "--schedule",
    "--uri",
    "--http-method",
    "--attempt-deadline",
    "--description",
    "--max-backoff",
    "--max-doublings",
    "--max-retry-attempts",
    "--min-backoff",
    "--time-zone",
    "--oidc-service-account-email",
    "--oidc-token-audience",
}
# The flags of each command that the reference of gcloud lists and a deployment has a use for.
COMMANDS = {
    "iam service-accounts describe": set[str](),
    "iam service-accounts create": {"--display-name"},
    "storage buckets describe": set[str](),
    "storage buckets create": {"--location", "--uniform-bucket-level-access", "--public-access-prevention"},
    "storage buckets add-iam-policy-binding": MEMBER | {"--condition"},
    "pubsub topics describe": set[str](),
    "pubsub topics create": set[str](),
    "pubsub topics add-iam-policy-binding": MEMBER,
    "pubsub subscriptions describe": {"--format"},
    "pubsub subscriptions create": {"--topic", "--message-retention-duration", "--expiration-period"},
    "pubsub subscriptions update": {
        "--ack-deadline",
        "--dead-letter-topic",
        "--max-delivery-attempts",
        "--min-retry-delay",
        "--max-retry-delay",
    },
    "pubsub subscriptions add-iam-policy-binding": MEMBER,
    "secrets add-iam-policy-binding": MEMBER | {"--condition"},
    "secrets versions describe": {"--secret", "--format"},
    "functions describe": {"--region", "--format"},
    "functions deploy": FUNCTION,
    "functions add-invoker-policy-binding": {"--region", "--member"},
    "eventarc triggers describe": {"--format"},
    "scheduler jobs describe": {"--location", "--format"},
    "scheduler jobs create http": JOB,
    "scheduler jobs update http": JOB,
}

World = dict[str, Any]
Flags = dict[str, str]


def dictionary(value: str) -> dict[str, str]:
    """What gcloud makes of a flag's KEY=VALUE list (gcloud topic escaping)."""
    delimiter = ","
    if match := re.match(r"\^([^^]+)\^", value):
        delimiter, value = match[1], value[match.end() :]
    return {key: rest for key, _, rest in (pair.partition("=") for pair in value.split(delimiter))}


def printed(thing: World, wanted: str) -> str:
    """The fields that --format asks for, an empty text for each that the thing has not."""
    match = re.fullmatch(r"""value(?:\[separator=["'](.)["']\])?\((.+)\)""", wanted)
    if not match:
        sys.exit(f"gcloud: no such format: {wanted}")
    fields = []
    for path in match[2].split(","):
        value: Any = thing
        for key in path.split("."):
            value = value.get(key, "") if isinstance(value, dict) else ""
        fields.append(str(value))
    return (match[1] or "\t").join(fields)


def deployed(world: World, name: str, flags: Flags) -> World:
    """The function as it is described afterwards; its trigger, and the subscription made for that."""
    project, region = os.environ["CLOUDSDK_CORE_PROJECT"], flags["--region"]
    before = world["things"].get(f"function/{name}", {})
    if not before and "--trigger-http" not in flags and "--trigger-topic" not in flags:
        sys.exit("gcloud: You must specify a trigger when deploying a new function.")
    described = {
        **before,
        "state": "ACTIVE",
        "labels": dictionary(flags["--update-labels"]),
        "serviceConfig": {"uri": f"https://{name}-abc123-uc.a.run.app"},
    }
    if topic := flags.get("--trigger-topic"):
        trigger = f"projects/{project}/locations/{region}/triggers/{name}-123456"
        subscription = f"eventarc-{region}-{name}-123456-sub-789"
        path = f"projects/{project}/subscriptions/{subscription}"
        described["eventTrigger"] = {"trigger": trigger}
        world["things"][f"trigger/{trigger}"] = {"transport": {"pubsub": {"subscription": path}}}
        world["things"][f"subscription/{subscription}"] = {"topic": topic, "ackDeadlineSeconds": 10}
    return described


def updated(thing: World, flags: Flags) -> World:
    return {
        **thing,
        "ackDeadlineSeconds": int(flags["--ack-deadline"]),
        "deadLetterPolicy": {
            "deadLetterTopic": flags["--dead-letter-topic"],
            "maxDeliveryAttempts": int(flags["--max-delivery-attempts"]),
        },
        "retryPolicy": {
            "minimumBackoff": flags["--min-retry-delay"],
            "maximumBackoff": flags["--max-retry-delay"],
        },
    }


def key_of(command: str, name: str, flags: Flags) -> str:
    """The kind and the name of what a command is about, such as bucket/gs://b."""
    if command.startswith("secrets"):
        return f"secret/{flags.get('--secret', name)}"
    if command.startswith("iam"):
        return f"account/{name.partition('@')[0]}"
    kinds = ("bucket", "topic", "subscription", "function", "trigger", "job")
    return f"{next(kind for kind in kinds if kind in command)}/{name}"


def give(world: World, key: str, role: str, member: str) -> None:
    if world["unknown"].get(member, 0):
        world["unknown"][member] -= 1
        Path(os.environ["WORLD"]).write_text(json.dumps(world))
        sys.exit(f"gcloud: Service account {member} does not exist.")
    held = world["roles"].setdefault(key, [])
    if [role, member] not in held:
        held.append([role, member])


def act(world: World, command: str, name: str, flags: Flags) -> str:
    """Do what the command says; return what it prints."""
    things, key = world["things"], key_of(command, name, flags)
    creates = command.endswith((" create", " create http"))
    if creates == (key in things) and command != "functions deploy":
        sys.exit(f"gcloud: {key} {'exists already' if creates else 'was not found'}")
    if command == "functions deploy":
        things[key] = deployed(world, name, flags)
    elif command == "pubsub subscriptions update":
        things[key] = updated(things[key], flags)
    elif command.startswith("scheduler jobs") and not command.endswith("describe"):
        things[key] = {"description": flags["--description"]}
    elif creates:
        things[key] = {}
    elif command.endswith("binding"):
        give(world, key, flags.get("--role", "roles/run.invoker"), flags["--member"])
    return printed(things[key], flags["--format"]) if "--format" in flags else ""


def main() -> None:
    place = Path(os.environ["WORLD"])
    world = json.loads(place.read_text())
    line = " ".join(sys.argv[1:])
    command = next((known for known in COMMANDS if line.startswith(f"{known} ")), None)
    if command is None:
        sys.exit(f"gcloud: no such command: {line}")
    name, *rest = sys.argv[1 + len(command.split()) :]
    flags = {flag: value for flag, _, value in (text.partition("=") for text in rest)}
    if name.startswith("-") or not set(flags) <= COMMANDS[command] or len(flags) < len(rest):
        sys.exit(f"gcloud: unrecognized arguments: {line}")
    world["calls"].append({"command": command, "name": name, "flags": flags})
    answer = act(world, command, name, flags) if "describe" not in command else None
    place.write_text(json.dumps(world))
    print(act(world, command, name, flags) if answer is None else answer)  # noqa: T201 - gcloud's own voice


main()
