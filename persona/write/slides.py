"""The framework as slides: overview, what to do this week, a slide a persona, charts, how it was made.

A text that outgrows its place is set smaller down to a readable size, and then goes on on a slide of its own.
"""

from collections.abc import Iterable, Iterator
from itertools import islice, zip_longest

from persona import wording
from persona.model import Framework, NextStep
from persona.wording import plain
from persona.write import charts, overview, templates
from persona.write.deck import COLOURS, HEIGHT, LINK, SOFT, WHOLE, Bars, Box, Deck, Paragraph, parts_that_fit
from persona.write.escaping import clip, shorten, unmarked

MOST_PER_ROW = 5  # cards on the overview
# What an author may take, so that no answer makes a deck without end.
SECTION_CHARACTERS = 2_500
MOST_NOTES_FACTS = 40


def as_pptx(framework: Framework) -> bytes:
    """`framework.pptx`: slides in a plain layout, with charts that PowerPoint and Slides can edit."""
    slides = _Slides(framework)
    slides.everybody()
    slides.texts("Do this week", slides.week(), slides.facts(".ltv_share", ".share"))
    for card in slides.cards:
        slides.persona(card)
    slides.comparison()
    slides.texts("How this was made", slides.method(), slides.facts(".people"))
    return slides.deck.as_bytes()


class _Slides:
    def __init__(self, framework: Framework) -> None:
        self._framework, self.cards = framework, overview.cards(framework)
        self._say = templates.sentences()
        self.deck = Deck(overview.headline(framework))

    def facts(self, *ends: str, of: str = "") -> list[str]:
        """The facts of such names (all `of` a pattern) with their labels, for a slide's notes."""
        facts = self._framework.facts.items()
        fitting = (fact for name, fact in facts if name.startswith(of) and name.endswith(ends or ""))
        return [f"{fact.label}: {fact.text}" for fact in islice(fitting, MOST_NOTES_FACTS)]

    def texts(self, title: str, paragraphs: Iterable[Paragraph], notes: list[str]) -> None:
        """One slide, or as many as the text takes at a readable size."""
        for number, part in enumerate(parts_that_fit(paragraphs, WHOLE)):
            heading = f"{title}, continued" if number else title
            self.deck.add(heading, [(WHOLE, part)], notes=[] if number else notes)

    def everybody(self) -> None:
        framework, cards = self._framework, self.cards
        rows = -(-len(cards) // MOST_PER_ROW)
        per_row = -(-len(cards) // rows)
        width, height = WHOLE.width / per_row, (WHOLE.height - 0.4) / rows
        inner = Box(0, 0, width - 0.2, height - 0.3)
        texts, lines = [], []
        for number, card in enumerate(cards):
            left, top = WHOLE.left + number % per_row * width, WHOLE.top + number // per_row * height
            card_text = list(_card(card, roomy=inner.height > HEIGHT / 3))
            texts.append((inner._replace(left=left, top=top + 0.1), card_text))
            lines.append(self._line(card, inner._replace(left=left, top=top)))
        sample = " Sample data: the people are invented." if framework.source.sample else ""
        active = wording.count(framework.population.classified)
        when = f"{wording.window(framework.rule.window_days)}, as of {wording.date(framework.created_at)}"
        who = Paragraph(f"{active} people active {when}.{sample}", colour=SOFT)
        below = Box(WHOLE.left, HEIGHT - 0.55, WHOLE.width, 0.4)
        notes = self.facts(".share", ".ltv_share", ".avg_ltv")
        self.deck.add(overview.headline(framework), texts, [(below, [who])], lines=lines, notes=notes)

    def _line(self, card: overview.Card, box: Box) -> tuple[Box, str]:
        return box._replace(height=0.04), COLOURS[charts.slot(card.key, self._framework.rule)]

    def week(self) -> Iterator[Paragraph]:
        steps = [(card, step) for card in self.cards if (step := card.persona.next_step)]
        for number, (card, step) in enumerate(steps, 1):
            yield Paragraph(f"{number}. {card.name}: {card.size}", bold=True)
            yield from self._step(step)
        if not steps:
            yield Paragraph("This answer names no next step.")

    def _step(self, step: NextStep) -> Iterator[Paragraph]:
        yield Paragraph(overview.action(step, 600))
        where = overview.on_channel(step, self._framework.rule)
        how = [f"Where: {where}."] if where else []
        how += [f"Measure: {clip(unmarked(step.measure), 600)}"] if step.measure else []
        yield from [Paragraph(" ".join(how), colour=SOFT)] if how else []

    def persona(self, card: overview.Card) -> None:
        """Who they are on the left, what to do on the right; what does not fit goes on."""
        half = WHOLE.width / 2 - 0.2
        boxes = WHOLE._replace(width=half), WHOLE._replace(width=half, left=WHOLE.left + half + 0.4)
        size = Paragraph(f"{card.label}, {card.size}", colour=SOFT)
        who = [size, *self._sections(card, "description", "why_dominant", "journey", "risk")]
        what = self._sections(card, "next_step", "reach_on_weak", "formats")
        columns = [parts_that_fit(side, box) for side, box in zip((who, what), boxes, strict=True)]
        title, notes = card.name, self.facts(of=f"{card.key}.")
        for parts in zip_longest(*columns):
            sides = [(box, part) for part, box in zip(parts, boxes, strict=True) if part]
            line = self._line(card, WHOLE._replace(top=1.25))
            self.deck.add(title, sides, lines=[line], notes=notes)
            title, notes = f"{card.name}, continued", []

    def _sections(self, card: overview.Card, *sections: str) -> Iterator[Paragraph]:
        for section in sections:
            yield Paragraph(self._say.section_title(section, card.key), bold=True, colour=LINK)
            said = getattr(card.persona, section)
            if isinstance(said, NextStep):
                yield from self._step(said)
            elif said:
                shown, shortened = shorten(said, SECTION_CHARACTERS)
                yield from map(Paragraph, _lines(shown))
                if shortened:
                    yield Paragraph("Shortened here: the full text is in framework.json.", colour=SOFT)
            else:
                yield Paragraph("Missing: the text does not cover this.", colour=SOFT)

    def comparison(self) -> None:
        """Two charts side by side: shares, and where the groups are active."""
        rule, patterns = self._framework.rule, self._framework.patterns
        names = [overview.mostly(pattern.key, rule) for pattern in patterns]
        notes = [*self.facts(".share", ".share_low", ".share_high"), self._say.band(self._framework)]
        half = WHOLE._replace(width=WHOLE.width / 2 - 0.1)
        title = "Share of people"
        series: dict[str, list[float | None]] = {title: [pattern.share for pattern in patterns]}
        if overview.has_value(self._framework):
            title += " and of value"
            series["Share of value"] = [pattern.ltv_share for pattern in patterns]
        mixes = [charts.mix(pattern, rule) for pattern in patterns]
        mixed: dict[str, list[float | None]] = {
            plain(channel): [mix[number] for mix in mixes] for number, channel in enumerate(rule.channels)
        }
        other = half._replace(left=WHOLE.left + half.width + 0.2)
        activity = Bars(other, "Where they are active", names, mixed, stacked=True)
        self.deck.add("How they compare", charts=[Bars(half, title, names, series), activity], notes=notes)

    def method(self) -> list[Paragraph]:
        """Whose data, how it was counted, and who worded it."""
        f, say = self._framework, self._say
        first = [f"Sample data. {say.sample}" if f.source.sample else "", say.lacking(f)]
        then = [
            *(clip(warning, 600) for warning in f.warnings[:5]),
            say.too_small(f) if f.suppressed else "",
            clip(f.source.sampling, 600),
            clip(say.counted(f), 900),
            say.rule(f.rule),
            say.figures(f),
            clip(say.author(f), 400),
        ]
        paragraphs = [*(Paragraph(text, bold=True) for text in first), *map(Paragraph, then)]
        return [paragraph for paragraph in paragraphs if paragraph.text]


def _card(card: overview.Card, *, roomy: bool) -> Iterator[Paragraph]:
    yield Paragraph(clip(card.name, 60), bold=True)
    yield Paragraph(f"{card.label}. {card.size}.", colour=SOFT)
    if card.line and roomy:
        yield Paragraph(card.line)
    if step := card.persona.next_step:
        yield Paragraph(f"Next: {overview.action(step, 130 if roomy else 70)}", colour=LINK)


def _lines(text: str) -> Iterator[str]:
    """A Markdown text's lines as plain ones."""
    for line in text.splitlines():
        bare = unmarked(line).strip().lstrip("#> ").strip("|").strip()
        if bare and not set(bare) <= set("|-: ="):
            item = bare.removeprefix("- ")
            yield (f"• {item}" if item != bare else bare).replace(" | ", ": ")
