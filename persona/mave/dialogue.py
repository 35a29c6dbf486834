"""What to say to Mave next: the message, a nudge where it asks back, or what its answer left out."""

from collections.abc import Sequence

from persona.check.answer import CheckedAnswer
from persona.check.facts import Facts
from persona.mave import prompt
from persona.mave.paid_calls import HOLE
from persona.model import Answer, Baseline, Message, Summary


def first_message(summary: Summary, facts: Facts, baseline: Baseline) -> Message:
    """The message with the figures and the question; `HOLE` stands where its reference goes."""
    return Message(
        text=prompt.compose(summary, facts, names=baseline.names, drift=baseline.drift, reference=HOLE)
    )


def next_message(
    summary: Summary, facts: Facts, answers: Sequence[Answer], checked: CheckedAnswer
) -> Message | None:
    """What to say after these answers; None: there is nothing more to say."""
    thread_id = next((answer.thread_id for answer in reversed(answers) if answer.thread_id), None)
    if not thread_id:
        return None
    if checked.asks_back:
        return Message(text=prompt.proceed(summary, facts, reference=HOLE), thread_id=thread_id)
    if not checked.sections_to_ask:
        return None
    text = prompt.follow_up(
        checked.sections_to_ask, summary, facts, unresolved=checked.unresolved_to_ask, reference=HOLE
    )
    return Message(text=text, thread_id=thread_id, essential=False)
