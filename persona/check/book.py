"""The ledger of an answer: every marked figure and assumption by its place in the published text."""

import re
from collections.abc import Mapping

from persona.check.filling import ASSUMED, Filled, lifted, unmarked
from persona.check.sections import STRATEGY
from persona.check.sentences import sentences
from persona.masking import cut
from persona.model import Checks, Figure, NextStep, Span
from persona.wording import NEXT_STEP_TITLES, plain

# Longest excerpt of the sentence that stands for a figure.
SENTENCE_CHARACTERS = 300
# A line of a next step: `- **Action:** Send …`.
_PART = re.compile(
    rf"[\s*_+-]{{0,20}}({'|'.join(NEXT_STEP_TITLES.values())})[\s*_]{{0,6}}:[\s*_]{{0,6}}(.*)", re.IGNORECASE
)


class Book:
    """Takes marked texts in and gives them back plain."""

    def __init__(self, figures: Mapping[str, Filled | str]) -> None:
        self._marked = figures
        self._figures: list[Figure] = []
        self._unresolved: dict[str, None] = {}
        self._assumed: list[Span] = []
        self._assumptions = 0

    def entered(self, text: str, path: str | None) -> str:
        """The text of a section (`email_dominant/journey`; None: outside of all) without its marks."""
        said, spans = lifted(text)
        owner, _, section = (path or "").partition("/")
        pattern = None if owner in {"", STRATEGY} else owner
        places = sentences(said)
        sentence = next(places, None)
        for mark, start, end in sorted(spans, key=lambda span: span[1]):
            figure = self._marked.get(mark)
            if mark == ASSUMED:
                self._assumptions += 1
                if path:
                    self._assumed.append(Span(pattern=pattern, section=section, start=start, end=end))
            elif isinstance(figure, str):
                self._unresolved[figure] = None
            elif figure:
                while sentence and sentence.end <= start:
                    sentence = next(places, None)
                first, last = (sentence.start, sentence.end) if sentence else (start, end)
                self._figures.append(
                    Figure(
                        text=said[start:end].strip(),
                        value=figure.value,
                        unit=figure.unit,
                        verdict="equal"
                        if figure.typed and figure.fact
                        else "not_in_data"
                        if figure.typed
                        else "from_data",
                        fact=figure.fact,
                        pattern=pattern,
                        section=section or None,
                        sentence=cut(
                            " ".join(said[first : min(last, first + 1_000)].split()), SENTENCE_CHARACTERS
                        ),
                        start=start if path else None,
                        end=end if path else None,
                    )
                )
        return said

    def next_step(self, text: str | None, pattern: str, channels: Mapping[str, str]) -> NextStep | None:
        """The parts of a next step; where it has no labels, all of it is the action."""
        if not text:
            return None
        labels = {title.lower(): part for part, title in NEXT_STEP_TITLES.items()}
        parts: dict[str, str] = {}
        part = "action"
        for line in text.split("\n"):
            labelled = _PART.match(unmarked(line)) and _PART.match(line)
            if labelled:
                part = labels[labelled[1].lower()]
            said = labelled[2] if labelled else line
            parts[part] = f"{parts[part]}\n{said}" if part in parts else said
        entered = {
            part: self.entered(said.strip(), f"{pattern}/next_step.{part}") for part, said in parts.items()
        }
        if not entered.get("action"):
            return None
        return NextStep(
            action=entered["action"],
            channel=_channel(entered.get("channel", ""), channels) or None,
            measure=entered.get("measure") or None,
        )

    def checks(self, missing_sections: list[str]) -> Checks:
        """Everything that was entered."""
        return Checks(
            missing_sections=missing_sections,
            unresolved=list(self._unresolved),
            unlike=list(
                dict.fromkeys(
                    figure.fact
                    for mark, figure in self._marked.items()
                    if isinstance(figure, Filled) and figure.unlike and figure.fact
                )
            ),
            assumptions=self._assumptions,
            assumed=self._assumed,
            figures=self._figures,
        )


def _channel(said: str, channels: Mapping[str, str]) -> str:
    """The key of the channel that is named first, or the words as they are."""
    words = f" {said.casefold().replace('_', ' ').replace('-', ' ')} "
    named = {words.find(f" {plain(channel).casefold()}"): channel for channel in channels}
    return min(((at, channel) for at, channel in named.items() if at >= 0), default=(0, said))[1]
