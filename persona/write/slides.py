"""The framework as slides: overview, what to do this week, a slide a persona, charts, how it was made.

A text that outgrows its place is set smaller down to a readable size, and then goes on on a slide of its own.
"""

from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import TYPE_CHECKING

from persona import wording
from persona.model import Framework, NextStep
from persona.wording import plain
from persona.write import charts, overview, prose, words
from persona.write import slide_shapes as shapes
from persona.write.slide_shapes import COLOURS, LINK, SOFT, Bars, Box, Paragraph

if TYPE_CHECKING:  # Only a run makes slides: a cold start need not load what draws them.
    from pptx.presentation import Presentation
    from pptx.slide import Slide

# A wide slide, in inches.
WIDTH, HEIGHT, MARGIN = 13.333, 7.5, 0.6
TITLE_ONLY = 5  # the layout of the library's own template that has a title and nothing else
MOST_PER_ROW = 5  # cards on the overview
# What an author may take, so that no answer makes a deck without end.
SECTION_CHARACTERS = 2_500
MOST_NOTES_FACTS = 40

_WHOLE = Box(MARGIN, 1.45, WIDTH - 2 * MARGIN, HEIGHT - 1.85)


def as_pptx(framework: Framework) -> bytes:
    """`framework.pptx`: slides in a plain layout, with charts that PowerPoint and Slides can edit."""
    from pptx import Presentation  # noqa: PLC0415 - see TYPE_CHECKING above
    from pptx.util import Inches  # noqa: PLC0415 - as above

    deck = Presentation()
    deck.slide_width, deck.slide_height = Inches(WIDTH), Inches(HEIGHT)
    deck.core_properties.title = shapes.one_line(overview.headline(framework))
    _Deck(deck, framework).draw()
    out = BytesIO()
    deck.save(out)
    return out.getvalue()


class _Deck:
    def __init__(self, deck: "Presentation", framework: Framework) -> None:
        self._deck = deck
        self._framework = framework
        self._cards = overview.cards(framework)

    def draw(self) -> None:
        """All slides in their order."""
        self._overview()
        self._text_slides("Do this week", list(self._week()), self._facts("ltv_share", "share"))
        for card in self._cards:
            self._persona(card)
        self._comparison()
        self._text_slides("How this was made", list(self._method()), self._facts("people"))

    def _slide(self, title: str, notes: Iterable[str] = ()) -> "Slide":
        slide = self._deck.slides.add_slide(self._deck.slide_layouts[TITLE_ONLY])
        shape = slide.shapes.title
        shapes.move(shape, Box(MARGIN, 0.4, WIDTH - 2 * MARGIN, 1.0))
        text = prose.clip(shapes.one_line(title), 120)
        fitted = shapes.fitting_points(
            [Paragraph(text)], Box(0, 0, WIDTH - 2 * MARGIN, 0.8), (28, 24, 20, 18)
        )
        shapes.fill(shape, [Paragraph(text, bold=True)], fitted)
        said = "\n".join(shapes.one_line(note) for note in notes)
        if said:
            slide.notes_slide.notes_text_frame.text = said
        return slide

    def _text_slides(self, title: str, paragraphs: list[Paragraph], notes: list[str]) -> None:
        """One slide, or as many as the text takes at a readable size."""
        for number, part in enumerate(shapes.parts_that_fit(paragraphs, _WHOLE)):
            slide = self._slide(title if number == 0 else f"{title}, continued", notes if number == 0 else ())
            shapes.draw_text(slide, part, _WHOLE)

    def _overview(self) -> None:
        framework = self._framework
        slide = self._slide(overview.headline(framework), self._facts("share", "ltv_share", "avg_ltv"))
        rows = -(-len(self._cards) // MOST_PER_ROW)
        per_row = -(-len(self._cards) // rows)
        width, height = _WHOLE.width / per_row, (_WHOLE.height - 0.4) / rows
        inner = Box(0, 0, width - 0.2, height - 0.3)
        texts = [list(self._card(card, inner)) for card in self._cards]
        points = min(shapes.fitting_points(text, inner) for text in texts)
        for number, (card, text) in enumerate(zip(self._cards, texts, strict=True)):
            left, top = MARGIN + number % per_row * width, _WHOLE.top + number // per_row * height
            box = inner._replace(left=left, top=top)
            shapes.draw_rule(slide, box, COLOURS[charts.slot(card.key, framework.rule)])
            shapes.draw_text(slide, text, box._replace(top=top + 0.1), points)
        shapes.draw_text(
            slide, [Paragraph(self._who(), colour=SOFT)], Box(MARGIN, HEIGHT - 0.55, _WHOLE.width, 0.4)
        )

    def _card(self, card: overview.Card, box: Box) -> Iterator[Paragraph]:
        yield Paragraph(prose.clip(card.name, 60), bold=True)
        yield Paragraph(f"{card.label}. {overview.share_of(card, self._framework)}.", colour=SOFT)
        roomy = box.height > HEIGHT / 3
        if card.line and roomy:
            yield Paragraph(card.line)
        if card.persona.next_step:
            yield Paragraph(
                f"Next: {overview.action(card.persona.next_step, 130 if roomy else 70)}", colour=LINK
            )

    def _who(self) -> str:
        framework = self._framework
        sample = " Sample data: the people are invented." if framework.source.sample else ""
        active = wording.count(framework.population.classified)
        when = f"{wording.window(framework.rule.window_days)}, as of {wording.date(framework.created_at)}"
        return f"{active} people active {when}.{sample}"

    def _week(self) -> Iterator[Paragraph]:
        framework = self._framework
        for number, card in enumerate(overview.by_stake(framework), 1):
            step = card.persona.next_step
            if not step:
                continue
            yield Paragraph(f"{number}. {card.name}: {overview.share_of(card, framework)}", bold=True)
            yield from self._step(step)
        if not any(card.persona.next_step for card in self._cards):
            yield Paragraph("This answer names no next step.")

    def _step(self, step: NextStep) -> Iterator[Paragraph]:
        yield Paragraph(overview.action(step, 600))
        where = overview.on_channel(step, self._framework.rule)
        measure = prose.unmarked(step.measure) if step.measure else None
        how = (f"Where: {where}." if where else "", f"Measure: {measure}" if measure else "")
        if any(how):
            yield Paragraph(" ".join(filter(None, how)), colour=SOFT)

    def _persona(self, card: overview.Card) -> None:
        """Who they are on the left, what to do on the right; what does not fit goes on."""
        half = _WHOLE.width / 2 - 0.2
        left = _WHOLE._replace(width=half)
        right = left._replace(left=MARGIN + half + 0.4)
        know = [Paragraph(f"{card.label}, {overview.share_of(card, self._framework)}", colour=SOFT)]
        columns = [
            shapes.parts_that_fit(
                [*know, *self._sections(card, ("description", "why_dominant", "journey", "risk"))], left
            ),
            shapes.parts_that_fit(
                list(self._sections(card, ("next_step", "reach_on_weak", "formats"))), right
            ),
        ]
        for number in range(max(map(len, columns))):
            notes = self._facts_of(card.key) if number == 0 else []
            slide = self._slide(card.name if number == 0 else f"{card.name}, continued", notes)
            shapes.draw_rule(
                slide, _WHOLE._replace(top=1.25), COLOURS[charts.slot(card.key, self._framework.rule)]
            )
            sides = [
                (parts[number], box)
                for parts, box in zip(columns, (left, right), strict=True)
                if number < len(parts)
            ]
            points = min(shapes.fitting_points(part, box) for part, box in sides)
            for part, box in sides:
                shapes.draw_text(slide, part, box, points)

    def _sections(self, card: overview.Card, sections: Iterable[str]) -> Iterator[Paragraph]:
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
            yield from (Paragraph(line) for line in _lines(shown))
            if shortened:
                yield Paragraph("Shortened here: the full text is in framework.json.", colour=SOFT)

    def _comparison(self) -> None:
        framework, patterns = self._framework, self._framework.patterns
        names = [overview.mostly(pattern.key, framework.rule) for pattern in patterns]
        slide = self._slide(
            "How they compare", [*self._facts("share", "share_low", "share_high"), words.band(framework)]
        )
        half = _WHOLE._replace(width=_WHOLE.width / 2 - 0.1)
        series: dict[str, list[float | None]] = {"Share of people": [pattern.share for pattern in patterns]}
        if overview.has_value(framework):
            series["Share of value"] = [pattern.ltv_share for pattern in patterns]
        title = "Share of people and of value" if len(series) > 1 else "Share of people"
        shapes.draw_chart(slide, half, Bars(title, names, series))
        shares = [charts.mix_shares(pattern, framework.rule) for pattern in patterns]
        channels = [plain(channel) for channel in framework.rule.channels]
        mixed: dict[str, list[float | None]] = {
            channel: [row[number] for row in shares] for number, channel in enumerate(channels)
        }
        box = half._replace(left=MARGIN + half.width + 0.2)
        shapes.draw_chart(slide, box, Bars("Where they are active", names, mixed, stacked=True))

    def _method(self) -> Iterator[Paragraph]:
        framework = self._framework
        if framework.source.sample:
            yield Paragraph(f"Sample data. {words.SAMPLE}", bold=True)
        lacking = overview.missing(framework)
        if lacking:
            yield Paragraph(lacking, bold=True)
        yield from (Paragraph(prose.clip(warning, 600)) for warning in framework.warnings[:5])
        if framework.suppressed:
            yield Paragraph(words.too_small(framework))
        yield Paragraph(prose.clip(framework.source.sampling, 600))
        yield Paragraph(prose.clip(words.counted(framework), 900))
        yield Paragraph(words.rule(framework.rule))
        yield Paragraph(words.figures(framework))
        yield Paragraph(prose.clip(words.author(framework), 400))

    def _facts(self, *names: str) -> list[str]:
        """The facts of such names with their labels, for a slide's notes."""
        facts = self._framework.facts.items()
        ends = tuple(f".{name}" for name in names)
        return [f"{fact.label}: {fact.text}" for name, fact in facts if name.endswith(ends)][
            :MOST_NOTES_FACTS
        ]

    def _facts_of(self, key: str) -> list[str]:
        facts = self._framework.facts.items()
        return [f"{fact.label}: {fact.text}" for name, fact in facts if name.startswith(f"{key}.")][
            :MOST_NOTES_FACTS
        ]


def _lines(text: str) -> Iterator[str]:
    """A Markdown text's lines as plain ones."""
    for line in text.splitlines():
        bare = prose.unmarked(line).strip().lstrip("#> ").strip("|").strip()
        if bare and not set(bare) <= set("|-: ="):
            item = bare.removeprefix("- ")
            yield (f"• {item}" if item != bare else bare).replace(" | ", ": ")
