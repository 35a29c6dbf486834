"""The protocol that pays once, against a fake world, with everything that can go wrong at every effect.

An effect is whatever a delivery does outside its own memory: every operation of the bucket, every call of
Mave, the fetch. The explorer tries every continuation of every world that it comes to; a world that it has
seen before, it does not look into again.
"""

import math
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

import pytest
from msgspec.json import decode
from world import LEASE_SECONDS, MAVE_SECONDS, NEVER, Effect, Play, Scene, Seen, World, carried_out

from persona.errors import (
    Invalid,
    NeedsOperator,
    PersonaError,
    Refused,
    ReplyLost,
    Service,
    Unavailable,
    UnusableReply,
)
from persona.model import Report
from persona.storage.objects import OUTPUTS

# What is run a hundred thousand times is not traced: other tests cover the same lines.
pytestmark = pytest.mark.no_cover

# Larger budgets by hand: TEST_EXAMPLES=1000 tests/run tests/test_protocol.py
BY_HAND = "TEST_EXAMPLES" in os.environ
SCHEDULES = int(os.environ.get("TEST_EXAMPLES", "60"))
# More deliveries than any schedule here needs; one that needs more does not come to its end.
MOST_DELIVERIES = 12
# Of the steps of a random schedule, those at which nothing goes wrong; a delivery has about 20.
USUAL_SHARE = 0.9
WRITES = {"write", "delete"}


# The run's threads: as Mave answered; never in its list; without an answer, ever.
Threads = Literal["shown", "unlisted", "unanswered"]


@dataclass(frozen=True)
class Plan:
    """What may go wrong, and how often; the order is always open."""

    scene: Scene
    deliveries: tuple[str, ...] = ("run",)  # the runs that are triggered at first, all at once
    crashes: int = 0
    faults: int = 0
    hasty: int = 0  # redeliveries that do not wait
    expiries: int = 0  # leases that run out under a live owner
    threads: Threads = "shown"
    forced: bool = False  # an operator answers with `force`, which is then redelivered again and again


class Live(NamedTuple):
    """A delivery at work; its clocks may be behind, as those of a process that was frozen."""

    seen: Seen
    lag_seconds: float = 0.0

    @property
    def ahead(self) -> Effect:
        assert isinstance(self.seen.ahead, Effect)
        return self.seen.ahead


class Moment(NamedTuple):
    """One state of everything."""

    world: World
    alive: tuple[Live, ...]
    due: tuple[str, ...]  # the runs that nobody has acknowledged
    begun: int  # deliveries so far
    crashes: int
    faults: int
    hasty: int
    expiries: int
    wait_seconds: float = 0.0  # until the next delivery
    force: bool = False
    overslept: bool = False  # an owner outlived its lease between its intent and its call
    # The calls of owners that were frozen for longer than a lease and whose clock is behind since: they look
    # older than they are, and may be given up while Mave is at work.
    predated: frozenset[str] = frozenset()


@dataclass
class Explored:
    """What an exploration met."""

    # The kinds of the calls that were paid, at the end.
    paid: set[tuple[str, ...]] = field(default_factory=set)
    told: set[str] = field(default_factory=set)  # the codes of failures


class Broken(BaseException):
    """A promise was broken within a delivery, whose code takes other exceptions for defects of its own."""


class Explorer:
    """Tries the continuations of a plan, and holds each against what the protocol promises."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.explored = Explored()

    def everything(self) -> Explored:
        """What comes of every continuation."""
        seen: set[Moment] = set()
        ahead = [self.beginning()]
        while ahead:
            moment = ahead.pop()
            if moment in seen:
                continue
            seen.add(moment)
            is_alone = len(moment.alive) == 1 and not moment.alive[0].seen.known
            ahead += self._alone(moment, moment.alive[0]) if is_alone else self.after(moment)
        return self.explored

    def some(self, seed: int, schedules: int) -> Explored:
        """What comes of so many schedules, drawn at random; the same on every machine."""
        chance = random.Random(seed)  # noqa: S311 - nothing to keep secret
        for _ in range(schedules):
            following = [self.beginning()]
            while following:
                # What goes right comes first: it is drawn more often, or all would go wrong at the beginning.
                usual = chance.random() < USUAL_SHARE
                following = list(self.after(following[0] if usual else chance.choice(following)))
        return self.explored

    def beginning(self) -> Moment:
        plan = self.plan
        alive = tuple(
            Live(Seen(Play(number, run_id, plan.scene, starts=float(number))))
            for number, run_id in enumerate(plan.deliveries, start=1)
        )
        return Moment(
            world=World(clock=float(len(alive))),
            alive=alive,
            due=tuple(sorted(set(plan.deliveries))),
            begun=len(alive),
            crashes=plan.crashes,
            faults=plan.faults,
            hasty=plan.hasty,
            expiries=plan.expiries,
        )

    def after(self, moment: Moment) -> Iterator[Moment]:
        """What may happen next; nothing after the end."""
        ended = next((live for live in moment.alive if not isinstance(live.seen.ahead, Effect)), None)
        if ended:
            yield self._ended(moment._replace(alive=but(moment.alive, ended)), ended.seen)
        elif moment.alive:
            for live in moment.alive:
                yield from self._stepped(moment, live)
        elif moment.due:
            yield self._delivered(moment, moment.due[0])
            if moment.hasty and moment.wait_seconds:
                hasty = moment._replace(wait_seconds=0.0, hasty=moment.hasty - 1)
                yield self._delivered(hasty, moment.due[0])
        else:
            check_latest(moment.world)
            self.explored.paid.add(tuple(exchange.kind for exchange in moment.world.paid))

    def _delivered(self, moment: Moment, run_id: str) -> Moment:
        """The next delivery of a run begins; nobody gives up."""
        number = moment.begun + 1
        assert number <= MOST_DELIVERIES, "the run does not come to its end"
        world = moment.world.after(moment.wait_seconds)
        play = Play(number, run_id, self.plan.scene, starts=world.clock, force=moment.force)
        alive = (*moment.alive, Live(Seen(play)))
        return moment._replace(world=world, alive=alive, begun=number, wait_seconds=0.0)

    # -- one effect -------------------------------------------------------------------------------------

    def _stepped(self, moment: Moment, live: Live) -> Iterator[Moment]:
        """A delivery's next effect, with everything that it may meet."""
        moment, world, outcome = self._done(moment, live)
        yield _met(moment, live, world, outcome)
        yield from self._troubled(moment, live, world)

    def _alone(self, moment: Moment, live: Live) -> Iterator[Moment]:
        """A delivery that has the world to itself, to its end in one go, with everything that it may meet.

        The same moments as step by step, for which its code is run once and not anew up to every effect.
        """
        troubled: list[Moment] = []

        def meet(effect: Effect) -> tuple[float, object]:
            nonlocal moment, live
            live.seen.known = effect
            try:
                moment, world, outcome = self._done(moment, live)
                troubled.extend(self._troubled(moment, live, world))
            except AssertionError as promise:
                raise Broken from promise
            moment = _met(moment, live, world, outcome)
            (live,) = moment.alive
            return live.seen.history[-1]

        result = live.seen.play.proceed(live.seen.history, meet)
        live.seen.known = result
        yield self._ended(moment._replace(alive=()), live.seen)
        yield from troubled

    def _done(self, moment: Moment, live: Live) -> tuple[Moment, World, object]:
        """A delivery's next effect: what is known since, the world after it, and what the delivery sees."""
        effect = live.ahead
        world, outcome = carried_out(moment.world, effect, self.plan.scene)
        if effect.verb == "ask":
            self._check_call(moment, effect)
            if live.lag_seconds:
                moment = moment._replace(predated=moment.predated | {effect.subject.split()[-1]})
            if self.plan.threads == "unlisted":
                world = world.showing(NEVER, NEVER)
            if self.plan.threads == "unanswered":
                world = world.showing(NEVER)
        return moment, world, outcome

    def _troubled(self, moment: Moment, live: Live, after: World) -> Iterator[Moment]:
        """What a delivery may meet at its next effect, short of its going right."""
        if moment.crashes:
            yield from self._crashed(moment, live, after)
        if moment.faults:
            less = moment._replace(faults=moment.faults - 1)
            for world, error in faults(live.ahead, moment.world, after):
                yield _met(less, live, world, error)
        if moment.expiries:
            yield from self._expired(moment, live)

    def _crashed(self, moment: Moment, live: Live, after: World) -> Iterator[Moment]:
        """Killed before the effect, or after it; a paid answer shows in its thread at once or later."""
        wait_seconds = max(moment.wait_seconds, LEASE_SECONDS + 1)
        crash = moment._replace(
            alive=but(moment.alive, live), crashes=moment.crashes - 1, wait_seconds=wait_seconds
        )
        yield crash
        yield crash._replace(world=after)
        if live.ahead.verb == "ask":
            yield crash._replace(world=after.showing(LEASE_SECONDS + 2))

    def _expired(self, moment: Moment, live: Live) -> Iterator[Moment]:
        """The owner is frozen for longer than its lease, and the run delivered again; its clocks may tell."""
        frozen = moment._replace(
            expiries=moment.expiries - 1,
            overslept=moment.overslept or any(other.ahead.verb == "ask" for other in moment.alive),
            wait_seconds=LEASE_SECONDS + 1,
        )
        run_id = live.seen.play.run_id
        yield self._delivered(frozen, run_id)
        unaware = live._replace(lag_seconds=live.lag_seconds + LEASE_SECONDS + 1)
        yield self._delivered(frozen._replace(alive=(*but(moment.alive, live), unaware)), run_id)

    def _ended(self, moment: Moment, seen: Seen) -> Moment:
        """The moment after a delivery's end: what is acknowledged is at its end, the rest comes again."""
        run_id, result = seen.play.run_id, seen.ahead
        acknowledged = moment._replace(due=tuple(due for due in moment.due if due != run_id))
        if isinstance(result, Report):
            check_outputs(moment.world, run_id)
            return acknowledged
        self.explored.told.add(getattr(result, "code", "stopped"))
        if isinstance(result, NeedsOperator):
            forced = self.plan.forced and not moment.force
            return moment._replace(force=True) if forced else acknowledged
        if isinstance(result, PersonaError) and result.retryable:
            asked_seconds = math.ceil(max(result.retry_after_seconds, 1))
            return moment._replace(wait_seconds=max(moment.wait_seconds, asked_seconds))
        # Stopped by hand, or refused: whoever mends that sends it again; an unusable answer stays one.
        return acknowledged if isinstance(result, Invalid) and moment.begun > 3 else moment

    # -- what is promised -------------------------------------------------------------------------------

    def _check_call(self, moment: Moment, effect: Effect) -> None:
        """Before anything is paid: it was announced word for word, is within the cap, and is not paid yet."""
        state = document(moment.world, effect.run_id, "state.json")
        kind, *_, reference = effect.subject.split()
        assert effect.subject in [
            call["message"] for call in state["calls"] if call["reference"] == reference
        ]
        paid = [exchange for exchange in moment.world.paid if exchange.run_id == effect.run_id]
        assert reference not in [exchange.reference for exchange in paid]
        assert len(paid) < self.plan.scene.mave_calls + moment.force
        assert moment.world.read(f"runs/{effect.run_id}/reply-{len(state['calls'])}.bin") is None
        if not moment.overslept:  # the one case, the other being an answer that no thread ever shows
            shown = [exchange for exchange in paid if exchange.shows_at < NEVER]
            assert kind not in [one.kind for one in shown if one.reference not in moment.predated]


def _met(moment: Moment, live: Live, world: World, outcome: object) -> Moment:
    """The moment after a delivery has seen what came of its effect."""
    following = live._replace(seen=live.seen.then(world.clock - live.lag_seconds, outcome))
    return moment._replace(world=world, alive=(*but(moment.alive, live), following))


def but(alive: tuple[Live, ...], live: Live) -> tuple[Live, ...]:
    return tuple(other for other in alive if other is not live)


def document(world: World, run_id: str, name: str) -> Any:
    data = world.read(f"runs/{run_id}/{name}")
    assert data, f"{name} is not there"
    return decode(data)


def check_outputs(world: World, run_id: str) -> None:
    """A run that is acknowledged is at its end, and its outputs agree with what was paid for."""
    state = document(world, run_id, "state.json")
    assert state["status"] in {"published", "unchanged"}
    if state["status"] == "unchanged":
        assert world.paid == ()
        return
    answers = {
        str(k): document(world, run_id, f"answer-{k}.json" if k > 1 else "answer.json")
        for k in state["closed"]
    }
    for k, answer in answers.items():
        assert answer["to"].endswith(f" {state['reference']}/{k}"), "the answer to another message"
    people = document(world, run_id, "summary.json")["population"]["read"]
    made_of = [answers, people, state["baseline"]["objects"], state["created_at"]]
    assert [made_of] * len(OUTPUTS) == [document(world, run_id, name) for name in OUTPUTS]
    assert world.read(f"runs/{run_id}/error.json") is None
    latest = world.read("latest.json")
    assert latest
    assert decode(latest)["created_at"] >= state["created_at"]


def check_latest(world: World) -> None:
    """Once nobody is at work, the copied page is that of the run which `latest.json` names."""
    latest, page = world.read("latest.json"), world.read("latest.html")
    named = latest and world.read(f"runs/{decode(latest)['run_id']}/framework.html")
    assert page == named


def faults(effect: Effect, before: World, after: World) -> Iterator[tuple[World, BaseException]]:
    """What an effect may meet short of a crash: not done, or done and its reply lost; stopped by hand."""
    services: dict[str, Service] = {"fetch": "segment", "ask": "mave", "recover": "mave"}
    service = services.get(effect.verb, "storage")
    yield before, Unavailable(service, "busy")
    yield before, KeyboardInterrupt()
    if effect.verb in WRITES:
        yield after, Unavailable(service, "done, and nobody knows")
    if effect.verb in WRITES | {"ask"}:
        yield after, KeyboardInterrupt()
    if effect.verb == "ask":
        yield before, Refused("mave", "no credits")
        yield before, ReplyLost("never arrived")
        yield before.after(MAVE_SECONDS), ReplyLost("never arrived")
        yield after, ReplyLost("reset")
        yield after.after(MAVE_SECONDS), ReplyLost("timeout")
        yield after.showing(MAVE_SECONDS), ReplyLost("reset")
        yield after.showing(MAVE_SECONDS, MAVE_SECONDS - 1), ReplyLost("reset")
        # It waited for a busy Mave before it was sent.
        yield after.after(2 * MAVE_SECONDS).showing(MAVE_SECONDS, MAVE_SECONDS - 1), lost(0.0)
        yield after, UnusableReply("HTML", b"<html>")
        yield after.showing(3 * MAVE_SECONDS), UnusableReply("HTML", b"<html>")
        yield after.showing(NEVER, NEVER), UnusableReply("HTML", b"<html>")


ONE, FOLLOW_UP, QUESTION = Scene(), Scene("partial"), Scene("question")
# How Mave answers, and the kinds of the calls that are paid for where nothing goes wrong.
SCENES = {
    "one call": (ONE, ("all",)),
    "a follow-up": (FOLLOW_UP, ("all", "missing")),
    "a question": (QUESTION, ("all", "proceed")),
    "no author but the facts": (Scene(author="facts"), ()),
    "nothing new": (Scene(unchanged=True), ()),
}
every_scene = pytest.mark.parametrize(("scene", "calls"), SCENES.values(), ids=SCENES)
asking_scenes = pytest.mark.parametrize("scene", [ONE, FOLLOW_UP, QUESTION], ids=list(SCENES)[:3])
# A third call adds nothing to two but time.
every_cap = pytest.mark.parametrize("mave_calls", [1, 2, 3] if BY_HAND else [1, 2])


def everything(plan: Plan) -> Explored:
    return Explorer(plan).everything()


@every_scene
def test_after_one_or_two_crashes_anywhere_a_run_comes_to_its_end_and_pays_once(
    scene: Scene, calls: tuple[str, ...]
) -> None:
    """Two crashes between intent and call take an operator's word; only what comes second may be given up."""
    paid = everything(Plan(scene, crashes=2, forced=True)).paid
    assert {calls} <= paid <= {calls, calls[:1]}


@every_scene
def test_after_any_failure_or_lost_reply_a_run_comes_to_its_end_and_pays_once(
    scene: Scene, calls: tuple[str, ...]
) -> None:
    """Redelivered as late as it asks for, or at once; a question left open by a lost call stays open."""
    paid = everything(Plan(scene, faults=1, hasty=1)).paid
    assert {calls} <= paid <= {calls, calls[:1]}


def test_after_any_failure_and_any_crash_a_run_comes_to_its_end_and_pays_once() -> None:
    """But for a reply that is no answer, lost by the crash, and whose thread is never listed."""
    assert {("all",), ("all", "all")} == everything(Plan(ONE, crashes=1, faults=1, forced=True)).paid


@every_scene
def test_of_three_deliveries_at_once_in_any_order_one_pays(scene: Scene, calls: tuple[str, ...]) -> None:
    assert {calls} == everything(Plan(scene, ("run", "run", "run"))).paid


@asking_scenes
@pytest.mark.parametrize("runs", [("run", "run"), ("a", "b")], ids=["one run", "two runs"])
def test_of_two_deliveries_at_once_of_which_one_crashes_each_run_pays_once_for_answers_of_its_own(
    scene: Scene, runs: tuple[str, str]
) -> None:
    """And `latest.json` never moves back, which the world itself holds."""
    explored = everything(Plan(scene, runs, crashes=1, forced=True))
    assert max(kinds.count("all") for kinds in explored.paid) == len(set(runs))


@pytest.mark.slow
@every_scene
def test_an_owner_that_outlives_its_lease_changes_nothing_and_pays_twice_in_the_one_named_case(
    scene: Scene, calls: tuple[str, ...]
) -> None:
    """`Explorer` itself holds that only an owner frozen between its intent and its call can."""
    paid = everything(Plan(scene, expiries=1)).paid
    assert {calls} <= paid
    assert (("all", "all") in paid) == bool(calls)


@pytest.mark.slow
def test_an_owner_that_outlives_its_lease_and_a_crash_pay_twice_in_the_one_named_case_only() -> None:
    """Frozen before its call it may be killed after it, and its clock have been behind in between."""
    assert {("all",), ("all", "all")} == everything(Plan(ONE, expiries=1, crashes=1)).paid


@pytest.mark.slow
@asking_scenes
@every_cap
@pytest.mark.parametrize("threads", ["unlisted", "unanswered"])
def test_where_no_thread_ever_shows_an_answer_the_run_ends_and_the_cap_holds(
    scene: Scene, mave_calls: int, threads: Threads
) -> None:
    """That it ends, `Explorer` holds itself."""
    plan = Plan(replace(scene, mave_calls=mave_calls), crashes=1, faults=1, threads=threads)
    explored = everything(plan)
    assert max(map(len, explored.paid)) == mave_calls
    assert "needs_operator" in explored.told or mave_calls == 3


def test_a_follow_up_is_sent_once_however_many_calls_are_allowed() -> None:
    explored = everything(Plan(replace(FOLLOW_UP, mave_calls=3), crashes=1, threads="unlisted"))
    assert max(kinds.count("missing") for kinds in explored.paid) == 1


@asking_scenes
@pytest.mark.parametrize(("threads", "crashes"), [("unlisted", 2), ("unanswered", 1)])
def test_force_allows_one_call_above_the_cap_however_often_it_comes(
    scene: Scene, threads: Threads, crashes: int
) -> None:
    plan = Plan(replace(scene, mave_calls=1), crashes=crashes, threads=threads, forced=True)
    paid = everything(plan).paid
    assert (("all", "all") in paid, max(map(len, paid))) == (True, 2)


@pytest.mark.slow
@asking_scenes
def test_of_everything_at_once_many_schedules_hold_what_is_promised(scene: Scene) -> None:
    """The family is too large to be tried in full: two crashes, two failures, a lease, three deliveries."""
    plan = Plan(scene, ("a", "a", "b"), crashes=2, faults=2, hasty=2, expiries=1, forced=True)
    assert Explorer(plan).some(seed=3, schedules=SCHEDULES).told >= {"run_in_progress", "storage_unavailable"}


def lost(sent_seconds_ago: float) -> ReplyLost:
    error = ReplyLost("reset")
    error.sent_seconds_ago = sent_seconds_ago
    return error
