"""The framework as slides: overview, what to do this week, a slide a persona, charts, how it was made.

A text that outgrows its place is set smaller down to a readable size, and then goes on on a slide of its own.
"""

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from io import BytesIO
from itertools import islice, zip_longest

from pptx import Presentation
from pptx.slide import NotesSlide, Slide
from pptx.util import Inches

from persona import wording
from persona.model import Framework, NextStep
from persona.wording import plain
from persona.write import charts, overview, prose, words
from persona.write import slide_shapes as shapes
from persona.write.slide_shapes import COLOURS, LINK, SOFT, Bars, Box, Line, Paragraph, Text, fitted

# A wide slide, in inches.
WIDTH, HEIGHT, MARGIN = 13.333, 7.5, 0.6
TITLE_ONLY = 5  # the layout of the library's own template that has a title and nothing else
MOST_PER_ROW = 5  # cards on the overview
# What an author may take, so that no answer makes a deck without end.
SECTION_CHARACTERS = 2_500
MOST_NOTES_FACTS = 40

_WHOLE = Box(MARGIN, 1.45, WIDTH - 2 * MARGIN, HEIGHT - 1.85)
_TITLE = Box(MARGIN, 0.4, WIDTH - 2 * MARGIN, 1.0)


def as_pptx(framework: Framework) -> bytes:
    """`framework.pptx`: slides in a plain layout, with charts that PowerPoint and Slides can edit."""
    deck = _Deck(framework)
    deck.everybody()
    deck.texts("Do this week", deck.week(), deck.facts("*.ltv_share", "*.share"))
    for card in deck.cards:
        deck.persona(card)
    deck.comparison()
    deck.texts("How this was made", deck.method(), deck.facts("*.people"))
    out = BytesIO()
    deck.file.save(out)
    return out.getvalue()


class _Deck:
    def __init__(self, framework: Framework) -> None:
        self._framework, self.cards = framework, overview.cards(framework)
        self.file = Presentation()
        self.file.slide_width, self.file.slide_height = Inches(WIDTH), Inches(HEIGHT)
        self.file.core_properties.title = shapes.one_line(overview.headline(framework))
        self._notes: NotesSlide | None = None

    def facts(self, *names: str) -> list[str]:
        """The facts of such names with their labels, for a slide's notes."""
        facts = self._framework.facts.items()
        fitting = (fact for name, fact in facts if any(fnmatchcase(name, one) for one in names))
        return [f"{fact.label}: {fact.text}" for fact in islice(fitting, MOST_NOTES_FACTS)]

    def _slide(self, title: str, drawn: Iterable[Text | Line], notes: Iterable[str] = ()) -> Slide:
        slide = self.file.slides.add_slide(self.file.slide_layouts[TITLE_ONLY])
        heading = Paragraph(prose.clip(shapes.one_line(title), 120), bold=True)
        points = fitted([heading], _TITLE._replace(height=0.8), (28, 24, 20, 18)).points
        shapes.draw(slide, Text([heading], _TITLE, points), drawn)
        if said := "\n".join(map(shapes.one_line, notes)):
            self._notes = shapes.write_notes(slide, said, self._notes)
        return slide

    def texts(self, title: str, paragraphs: Iterable[Paragraph], notes: list[str]) -> None:
        """One slide, or as many as the text takes at a readable size."""
        for number, part in enumerate(shapes.parts_that_fit(paragraphs, _WHOLE)):
            heading = f"{title}, continued" if number else title
            self._slide(heading, [fitted(part, _WHOLE)], [] if number else notes)

    def everybody(self) -> None:
        rows = -(-len(self.cards) // MOST_PER_ROW)
        per_row = -(-len(self.cards) // rows)
        width, height = _WHOLE.width / per_row, (_WHOLE.height - 0.4) / rows
        inner = Box(0, 0, width - 0.2, height - 0.3)
        texts = [list(_card(card, roomy=inner.height > HEIGHT / 3)) for card in self.cards]
        points = min(fitted(text, inner).points for text in texts)
        drawn: list[Text | Line] = []
        for number, (card, text) in enumerate(zip(self.cards, texts, strict=True)):
            left, top = MARGIN + number % per_row * width, _WHOLE.top + number // per_row * height
            drawn += [
                self._line(card, inner._replace(left=left, top=top)),
                Text(text, inner._replace(left=left, top=top + 0.1), points),
            ]
        framework = self._framework
        sample = " Sample data: the people are invented." if framework.source.sample else ""
        active = wording.count(framework.population.classified)
        when = f"{wording.window(framework.rule.window_days)}, as of {wording.date(framework.created_at)}"
        who = Paragraph(f"{active} people active {when}.{sample}", colour=SOFT)
        drawn.append(fitted([who], Box(MARGIN, HEIGHT - 0.55, _WHOLE.width, 0.4)))
        notes = self.facts("*.share", "*.ltv_share", "*.avg_ltv")
        self._slide(overview.headline(framework), drawn, notes)

    def _line(self, card: overview.Card, box: Box) -> Line:
        return Line(box._replace(height=0.04), COLOURS[charts.slot(card.key, self._framework.rule)])

    def week(self) -> Iterator[Paragraph]:
        steps = [card for card in self.cards if card.persona.next_step]
        for number, card in enumerate(steps, 1):
            yield Paragraph(f"{number}. {card.name}: {card.size}", bold=True)
            yield from self._step(card.persona.next_step)
        if not steps:
            yield Paragraph("This answer names no next step.")

    def _step(self, step: NextStep | None) -> Iterator[Paragraph]:
        if step:
            yield Paragraph(overview.action(step, 600))
            where = overview.on_channel(step, self._framework.rule)
            how = [f"Where: {where}."] if where else []
            how += [f"Measure: {prose.unmarked(step.measure)}"] if step.measure else []
            yield from [Paragraph(" ".join(how), colour=SOFT)] if how else []

    def persona(self, card: overview.Card) -> None:
        """Who they are on the left, what to do on the right; what does not fit goes on."""
        half = _WHOLE.width / 2 - 0.2
        boxes = _WHOLE._replace(width=half), _WHOLE._replace(width=half, left=MARGIN + half + 0.4)
        size = Paragraph(f"{card.label}, {card.size}", colour=SOFT)
        who = [size, *self._sections(card, "description", "why_dominant", "journey", "risk")]
        what = self._sections(card, "next_step", "reach_on_weak", "formats")
        columns = [shapes.parts_that_fit(side, box) for side, box in zip((who, what), boxes, strict=True)]
        title, notes = card.name, self.facts(f"{card.key}.*")
        for parts in zip_longest(*columns):
            sides = [fitted(part, box) for part, box in zip(parts, boxes, strict=True) if part]
            points = min(side.points for side in sides)
            line = self._line(card, _WHOLE._replace(top=1.25))
            self._slide(title, [line, *(side._replace(points=points) for side in sides)], notes)
            title, notes = f"{card.name}, continued", []

    def _sections(self, card: overview.Card, *sections: str) -> Iterator[Paragraph]:
        for section in sections:
            yield Paragraph(words.section_title(section, card.key), bold=True, colour=LINK)
            if section == "next_step" and card.persona.next_step:
                yield from self._step(card.persona.next_step)
                continue
            text = words.text(card.persona, section)
            if not text:
                yield Paragraph("Missing: the text does not cover this.", colour=SOFT)
                continue
            shown, shortened = prose.shorten(text, SECTION_CHARACTERS)
            yield from map(Paragraph, _lines(shown))
            if shortened:
                yield Paragraph("Shortened here: the full text is in framework.json.", colour=SOFT)

    def comparison(self) -> None:
        """Two charts side by side: shares, and where the groups are active."""
        rule, patterns = self._framework.rule, self._framework.patterns
        names = [words.mostly(pattern.key, rule) for pattern in patterns]
        notes = [*self.facts("*.share", "*.share_low", "*.share_high"), words.band(self._framework)]
        slide = self._slide("How they compare", [], notes)
        half = _WHOLE._replace(width=_WHOLE.width / 2 - 0.1)
        title = "Share of people"
        series: dict[str, list[float | None]] = {title: [pattern.share for pattern in patterns]}
        if overview.has_value(self._framework):
            title += " and of value"
            series["Share of value"] = [pattern.ltv_share for pattern in patterns]
        shapes.draw_chart(slide, half, Bars(title, names, series))
        mixes = [charts.mix(pattern, rule) for pattern in patterns]
        mixed: dict[str, list[float | None]] = {
            plain(channel): [mix[number] for mix in mixes] for number, channel in enumerate(rule.channels)
        }
        box = half._replace(left=MARGIN + half.width + 0.2)
        shapes.draw_chart(slide, box, Bars("Where they are active", names, mixed, stacked=True))

    def method(self) -> Iterator[Paragraph]:
        """Whose data, how it was counted, and who worded it."""
        framework = self._framework
        if framework.source.sample:
            yield Paragraph(f"Sample data. {words.SAMPLE}", bold=True)
        if lacking := overview.missing(framework):
            yield Paragraph(lacking, bold=True)
        yield from (Paragraph(prose.clip(warning, 600)) for warning in framework.warnings[:5])
        if framework.suppressed:
            yield Paragraph(words.too_small(framework))
        yield Paragraph(prose.clip(framework.source.sampling, 600))
        yield Paragraph(prose.clip(words.counted(framework), 900))
        yield Paragraph(words.rule(framework.rule))
        yield Paragraph(words.figures(framework))
        yield Paragraph(prose.clip(words.author(framework), 400))


def _card(card: overview.Card, *, roomy: bool) -> Iterator[Paragraph]:
    yield Paragraph(prose.clip(card.name, 60), bold=True)
    yield Paragraph(f"{card.label}. {card.size}.", colour=SOFT)
    if card.line and roomy:
        yield Paragraph(card.line)
    if step := card.persona.next_step:
        yield Paragraph(f"Next: {overview.action(step, 130 if roomy else 70)}", colour=LINK)


def _lines(text: str) -> Iterator[str]:
    """A Markdown text's lines as plain ones."""
    for line in text.splitlines():
        bare = prose.unmarked(line).strip().lstrip("#> ").strip("|").strip()
        if bare and not set(bare) <= set("|-: ="):
            item = bare.removeprefix("- ")
            yield (f"• {item}" if item != bare else bare).replace(" | ", ": ")
