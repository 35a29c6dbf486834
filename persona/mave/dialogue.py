"""What to say to Mave next: the message, a nudge where it asks back, or what its answer left out."""

from persona.check import sections
from persona.errors import Invalid
from persona.mave import prompt
from persona.mave.paid_calls import HOLE
from persona.model import Answer, Baseline, Message, Reading, Summary


def next_message(
    summary: Summary, baseline: Baseline, answers: list[Answer], currency: str
) -> Message | None:
    """The next message of the run, `HOLE` standing where its reference goes; None: nothing is left to say."""
    if not answers:
        return first_message(summary, baseline, currency)
    thread_id = next((answer.thread_id for answer in reversed(answers) if answer.thread_id), None)
    read = read_together(answers, summary)
    missing = read[0].missing_sections if read else []
    if thread_id and missing:
        text = prompt.follow_up(missing, summary, reference=HOLE)
        return Message(text=text, thread_id=thread_id, essential=False)
    if thread_id and not read and len(answers) == 1 and sections.asks_back(answers[0].content, summary):
        return Message(text=prompt.proceed(summary, reference=HOLE), thread_id=thread_id)
    return None


def first_message(summary: Summary, baseline: Baseline, currency: str) -> Message:
    """The message with the figures and the question."""
    text = prompt.compose(
        summary, currency=currency, names=baseline.names, drift=baseline.drift, reference=HOLE
    )
    return Message(text=text)


def read_together(answers: list[Answer], summary: Summary) -> tuple[Reading, str] | None:
    """What the answers say together, and their words; None where none of them is a framework.

    A question that Mave asked back, and whatever else came before the framework, is left out.
    """
    together: Reading | None = None
    narratives: list[str] = []
    for answer in answers:
        try:
            reading = sections.read(answer.content, summary, goes_on=together is not None)
        except Invalid:
            continue
        together = sections.merge(together, reading, summary) if together else reading
        narratives.append(answer.content)
    return (together, "\n\n".join(narratives)) if together else None
