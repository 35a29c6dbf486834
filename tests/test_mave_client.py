"""A paid answer is never thrown away, a refusal never counts as paid, and the key is never shown."""

import json
import math
import time
from itertools import product
from typing import Any

import msgspec
import pytest
from cloud import FakeMave, Reply, Service, Turn, answer, error, json_reply, raw, refuse

from persona.deadline import Deadline
from persona.errors import DeadlineExceeded, Invalid, PersonaError, Refused, ReplyLost, UnusableReply
from persona.mave import client
from persona.model import Answer, NamedPersona, WebSource
from persona.net.wire import MOST_BODY_BYTES
from persona.settings import Settings, read_settings

pytestmark = pytest.mark.usefixtures("clock")
KEY = "mvra_live_test"
MESSAGE = "Create a unified persona framework.\n\nReference: r4nd0m/1"


def settings(url: str, **more: str) -> Settings:
    names = {"PERSONA_SOURCE": "sample", "MAVERA_API_KEY": KEY, "MAVERA_API_URL": url}
    return read_settings(names | more, "terminal")


def ask(service: Service, deadline_seconds: float = 1_000.0) -> bytes:
    return client.ask(settings(service.url), Deadline(deadline_seconds), MESSAGE, None)


def failure(service: Service, deadline_seconds: float = 1_000.0) -> PersonaError:
    with pytest.raises(PersonaError) as raised:
        ask(service, deadline_seconds)
    return raised.value


def test_a_call_carries_the_message_the_thread_and_the_workspace_and_no_more() -> None:
    with FakeMave(answer("An answer.")) as service:
        thread = service.remember("before", "yes")
        client.ask(settings(service.url, MAVERA_WORKSPACE_ID="ws_1"), Deadline(600), MESSAGE, thread.id)
        sent = service.requests[0]
    assert json.loads(sent.body) == {"message": MESSAGE, "thread_id": thread.id, "workspace_id": "ws_1"}
    assert sent.headers["Authorization"] == f"Bearer {KEY}"


REFUSALS = {
    400: ("invalid_field", "see the vendor's words"),
    401: ("expired_api_key", "check MAVERA_API_KEY"),
    402: ("credits_exhausted", "GET /usage"),
    403: ("forbidden", "permissions"),
    404: ("resource_not_found", "MAVERA_API_URL"),
    422: ("unprocessable", "see the vendor's words"),
}


@pytest.mark.parametrize("status", REFUSALS)
def test_a_refusal_is_not_resent_and_keeps_the_vendor_s_code(status: int) -> None:
    code, hint = REFUSALS[status]
    with FakeMave(refuse(status, code, Retry_After="0")) as service:
        refused = failure(service)
        assert len(service.requests) == 1
    assert (type(refused), refused.code) == (Refused, "mave_refused")
    told = f"answered {status} {code}", hint, "nothing was paid"
    assert [part for part in told if part not in str(refused)] == []
    assert service.paid == []


def test_a_vendor_s_words_are_kept_short_clean_and_without_the_key() -> None:
    words = f"The key {KEY} (or mvra_live_ab12…) is\x1b[31m wrong\n{'!' * 1_000}"
    with FakeMave(Turn(paid=False, reply=error(401, "invalid_api_key", words))) as service:
        told = str(failure(service))
    assert "invalid_api_key: The key … (or mvra_……) is [31m wrong !!!" in told
    assert KEY not in told
    assert len(told) < 500


ODD_WORDS = [b"<html>", b'{"error": "text"}', b'{"error": {"code": 7, "message": null}}']


@pytest.mark.parametrize("body", ODD_WORDS)
def test_a_refusal_without_the_vendor_s_words_is_told_all_the_same(body: bytes) -> None:
    with FakeMave(faults=lambda _: Reply(status=402, body=body)) as service:
        assert "Mave answered 402; the credits" in str(failure(service))


def test_no_call_begins_when_the_time_is_up() -> None:
    with FakeMave() as service:
        assert isinstance(failure(service, deadline_seconds=0), DeadlineExceeded)
        assert service.requests == []


@pytest.mark.parametrize("status", [503, 307, 409])
def test_a_status_that_says_neither_yes_nor_no_counts_as_spent(status: int) -> None:
    odd = error(status, Retry_After="0", Location="/mave/chat")
    with FakeMave(Turn(content="An answer.", reply=odd)) as service:
        lost = failure(service)
        assert len(service.requests) == 1
    assert isinstance(lost, ReplyLost)
    assert f"answered {status}" in str(lost)


def test_an_answer_is_waited_for_no_longer_than_the_deadline() -> None:
    begun = time.monotonic()
    with FakeMave(answer("An answer.", delay_seconds=200)) as service:
        assert isinstance(failure(service, deadline_seconds=0.5), ReplyLost)
    assert time.monotonic() - begun < 100


UNUSABLE = {
    "html": (b"<html>busy</html>", "17 bytes that are no JSON object"),
    "nothing": (b"", "an empty body"),
    "no-content": (b'{"id": "msg_1"}', "an object without it"),
    "empty-content": (b'{"content": " \\n"}', "an object without it"),
    "content-of-another-type": (b'{"content": ["a"]}', "an object without it"),
    "list": (b"[1]", "3 bytes that are no JSON object"),
}


@pytest.mark.parametrize(("body", "came"), UNUSABLE.values(), ids=UNUSABLE)
def test_a_reply_without_an_answer_is_kept_as_it_came(body: bytes, came: str) -> None:
    with FakeMave(raw(body)) as service:
        unusable = failure(service)
        assert len(service.requests) == 1
    assert isinstance(unusable, UnusableReply)
    assert (unusable.raw, unusable.code) == (body, "mave_invalid")
    assert came in str(unusable)


def test_a_reply_over_the_cap_is_kept_up_to_it() -> None:
    with FakeMave(raw(b" " * (MOST_BODY_BYTES + 1))) as service:
        unusable = failure(service)
    assert isinstance(unusable, UnusableReply)
    assert len(unusable.raw) == MOST_BODY_BYTES
    assert "larger than 32 MiB" in str(unusable)


URL = "https://a.example/b"


def source(title: str, url: str = "", domain: str = "") -> WebSource:
    return WebSource(title=title, url=url, domain=domain)


def parsed(**fields: object) -> Answer:
    return client.parse(json.dumps({"content": "An answer.", **fields}).encode())


def test_a_whole_answer_is_read_whole() -> None:
    rating = {"confidence_score": 0.87, "hallucination_risk": "low", "unsupported_claims": []}
    read = parsed(
        id="msg_1",
        object="mave_message",
        thread_id="mave_thread_1",
        role="assistant",
        sources=[{"title": "T", "url": URL, "domain": "a.example"}],
        personas_used=[{"id": "p1", "name": "Ann"}],
        usage={"credits_used": 42},
        validation=rating,
        created_at="2026-03-17T05:31:56Z",
    )
    assert read == Answer(
        content="An answer.",
        id="msg_1",
        thread_id="mave_thread_1",
        sources=[source("T", URL, "a.example")],
        personas_used=[NamedPersona(id="p1", name="Ann")],
        credits_used=42,
        validation=rating,
    )


NESTED = json.loads('{"a":' * 98 + "[1]" + "}" * 98)
# What stands beside the content, and what of it is kept: as deep as can be carried, for one.
BESIDE: dict[str, tuple[dict[str, object], dict[str, Any]]] = {
    "a source's URL": ({"sources": [{"url": URL}]}, {"sources": [source("a.example", URL, "a.example")]}),
    "a source's title": ({"sources": [{"title": "T"}]}, {"sources": [source("T")]}),
    "no URL": ({"sources": [{"url": "http://["}]}, {"sources": [source("http://[", "http://[")]}),
    "no source": ({"sources": [{}, 7, None, {"url": 7, "title": []}]}, {}),
    "no list of sources": ({"sources": {"url": URL}}, {}),
    "credits: half of one": ({"usage": {"credits_used": 41.5}}, {"credits_used": 41.5}),
    "credits: a boolean": ({"usage": {"credits_used": True}}, {}),
    "credits: negative": ({"usage": {"credits_used": -3}}, {}),
    "credits: no number": ({"usage": {"credits_used": math.nan}}, {}),
    "no usage": ({"usage": []}, {}),
    "98 deep": ({"validation": NESTED}, {"validation": NESTED}),
}
for field, odd in product(("id", "thread_id", "validation", "personas_used"), (7, [], "", None, [7])):
    BESIDE[f"{field}: {odd!r}"] = {field: odd}, {}


@pytest.mark.parametrize("name", BESIDE)
def test_nothing_odd_beside_its_content_spoils_an_answer(name: str) -> None:
    fields, kept = BESIDE[name]
    assert parsed(**fields) == Answer(content="An answer.", **kept)


@pytest.mark.parametrize("depth", [101, 970, 200_000])
@pytest.mark.parametrize("field", ["validation", "usage", "new"])
def test_what_is_nested_too_deep_never_spoils_an_answer(field: str, depth: int) -> None:
    deep = (
        b'{"a]\\"[":' * (depth // 2) + b"[" * (depth // 2) + b"1" + b"]" * (depth // 2) + b"}" * (depth // 2)
    )
    body = b'{"id":"msg_1","%b":%b,"content":"An \\"[answer","thread_id":"t_1"}' % (field.encode(), deep)
    with FakeMave(raw(body)) as service:
        kept = ask(service)
    read = client.parse(kept)
    assert (kept, read.content, read.id, read.thread_id) == (body, 'An "[answer', "msg_1", "t_1")
    assert json.loads(msgspec.json.encode(read))["content"] == 'An "[answer'


def test_a_reply_that_breaks_off_between_quotes_is_looked_at_once() -> None:
    begun = time.monotonic()
    with pytest.raises(Invalid):
        client.parse(b'{"content": "' + b'say \\"so\\" ' * 200_000)
    assert time.monotonic() - begun < 60


BODIES = {
    "lone surrogate": (b'{"content":"a \\ud800 b"}', Answer(content="a ? b")),
    "lone surrogates beside it": (
        b'{"content":"a","validation":{"\\udc00":["\\ud800"]},"id":"\\ud800"}',
        Answer(content="a", validation={"?": ["?"]}, id="?"),
    ),
    "no UTF-8": (b'{"content":"a \xff b"}', Answer(content="a \N{REPLACEMENT CHARACTER} b")),
    "byte order mark": (b'\xef\xbb\xbf{"content":"a"}', Answer(content="a")),
    "5,000 digits": (b'{"content":"a","usage":{"credits_used":%b}}' % (b"9" * 5_000), Answer(content="a")),
}


@pytest.mark.parametrize(("body", "expected"), BODIES.values(), ids=BODIES)
def test_an_answer_can_always_be_written(body: bytes, expected: Answer) -> None:
    assert expected == client.parse(body)


def test_the_credits_left_are_told() -> None:
    with FakeMave(included_credits=500) as service:
        told = client.credits_left(settings(service.url), Deadline(600))
    bounds = {"auto_recharge": False, "credits_to_add": 1_000, "budget_alert": 4_000, "usage_limit": None}
    assert told == {"a_call_takes": "10-75", "left": 500} | bounds


UNTOLD = [
    json_reply({"credits": [7], "auto_recharge": {"enabled": "yes"}}),
    Reply(body=b"<html>"),
    error(404),
]


@pytest.mark.parametrize("reply", UNTOLD, ids=["other types", "html", "no such route"])
def test_credits_that_mave_does_not_tell_are_none(reply: Reply) -> None:
    with FakeMave(faults=lambda _: reply) as service:
        told = client.credits_left(settings(service.url), Deadline(600))
    assert set(told.values()) == {None, "10-75"}


def test_why_the_credits_cannot_be_told_is_told() -> None:
    with FakeMave(keys=["mvra_live_other"]) as service:
        refused = client.credits_left(settings(service.url), Deadline(600))
    nobody = client.credits_left(settings(service.url), Deadline(600))
    assert (refused["left"], nobody["left"]) == (None, None)
    assert "check MAVERA_API_KEY" in str(refused["why"])
    assert "could not be reached" in str(nobody["why"])
