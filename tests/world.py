"""A world in which a run's deliveries can be stopped, killed and interleaved at every effect.

A delivery has no state but what it has seen: its code is run again from the start, is told what it saw, and
stops at the next effect. So many worlds can be held at once, and every continuation of each be tried.
"""

import json
from bisect import insort
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple, cast

from msgspec import structs
from msgspec.json import decode

from persona.deadline import Deadline
from persona.errors import PersonaError, Unavailable
from persona.mave.paid_calls import HOLE, Answers
from persona.model import (
    Baseline,
    Framework,
    Group,
    Message,
    Origin,
    Population,
    Report,
    ReportedProfiles,
    Rule,
    Summary,
)
from persona.pipeline import carry_out
from persona.storage.bucket import Conflict, Stored
from persona.storage.objects import LATEST, OUTPUTS
from persona.storage.run_folder import Delivery, RunFolder, claim

# So that a redelivery after a lease may find Mave still at work: a call is given up after 80 s.
DEADLINE_SECONDS, MAVE_SECONDS = 60.0, 20.0
LEASE_SECONDS = 1.1 * DEADLINE_SECONDS + 5
NEVER = float("inf")


Verb = Literal["read", "write", "delete", "fetch", "ask", "recover"]


class Effect(NamedTuple):
    """What a delivery is about to do to the world."""

    run_id: str
    verb: Verb
    subject: str = ""  # the object's name, the message, the reference
    data: bytes = b""
    generation: int = 0


# What an effect meets: when, and what the delivery sees of it.
Meeting = Callable[[Effect], tuple[float, object]]


class Exchange(NamedTuple):
    """A message that was paid for, and its reply; a thread may be listed and show it late, or never."""

    run_id: str
    message: str
    reply: bytes
    listed_at: float
    shows_at: float

    @property
    def kind(self) -> str:
        return self.message.split()[0]

    @property
    def reference(self) -> str:
        return self.message.split()[-1]


class World(NamedTuple):
    """Everything outside the deliveries."""

    clock: float = 0.0
    objects: tuple[tuple[str, Stored], ...] = ()
    paid: tuple[Exchange, ...] = ()

    def after(self, seconds: float) -> "World":
        return self._replace(clock=self.clock + seconds)

    def showing(self, after_seconds: float, listed_after_seconds: float = 0.0) -> "World":
        """The same world, but that the last answer's thread is listed, and shows it, so much later."""
        listed_at, shows_at = self.clock + listed_after_seconds, self.clock + after_seconds
        last = self.paid[-1]._replace(listed_at=listed_at, shows_at=shows_at)
        return self._replace(paid=(*self.paid[:-1], last))

    def kept(self, name: str) -> Stored | None:
        return dict(self.objects).get(name)

    def read(self, name: str) -> bytes | None:
        found = self.kept(name)
        return found.data if found else None

    def having(self, name: str, kept: Stored | None) -> "World":
        objects = [one for one in self.objects if one[0] != name]
        if kept:
            insort(objects, (name, kept))
        return self._replace(objects=tuple(objects))


@dataclass(frozen=True)
class Scene:
    """How Mave answers, and what the deployment allows."""

    first: str = "whole"  # to the message: whole, partial, question
    author: str = "mave"
    unchanged: bool = False
    mave_calls: int = 2


def carried_out(world: World, effect: Effect, scene: Scene) -> tuple[World, object]:
    """The world after an effect, and what the delivery sees of it: a value, or an exception."""
    match effect.verb:
        case "read":
            return world, world.kept(effect.subject)
        case "write":
            return _written(world, effect)
        case "delete":
            return world.having(effect.subject, None), None
        case "ask":
            reply = json.dumps({"content": _content(effect.subject, scene), "to": effect.subject}).encode()
            exchange = Exchange(effect.run_id, effect.subject, reply, world.clock, world.clock)
            return world._replace(paid=(*world.paid, exchange)), reply
        case "recover":
            return world, _recovered(world, effect)
    return world, None  # fetch: every delivery finds another number of people


def _recovered(world: World, effect: Effect) -> object:
    for exchange in world.paid:
        if exchange.reference == effect.subject and exchange.listed_at <= world.clock:
            if exchange.shows_at > world.clock:
                return Unavailable("mave", "still at work") if effect.data else None
            # Not the bytes of the reply, so that the one that was stored first can be told.
            return b'{"recovered": true, ' + exchange.reply[1:]
    return None


def _content(message: str, scene: Scene) -> str:
    return {"all": scene.first, "missing": "rest", "proceed": "whole"}[message.split(maxsplit=1)[0]]


def _written(world: World, effect: Effect) -> tuple[World, object]:
    found = world.kept(effect.subject)
    if effect.generation != (found.generation if found else 0):
        own = found is not None and found.data == effect.data
        return world, found.generation if found and own else Conflict(effect.subject)
    if effect.subject == LATEST and found:
        assert _age(found.data) < _age(effect.data), "latest.json moved back"
    generation = effect.generation + 1
    return world.having(effect.subject, Stored(effect.data, generation, world.clock)), generation


def _age(latest: bytes) -> tuple[str, str]:
    named = decode(latest)
    return named["created_at"], named["run_id"]


class Seen:
    """A delivery as it is after what it has seen so far; `ahead` is its next effect, or how it ended."""

    def __init__(self, play: "Play", history: tuple[tuple[float, object], ...] = ()) -> None:
        self.play = play
        self.history = history  # when it saw what
        self._after: dict[object, Seen] = {}
        self.known: Effect | Report | BaseException | None = None  # what is ahead, once somebody asked

    @property
    def ahead(self) -> Effect | Report | BaseException:
        self.known = self.known or self.play.proceed(self.history)
        return self.known

    def then(self, clock: float, outcome: object) -> "Seen":
        """The same delivery once it has seen one thing more; the same things make the same delivery."""
        words = str(outcome) if isinstance(outcome, BaseException) else outcome
        key = (clock, type(outcome), words)
        if key not in self._after:
            self._after[key] = Seen(self.play, (*self.history, (clock, outcome)))
        return self._after[key]


@dataclass(frozen=True)
class Play:
    """One delivery of one run, from its beginning; a pure function of what it sees."""

    number: int  # of the delivery
    run_id: str
    scene: Scene
    starts: float  # Unix seconds
    force: bool = False

    def proceed(
        self, history: Iterable[tuple[float, object]], meet: "Meeting | None" = None
    ) -> Effect | Report | BaseException:
        """The next effect; where somebody tells what each of them meets, the delivery's end."""
        stage = _Stage(self, history, meet)
        delivery = Delivery(
            owner=f"owner{self.number}",
            deadline=Deadline(DEADLINE_SECONDS, lambda: stage.clock),
            lease_seconds=LEASE_SECONDS,
            mave_calls=self.scene.mave_calls,
            mave_timeout_seconds=MAVE_SECONDS,
            force=self.force,
        )
        try:
            with claim(stage, self.run_id, delivery) as run_folder:
                return carry_out(run_folder, _Steps(stage))
        except _Paused:
            assert stage.ahead
            return stage.ahead
        except (PersonaError, KeyboardInterrupt) as error:
            return error


class _Paused(BaseException):
    """The delivery is at its next effect; like a killed process, it does nothing more."""


class _Stage:
    """The bucket, Mave and clock that a delivery meets: first what it saw already, then the next effect."""

    def __init__(self, play: Play, history: Iterable[tuple[float, object]], meet: Meeting | None) -> None:
        self.play = play
        self.clock = play.starts
        self.ahead: Effect | None = None
        self._history = iter(history)
        self._meet = meet

    def do(self, verb: Verb, subject: str = "", data: bytes = b"", generation: int = 0) -> object:
        seen = next(self._history, None)
        effect = Effect(self.play.run_id, verb, subject, data, generation)
        if seen is None and self._meet:
            seen = self._meet(effect)
        if self.ahead or seen is None:
            self.ahead = self.ahead or effect
            raise _Paused
        self.clock, outcome = seen
        if isinstance(outcome, BaseException):
            raise outcome.with_traceback(None)
        return outcome

    def read(self, name: str) -> Stored | None:
        return cast("Stored | None", self.do("read", name))

    def write(self, name: str, data: bytes, content_type: str, generation: int = 0) -> int:
        assert content_type
        return cast("int", self.do("write", name, data, generation))

    def delete(self, name: str) -> None:
        self.do("delete", name)

    def now(self) -> float:
        return self.clock

    def address(self, name: str) -> str:
        return name

    def link(self, name: str) -> str:
        return name


class _Steps:
    """The steps of a run without their work: what they make shows what it was made of."""

    def __init__(self, stage: _Stage) -> None:
        self._stage = stage
        self._scene = stage.play.scene

    def fetch_classify_summarize(self) -> Summary:
        self._stage.do("fetch")
        return _summary(self._stage.play.number)

    def compare(self, summary: Summary) -> Baseline:
        assert summary
        latest = self._stage.read(LATEST)
        return Baseline(objects={"json": decode(latest.data)["run_id"]} if latest else None)

    def is_unchanged(self, baseline: Baseline) -> bool:
        assert baseline
        return self._scene.unchanged and not self._stage.play.force

    def next_message(self, summary: Summary, baseline: Baseline, answers: Answers) -> Message | None:
        if self._scene.author == "facts":
            return None
        said = [decode(raw)["content"] for _, raw in sorted(answers.items())]
        about = f"{summary.population.read} {baseline.objects} {HOLE}"
        if not said:
            return Message(text=f"all {about}")
        if "partial" in said and "rest" not in said:
            return Message(text=f"missing {about}", thread_id="thread", essential=False)
        if said == ["question"]:
            return Message(text=f"proceed {about}", thread_id="thread")
        return None

    def ask(self, message: str, thread_id: str | None) -> bytes:
        assert (thread_id is None) == message.startswith("all")
        return cast("bytes", self._stage.do("ask", message))

    def recover(
        self, reference: str, age_seconds: float, *, patient: bool, every_thread: bool
    ) -> bytes | None:
        # No call is given up before every thread was looked into.
        assert every_thread or patient or age_seconds < MAVE_SECONDS
        return cast("bytes | None", self._stage.do("recover", reference, b"patient" if patient else b""))

    def check(
        self, answers: Answers, summary: Summary, baseline: Baseline, run_folder: RunFolder
    ) -> Framework:
        made_of = {str(k): decode(raw) for k, raw in answers.items()}
        content = made_of, summary.population.read, baseline.objects, run_folder.state.created_at
        return cast("Framework", json.dumps(content).encode())

    def write(
        self, framework: Framework, summary: Summary, run_folder: RunFolder
    ) -> tuple[dict[str, bytes], Report]:
        assert summary
        return dict.fromkeys(OUTPUTS, cast("bytes", framework)), _report(run_folder)

    def report_unchanged(self, summary: Summary, baseline: Baseline, run_folder: RunFolder) -> Report:
        assert summary
        assert baseline
        return structs.replace(_report(run_folder), status="unchanged")


NOBODY = Group(
    n=0, avg_ltv=0.0, avg_activity={}, avg_identities=0.0, few_identities_share=0.0, identity_coverage=None
)


def _summary(people: int) -> Summary:
    read, rule = Population(read=people), Rule(channels={}, dominance=0.5)
    return Summary(source=Origin(kind="sample"), population=read, rule=rule, totals=NOBODY, patterns=[])


def _report(run_folder: RunFolder) -> Report:
    run_id = run_folder.run_id
    nobody = ReportedProfiles(read=0, classified=0, dormant=0, rejected=0, truncated=False)
    return Report(
        run_id=run_id, status="published", source="sample", author="mave", profiles=nobody, patterns=[]
    )
