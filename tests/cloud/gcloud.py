"""A gcloud that keeps a small project in memory, writes down every call, and refuses what the real one does.

`gcloud.yaml` lists the commands. `stub` is a `gcloud` on the PATH that asks this one.
"""

import re
import shutil
import socketserver
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from ruamel.yaml import YAML

Flags = dict[str, str]
Thing = dict[str, Any]
PROJECT, NUMBER, REGION = "acme-1", "42", "us-central1"
BUILDER = f"serviceAccount:persona-builder@{PROJECT}.iam.gserviceaccount.com"


class Command(NamedTuple):
    needs: str = ""
    flags: str = ""
    services: str = ""
    role: str = ""
    prints: str | None = None


_LISTED = YAML(typ="safe").load(Path(__file__).with_suffix(".yaml"))
COMMANDS = {name: Command(**listed) for name, listed in _LISTED.items()}
_ANYWHERE = {"--project", "--format", "--quiet"}
# What a flag sets is described as this.
_FIELDS = {
    "--schedule": "schedule",
    "--time-zone": "timeZone",
    "--uri": "httpTarget.uri",
    "--http-method": "httpTarget.httpMethod",
    "--oidc-service-account-email": "httpTarget.oidcToken.serviceAccountEmail",
    "--oidc-token-audience": "httpTarget.oidcToken.audience",
    "--attempt-deadline": "attemptDeadline",
    "--max-retry-attempts": "retryConfig.retryCount",
    "--max-doublings": "retryConfig.maxDoublings",
    "--min-backoff": "retryConfig.minBackoffDuration",
    "--max-backoff": "retryConfig.maxBackoffDuration",
    "--ack-deadline": "ackDeadlineSeconds",
    "--dead-letter-topic": "deadLetterPolicy.deadLetterTopic",
    "--max-delivery-attempts": "deadLetterPolicy.maxDeliveryAttempts",
    "--min-retry-delay": "retryPolicy.minimumBackoff",
    "--max-retry-delay": "retryPolicy.maximumBackoff",
}
# The agents that a trigger needs, each with the role without which it does nothing.
AGENTS = {
    f"serviceAccount:service-{NUMBER}@gcp-sa-{name}.iam.gserviceaccount.com": f"roles/{name}.serviceAgent"
    for name in ("pubsub", "eventarc")
}


class Refused(Exception):
    """What gcloud says on stderr before it ends with 1."""


@dataclass
class World:
    """One project: what exists, who may do what, and which services are enabled."""

    things: dict[str, Thing] = field(default_factory=dict)
    roles: dict[str, list[list[str]]] = field(default_factory=dict)
    services: set[str] = field(default_factory=set)
    calls: list[dict[str, Any]] = field(default_factory=list)
    # How often a member is still unknown when it is given a role; "trigger": how often that is not ready.
    unknown: dict[str, int] = field(default_factory=dict)
    fault: str = ""  # a command whose next call fails
    clock: int = 0  # counts deployments


def held(world: World, key: str, role: str, member: str) -> bool:
    return [f"roles/{role.removeprefix('roles/')}", member] in world.roles.get(key, [])


def dictionary(value: str) -> dict[str, str]:
    """What gcloud makes of a flag's KEY=VALUE list (gcloud topic escaping)."""
    delimiter = ","
    if match := re.match(r"\^([^^]+)\^", value):
        delimiter, value = match[1], value[match.end() :]
    return {key: rest for key, _, rest in (pair.partition("=") for pair in value.split(delimiter))}


def printed(thing: Thing, wanted: str) -> str:
    """The fields that --format asks for, an empty text for each that the thing has not."""
    match = re.fullmatch(r"""value(?:\[separator=["'](.)["']\])?\((.+)\)""", wanted)
    if not match:
        return ""
    fields = [str(thing.get(path, "")) for path in match[2].split(",")]
    return (match[1] or "\t").join(fields)


def described(flags: Flags) -> Thing:
    """What a flag set, by the name under which it is described."""
    thing = {_FIELDS[flag]: value for flag, value in flags.items() if flag in _FIELDS}
    if "--http-method" in flags:
        thing["httpTarget.httpMethod"] = flags["--http-method"].upper()
    labels = dictionary(flags.get("--update-labels", ""))
    return thing | {f"labels.{name}": value for name, value in labels.items() if name}


def key_of(command: str, name: str) -> str:
    """The kind and the name of what a command is about, such as bucket/gs://b."""
    if "projects" in command:
        return "project"
    if command.startswith("iam"):
        return f"account/{name.partition('@')[0]}"
    if command == "storage rm":
        return f"bucket/{name}"
    kinds = ("secret", "bucket", "topic", "subscription", "function", "service", "trigger", "job")
    return f"{next((kind for kind in kinds if kind in command), command)}/{name}"


def absent(command: str, name: str) -> str:
    """How the real one (528) says that a thing does not exist."""
    words = {
        "storage": f"{name} not found: 404.",
        "functions": "ResponseError: status=[404], code=[Not Found], message=[Resource was not found]",
        "run": f"Cannot find service [{name}]",
    }
    return words.get(command.partition(" ")[0], f"NOT_FOUND: Resource not found (resource={name}).")


class Gcloud:
    """Answers the calls of every `stub`, one after the other."""

    def __init__(self, world: World) -> None:
        self.world = world

    def call(self, account: str, words: list[str]) -> str:
        """What one call prints; raises Refused with what it says instead."""
        line = " ".join(words)
        command = next((name for name in COMMANDS if f"{line} ".startswith(f"{name} ")), None)
        if command is None:
            raise Refused(f"no such command: {line}")
        rest = words[len(command.split()) :]
        names = [word for word in rest if not word.startswith("--")]
        flags = {
            flag: value for flag, _, value in (word.partition("=") for word in rest if word not in names)
        }
        needs, more = (set(words.split()) for words in COMMANDS[command][:2])
        if wrong := (needs - set(flags)) | (set(flags) - needs - more - _ANYWHERE):
            raise Refused(f"({command}) unrecognized, or must be specified: {wrong}")
        name = names[0] if names else ""
        self.world.calls.append({"command": command, "name": name, "flags": flags})
        if self.world.fault == command:
            self.world.fault = ""
            raise Refused(f"({command}) INTERNAL: try again later")
        self._permit(account, command, name)
        if command == "services enable":
            self.world.services.update(one.removesuffix(".googleapis.com") for one in names)
            return ""
        prints = COMMANDS[command].prints
        return self._act(command, name, flags) if prints is None else prints

    def _permit(self, account: str, command: str, name: str) -> None:
        if missing := set(COMMANDS[command].services.split()) - self.world.services:
            raise Refused(f"({command}) PERMISSION_DENIED: {missing}: not enabled in the project")
        if account == "builder":
            keys = ("project", key_of(command, name))
            role = COMMANDS[command].role
            if not role or not any(held(self.world, key, role, BUILDER) for key in keys):
                raise Refused(f"({command}) PERMISSION_DENIED: the builder does not hold {role or 'a role'}")

    def _act(self, command: str, name: str, flags: Flags) -> str:
        things, key = self.world.things, key_of(command, name)
        creates = command.endswith((" create", " create http"))
        if creates and key in things:
            raise Refused(f"({command}) ALREADY_EXISTS: {name}")
        if not creates and key not in things and command != "functions deploy":
            raise Refused(f"({command}) {absent(command, name)}")
        if command.endswith("remove-iam-policy-binding"):
            self.world.roles[key].remove([flags["--role"], flags["--member"]])
        elif command.endswith((" delete", " rm")):
            self._delete(key)
            return ""
        elif command.endswith("binding"):
            self._bind(key, flags.get("--role", "roles/run.invoker"), flags["--member"])
        elif command == "functions deploy":
            self._deploy(name, flags)
        elif creates:
            things[key] = {"projectNumber": NUMBER} if key == "project" else described(flags)
        elif command.startswith("secrets versions"):
            return self._versions(key, add=command.endswith("add"))
        elif not command.endswith(("describe", "link")):
            things[key] |= described(flags)
        return printed(things[key], flags["--format"]) if "--format" in flags else ""

    def _bind(self, key: str, role: str, member: str) -> None:
        if self.world.unknown.get(member, 0):
            self.world.unknown[member] -= 1
            raise Refused(f"INVALID_ARGUMENT: Service account {member} does not exist.")
        if not re.fullmatch(r"(user|group|serviceAccount):\S+@\S+", member):
            raise Refused(f"INVALID_ARGUMENT: {member} is no member")
        binding = [role, member]
        if binding not in self.world.roles.setdefault(key, []):
            self.world.roles[key].append(binding)

    def _delete(self, key: str) -> None:
        """What goes takes its roles along, and a function its service, its trigger and its subscription."""
        name = key.partition("/")[2]
        made = {"trigger": f"/{name}-", "subscription": f"-{name}-", "service": f"/{name}"}
        of_function = key.startswith("function")
        for one in list(self.world.things):
            mark = made.get(one.partition("/")[0])
            if one == key or (of_function and mark and mark in one):
                del self.world.things[one]
                self.world.roles.pop(one, None)

    def _versions(self, key: str, *, add: bool) -> str:
        """The newest enabled first. No --limit: the real one applies it before its filter."""
        versions = self.world.things[key].setdefault("versions", [])
        if add:
            versions.append("ENABLED")
        numbered = [str(n) for n, state in enumerate(versions, 1) if state == "ENABLED"]
        return "" if add else "\n".join(reversed(numbered))

    def _deploy(self, name: str, flags: Flags) -> None:
        """The function as it is described afterwards; its trigger, and the subscription made for that."""
        world = self.world
        if not held(world, "project", "iam.serviceAccountUser", BUILDER):
            raise Refused("(functions deploy) PERMISSION_DENIED: iam.serviceaccounts.actAs")
        function = world.things.setdefault(f"function/{name}", {})
        world.clock += 1
        topic = flags.get("--trigger-topic")
        if not function and "--trigger-http" not in flags and not topic:
            raise Refused("(functions deploy) You must specify a trigger when deploying a new function.")
        service = {"metadata.generation": world.clock, "status.latestReadyRevisionName": f"r{world.clock}"}
        function |= {"state": "FAILED", "updateTime": f"t{world.clock}"}
        if topic:
            self._trigger(name, topic, flags)
        uri = f"https://{name}-abc123-uc.a.run.app"
        function |= {"state": "ACTIVE", "serviceConfig.uri": uri}
        world.things[f"service/{name}"] = service

    def _trigger(self, name: str, topic: str, flags: Flags) -> None:
        world = self.world
        if "eventarc" not in world.services:
            raise Refused("(functions deploy) PERMISSION_DENIED: eventarc: not enabled in the project")
        ready = all(held(world, "project", role, agent) for agent, role in AGENTS.items())
        if not ready or world.unknown.get("trigger", 0):
            world.unknown["trigger"] = world.unknown.get("trigger", 0) - 1
            raise Refused(
                "(functions deploy) PERMISSION_DENIED: the Eventarc Service Agent may not be ready yet"
            )
        trigger = f"projects/{PROJECT}/locations/{flags['--trigger-location']}/triggers/{name}-123456"
        subscription = f"eventarc-{REGION}-{name}-123456-sub-789"
        if f"trigger/{trigger}" in world.things:
            raise Refused("(functions deploy) the trigger, and the messages that wait for it, would be lost")
        path = f"projects/{PROJECT}/subscriptions/{subscription}"
        world.things[f"function/{name}"]["eventTrigger.trigger"] = trigger
        world.things[f"trigger/{trigger}"] = {"transport.pubsub.subscription": path}
        world.things[f"subscription/{subscription}"] = {"topic": topic, "ackDeadlineSeconds": 10}


@contextmanager
def serve(gcloud: Gcloud) -> Iterator[int]:
    """The port at which every `stub` asks."""

    class Handler(socketserver.StreamRequestHandler):
        def word(self) -> str:
            return b"".join(iter(lambda: self.rfile.read(1), b"\0")).decode()

        def handle(self) -> None:
            account, count = self.word(), int(self.word())
            try:
                answer = f"0\0{gcloud.call(account, [self.word() for _ in range(count)])}\0\0"
            except Refused as refusal:
                answer = f"1\0\0ERROR: (gcloud) {refusal}\n\0"
            self.wfile.write(answer.encode())

    with socketserver.TCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


# As light as it can be: a build calls it seventy times.
_STUB = r"""exec 3<> "/dev/tcp/127.0.0.1/$GCLOUD_PORT"
printf '%s\0' "$GCLOUD_ACCOUNT" "$#" "$@" >&3
IFS= read -r -d '' status <&3
IFS= read -r -d '' printed <&3
IFS= read -r -d '' said <&3
[ -z "$printed" ] || echo "$printed"
printf '%s' "$said" >&2
exit "$status"
"""


def stub(folder: Path) -> None:
    """Put a `gcloud` into the folder, and a `sleep` that writes down instead of sleeping."""
    fakes = {
        "gcloud": _STUB,
        "python": f'exec "{sys.executable}" "$@"\n',
        "sleep": 'echo "$1" >> "${0%/*}/slept"\n',
    }
    for name, text in fakes.items():
        (folder / name).write_text(f"#!{shutil.which('bash')}\n{text}")
        (folder / name).chmod(0o755)
