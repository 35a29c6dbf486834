"""One run's folder in the bucket, and the protocol that pays for its answer once.

All that a run has got so far lies in its folder, and a delivery goes on where the last one stopped:

    claim     state.json is created, or taken over once its lease has run out
    keep      summary.json: fetched once
    pay       recover, intend, send, store: see `persona.mave.paid_calls`
    publish   the outputs, latest.json, and the report into state.json

`state.json` only changes by compare-and-swap; everything else is only ever created. The README names the two
cases that can pay twice.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Literal, TypeVar

from msgspec import DecodeError, Struct, field, json, structs

from persona.deadline import Deadline
from persona.errors import PersonaError, Refused, RunInProgress, Unavailable, Unforeseen, describe
from persona.model import Baseline, Report, Summary
from persona.storage.bucket import Bucket, Conflict
from persona.storage.objects import JSON, LATEST, LATEST_PAGE, OUTPUTS, Latest, as_latest, path
from persona.timestamps import rfc3339

# Runs that publish in the very moment are few; more failures than this are the store's.
MOST_MOVES = 10

Decoded = TypeVar("Decoded")


class Call(Struct, frozen=True, kw_only=True):
    """A call that was begun, written down before it was sent."""

    reference: str  # stands in the message, and nowhere else in the world
    message: str
    began_at_seconds: float = field(name="began_at")  # Unix time
    essential: bool


class State(Struct, frozen=True, kw_only=True):
    """Who works on the run, and how far it is: `state.json`."""

    txn: str  # the owner's own count of its writes: no two states are ever the same bytes
    owner: str  # random, drawn by every delivery
    status: Literal["working", "released", "published", "unchanged"]
    created_at: str  # of the first claim, RFC 3339
    reference: str  # random, drawn at the first claim
    lease_seconds: float
    calls: list[Call] = []
    needs_operator: bool = False  # the cap was reached without a framework, and an operator was told
    forced: bool = False  # the one call above the cap was begun
    trial: bool = False  # moves no latest.json
    baseline: Baseline | None = None
    closed: list[int] | None = None  # the calls whose answers the outputs are made of, once one is written
    report: Report | None = None


class Delivery(Struct, frozen=True, kw_only=True):
    """One delivery of a run's trigger, the time that it has, and what it may spend."""

    owner: str  # random: stands in every state that this delivery writes, and nowhere else in the world
    deadline: Deadline
    lease_seconds: float
    mave_calls: int
    mave_timeout_seconds: float
    force: bool = False
    trial: bool = False  # what the run's first delivery says, holds


class RunFolder:
    """A run that this delivery works on; only `claim` makes one."""

    def __init__(self, bucket: Bucket, run_id: str, delivery: Delivery) -> None:
        self.run_id, self.delivery = run_id, delivery
        self.now = bucket.now  # Unix seconds; one clock for all deliveries, whatever their machines' show
        self._bucket = bucket
        self._writes = self._generation = 0
        self.state = State(
            txn="",
            owner=delivery.owner,
            status="working",
            created_at=rfc3339(self.now()),
            reference=f"persona-{delivery.owner}",
            lease_seconds=delivery.lease_seconds,
            trial=delivery.trial,
        )

    def claim(self) -> None:
        """Make the run this delivery's own, or see that it is at its end.

        Raises:
            RunInProgress: another delivery's lease has not run out.
        """
        with suppress(RunInProgress):
            self.save()
            return
        stored = self._bucket.read(self._path("state.json"))
        if stored is None:
            raise RunInProgress(f"run {self.run_id} was being deleted; try again")
        self.state, self._generation = _decoded(stored.data, State), stored.generation
        if self.finished:
            return
        left_seconds = self.state.lease_seconds - (self.now() - stored.updated)
        if self.state.status == "working" and left_seconds > 0:
            raise RunInProgress(
                f"another delivery is at work on run {self.run_id}; its lease ends in "
                f"{left_seconds:.0f} s at the latest",
                retry_after_seconds=left_seconds,
            )
        self.save(status="working", lease_seconds=self.delivery.lease_seconds, report=None)

    def save(self, **changes: object) -> None:
        """Swap the state for a changed one, if nobody else did since this delivery last saw it.

        Raises:
            RunInProgress: somebody did.
        """
        self._writes += 1
        owner = self.delivery.owner
        state = structs.replace(self.state, owner=owner, txn=f"{owner}-{self._writes}", **changes)
        name, data = self._path("state.json"), json.encode(state)
        try:
            self._generation = self._bucket.write(name, data, JSON, self._generation)
        except Conflict:
            raise RunInProgress(f"another delivery has taken over run {self.run_id}") from None
        self.state = state

    def let_go(self, error: BaseException) -> None:
        """Leave word of a permanent failure, and let the next delivery go on at once.

        Only while the run is this delivery's own. What the state was last known to be is what it becomes: a
        write of which nobody knows whether it came through is taken back, and what it announced was not done.
        """
        if isinstance(error, RunInProgress):
            return
        with suppress(PersonaError):
            stored = self._bucket.read(self._path("state.json"))
            state = _decoded(stored.data, State) if stored else None
            if stored and state and state.owner == self.delivery.owner and state.status == "working":
                self._generation = stored.generation
                unexpected = PersonaError("an unexpected error; see the log")
                failure = error if isinstance(error, PersonaError) else unexpected
                # Whoever stops a run by hand knows, and what is tried again is not over.
                if isinstance(error, Exception) and not failure.retryable:
                    body = {"run_id": self.run_id, "at": rfc3339(self.now())} | describe(failure)
                    with suppress(PersonaError, Conflict):
                        self._bucket.delete(self._path("error.json"))
                        self._bucket.write(self._path("error.json"), json.encode(body), JSON)
                self.save(status="released")

    @property
    def finished(self) -> Report | None:
        """What an earlier delivery that brought the run to its end reported."""
        report = self.state.report
        if report and self.state.status == "published":
            return structs.replace(report, status="replayed")
        return report if self.state.status == "unchanged" and not self.delivery.force else None

    @property
    def calls(self) -> int:
        """Calls that were begun and not taken back."""
        return len(self.state.calls)

    def summary(self, make: Callable[[], Summary]) -> Summary:
        """The summary that is kept; else what `make` makes, unless another delivery keeps one before."""
        data = self.read("summary.json") or self.keep_first("summary.json", json.encode(make()))
        return _decoded(data, Summary)

    def keep_baseline(self, baseline: Baseline) -> Baseline:
        """The same baseline; as soon as anything is written, it is in the state, and stays."""
        self.state = structs.replace(self.state, baseline=baseline)
        return baseline

    def read(self, name: str) -> bytes | None:
        """An object of the run's folder; None: there is none."""
        stored = self._bucket.read(self._path(name))
        return stored.data if stored else None

    def keep_first(self, name: str, made: bytes, content_type: str = JSON) -> bytes:
        """An object's content: this, or what another delivery wrote before."""
        with suppress(Conflict):
            self._bucket.write(self._path(name), made, content_type)
            return made
        if (stored := self.read(name)) is None:
            raise Unavailable("storage", f"{name} can be neither created nor read; try again later")
        return stored

    def publish(self, made_of: Iterable[int], outputs: Mapping[str, bytes], report: Report) -> Report:
        """Write the outputs, move `latest.json` forward unless it is a trial, and end the run; its report.

        The calls whose answers they are made of are fixed before the first is written: whoever goes on from
        there writes the same.
        """
        if self.state.closed is None:
            self.save(closed=sorted(made_of))
        objects: dict[str, str | None] = {"open": self._bucket.link(self._path("framework.html"))}
        for name, (kind, content_type) in OUTPUTS.items():
            objects[kind] = self._bucket.address(self._path(name)) if name in outputs else None
            if name in outputs:  # an earlier one is made of the same answers
                self.keep_first(name, outputs[name], content_type)
        if not self.state.trial:
            latest = Latest(run_id=self.run_id, created_at=self.state.created_at, objects=objects)
            self._move_latest(latest, outputs["framework.html"])
        report = structs.replace(report, objects=objects)
        self._bucket.delete(self._path("error.json"))
        self.save(status="published", report=report)
        return report

    def _move_latest(self, latest: Latest, page: bytes) -> None:
        """Let `latest.json` and the copied page be of this run, unless a newer one was there first."""
        for _ in range(MOST_MOVES):
            # Read first: whoever copies a page later than this makes the copying below fail, and look again.
            copied = self._bucket.read(LATEST_PAGE)
            stored = self._bucket.read(LATEST)
            age = _age(as_latest(stored)) if stored else ("", "")
            with suppress(Conflict):
                if age > _age(latest):
                    return
                if age < _age(latest):
                    self._bucket.write(LATEST, json.encode(latest), JSON, stored.generation if stored else 0)
                if copied is None or copied.data != page:
                    generation = copied.generation if copied else 0
                    self._bucket.write(LATEST_PAGE, page, OUTPUTS["framework.html"][1], generation)
                return
        raise Unavailable("storage", f"{LATEST} was moved by others at each of {MOST_MOVES} tries to move it")

    def _path(self, name: str) -> str:
        return path(self.run_id, name)


def _age(latest: Latest) -> tuple[str, str]:
    return latest.created_at, latest.run_id


def _decoded(data: bytes, kind: type[Decoded]) -> Decoded:
    try:
        return json.decode(data, type=kind)
    except (DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(
            "storage",
            f"an object that this function keeps its {kind.__name__.lower()} in was changed: {error}",
        ) from None


@contextmanager
def claim(bucket: Bucket, run_id: str, delivery: Delivery) -> Iterator[RunFolder]:
    """The run, for this delivery alone; let go again at every ending short of a crash.

    Raises:
        RunInProgress: another delivery holds it.
        Unforeseen: a defect showed once a call had been begun, which is worth another try.
    """
    run_folder = RunFolder(bucket, run_id, delivery)
    try:
        run_folder.claim()
        yield run_folder
    except BaseException as error:
        failure = error
        if isinstance(error, Exception) and not isinstance(error, PersonaError) and run_folder.calls:
            failure = Unforeseen(error)
        run_folder.let_go(failure)
        if failure is error:
            raise
        raise failure from error
