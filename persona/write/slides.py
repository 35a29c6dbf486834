"""The framework as slides: overview, what to do this week, a slide a persona, charts to edit, how it was made.

A text that outgrows its place is set smaller down to a readable size, and then goes on on a slide of its own.
"""

from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple

from persona import wording
from persona.model import Framework
from persona.wording import plain
from persona.write import charts, overview, prose, words

if TYPE_CHECKING:  # Only a run makes slides: a cold start need not load what draws them.
    from pptx.presentation import Presentation
    from pptx.slide import Slide

# A wide slide, in inches.
WIDTH, HEIGHT, MARGIN = 13.333, 7.5, 0.6
TITLE_ONLY = 5  # the layout of the library's own template that has a title and nothing else
# Sizes that can be read from the back of a room, and from a desk.
LARGEST_POINTS, SMALLEST_POINTS = 18, 12
# What a character and a line take of the font's size, for common sans-serif fonts.
CHARACTER_EMS, LINE_EMS = 0.54, 1.3
POINTS_PER_INCH = 72
# What an author may take, so that no answer makes a deck without end.
SECTION_CHARACTERS = 2_500
MOST_NOTES_FACTS = 40
INK, SOFT, LINK = "1C1F24", "565C65", "1F4F9A"
COLOURS = ("343A42", "23539F", "E68A2E", "86D0C4", "6F3C61", "3F94C5", "9D3325", "E2D27A", "868E98")


class Paragraph(NamedTuple):
    text: str
    bold: bool = False
    colour: str = INK


class Box(NamedTuple):
    """A place on a slide, in inches."""

    left: float
    top: float
    width: float
    height: float


_WHOLE = Box(MARGIN, 1.5, WIDTH - 2 * MARGIN, HEIGHT - 2.0)


def as_pptx(framework: Framework) -> bytes:
    """`framework.pptx`: slides in a plain layout, with charts that PowerPoint and Slides can edit."""
    from pptx import Presentation  # noqa: PLC0415 - see TYPE_CHECKING above
    from pptx.util import Inches  # noqa: PLC0415 - as above

    deck = Presentation()
    deck.slide_width, deck.slide_height = Inches(WIDTH), Inches(HEIGHT)
    deck.core_properties.title = _safe(overview.headline(framework))
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
        _place(shape, Box(MARGIN, 0.4, WIDTH - 2 * MARGIN, 1.0))
        text = prose.clip(_safe(title), 120)
        fitted = _points([Paragraph(text)], Box(0, 0, WIDTH - 2 * MARGIN, 1.0), (30, 26, 22, 18)) or 18
        _write(shape, [Paragraph(text, bold=True)], fitted)
        said = "\n".join(_safe(note) for note in notes)
        if said:
            slide.notes_slide.notes_text_frame.text = said
        return slide

    def _text_slides(self, title: str, paragraphs: list[Paragraph], notes: list[str]) -> None:
        """One slide, or as many as the text takes at a readable size."""
        for number, part in enumerate(_parts(paragraphs, _WHOLE)):
            slide = self._slide(title if number == 0 else f"{title}, continued", notes if number == 0 else ())
            _text(slide, part, _WHOLE)

    def _overview(self) -> None:
        framework = self._framework
        slide = self._slide(overview.headline(framework), self._facts("share", "ltv_share", "avg_ltv"))
        per_row = min(4, max(1, -(-len(self._cards) // (1 if len(self._cards) <= 4 else 2))))  # noqa: PLR2004
        per_row = max(per_row, 5 if len(self._cards) > 8 else per_row)  # noqa: PLR2004 - nine patterns at most
        rows = -(-len(self._cards) // per_row)
        width, height = _WHOLE.width / per_row, (_WHOLE.height - 0.4) / rows
        for number, card in enumerate(self._cards):
            left, top = MARGIN + number % per_row * width, _WHOLE.top + number // per_row * height
            box = Box(left, top, width - 0.2, height - 0.2)
            _rule(slide, box, COLOURS[charts.slot(card.key, framework.rule)])
            _text(slide, list(self._card(card, box)), box._replace(top=top + 0.1, height=box.height - 0.1))
        _text(slide, [Paragraph(self._who(), colour=SOFT)], Box(MARGIN, HEIGHT - 0.55, _WHOLE.width, 0.4))

    def _card(self, card: overview.Card, box: Box) -> Iterator[Paragraph]:
        yield Paragraph(prose.clip(card.name, 60), bold=True)
        yield Paragraph(f"{card.label}. {overview.share_of(card, self._framework)}.", colour=SOFT)
        roomy = box.height > HEIGHT / 3
        if card.line and roomy:
            yield Paragraph(card.line)
        if card.persona.next_step:
            yield Paragraph(f"Next: {overview.action(card.persona.next_step, 130 if roomy else 70)}", colour=LINK)

    def _who(self) -> str:
        framework = self._framework
        sample = " Sample data: the people are invented." if framework.source.sample else ""
        active = wording.count(framework.population.classified)
        return f"{active} active people, {wording.date(framework.created_at)}.{sample}"

    def _week(self) -> Iterator[Paragraph]:
        framework = self._framework
        for number, card in enumerate(overview.by_stake(framework), 1):
            step = card.persona.next_step
            if not step:
                continue
            yield Paragraph(f"{number}. {card.name}: {overview.share_of(card, framework)}", bold=True)
            yield Paragraph(overview.action(step, 600))
            where = overview.on_channel(step, framework.rule)
            measure = prose.unmarked(step.measure) if step.measure else None
            how = (f"Where: {where}." if where else "", f"Measure: {measure}" if measure else "")
            if any(how):
                yield Paragraph(" ".join(filter(None, how)), colour=SOFT)
        if not any(card.persona.next_step for card in self._cards):
            yield Paragraph("This answer names no next step.")

    def _persona(self, card: overview.Card) -> None:
        """Who they are on the left, what to do on the right; what does not fit goes on."""
        half = _WHOLE.width / 2 - 0.2
        left = _WHOLE._replace(width=half)
        right = left._replace(left=MARGIN + half + 0.4)
        know = [Paragraph(f"{card.label}, {overview.share_of(card, self._framework)}", colour=SOFT)]
        columns = [
            _parts([*know, *self._sections(card, ("description", "journey", "risk"))], left),
            _parts(list(self._sections(card, ("next_step", "why_dominant", "reach_on_weak", "formats"))), right),
        ]
        for number in range(max(map(len, columns))):
            notes = self._facts_of(card.key) if number == 0 else []
            slide = self._slide(card.name if number == 0 else f"{card.name}, continued", notes)
            _rule(slide, _WHOLE._replace(top=1.4), COLOURS[charts.slot(card.key, self._framework.rule)])
            for parts, box in zip(columns, (left, right), strict=True):
                if number < len(parts):
                    _text(slide, parts[number], box)

    def _sections(self, card: overview.Card, sections: Iterable[str]) -> Iterator[Paragraph]:
        for section in sections:
            yield Paragraph(words.section_title(section, card.key), bold=True, colour=LINK)
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
        slide = self._slide("How they compare", [*self._facts("share", "share_low", "share_high"), words.band(framework)])
        half = _WHOLE._replace(width=_WHOLE.width / 2 - 0.1)
        series = {"Share of people": [pattern.share for pattern in patterns]}
        if overview.has_value(framework):
            series["Share of value"] = [pattern.ltv_share for pattern in patterns]
        _chart(slide, half, "Share of people and of value" if len(series) > 1 else "Share of people", names, series)
        shares = [charts.mix_shares(pattern, framework.rule) for pattern in patterns]
        channels = [plain(channel) for channel in framework.rule.channels]
        mixed = {channel: [row[number] for row in shares] for number, channel in enumerate(channels)}
        box = half._replace(left=MARGIN + half.width + 0.2)
        _chart(slide, box, "Where they are active", names, mixed, stacked=True)

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
        return [f"{fact.label}: {fact.text}" for name, fact in facts if name.endswith(ends)][:MOST_NOTES_FACTS]

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


def _safe(text: str) -> str:
    """A text that XML can hold, with no line break of its own."""
    return " ".join(prose.clean(text).split())


def _points(paragraphs: Iterable[Paragraph], box: Box, sizes: Iterable[int]) -> int | None:
    """The largest of these sizes, in points, at which the text fits; None where none does."""
    paragraphs = list(paragraphs)
    return next((size for size in sizes if _height(paragraphs, box, size) <= box.height), None)


def _height(paragraphs: Iterable[Paragraph], box: Box, points: int) -> float:
    """What a text takes, in inches."""
    line = points * LINE_EMS / POINTS_PER_INCH
    per_line = max(1, int(box.width * POINTS_PER_INCH / (points * CHARACTER_EMS)) - 3)
    return sum((max(1, -(-_ems(one.text) // per_line)) + 0.35) * line for one in paragraphs)


def _ems(text: str) -> int:
    """A text's length in Latin characters; a wide one counts as two."""
    return sum(2 if ord(character) > 0x2E80 else 1 for character in text)  # noqa: PLR2004 - where CJK begins


def _parts(paragraphs: list[Paragraph], box: Box) -> list[list[Paragraph]]:
    """The text in as few places as it takes at the smallest size; in one, where it fits."""
    parts: list[list[Paragraph]] = [[]]
    for paragraph in (piece for whole in paragraphs for piece in _pieces(whole, box)):
        if parts[-1] and _height([*parts[-1], paragraph], box, SMALLEST_POINTS) > box.height:
            # A heading goes on with its text.
            heading = [parts[-1].pop()] if parts[-1][-1].bold and len(parts[-1]) > 1 else []
            parts.append(heading)
        parts[-1].append(paragraph)
    return parts


def _pieces(paragraph: Paragraph, box: Box) -> Iterator[Paragraph]:
    """A paragraph, cut between words where it alone is larger than a place."""
    text = _safe(paragraph.text)
    most = len(text)
    while most > 1 and _height([paragraph._replace(text=text[:most])], box, SMALLEST_POINTS) > box.height:
        most //= 2
    while text:
        cut = len(text) if len(text) <= most else text.rfind(" ", 1, most) + 1 or most
        yield paragraph._replace(text=text[:cut])
        text = text[cut:]


def _text(slide: "Slide", paragraphs: list[Paragraph], box: Box) -> None:
    from pptx.util import Inches  # noqa: PLC0415 - as above

    shape = slide.shapes.add_textbox(*map(Inches, box))
    sizes = range(LARGEST_POINTS, 8, -1)
    _write(shape, paragraphs, _points(paragraphs, box, sizes) or 9)


def _write(shape: Any, paragraphs: list[Paragraph], points: int) -> None:
    from pptx.dml.color import RGBColor  # noqa: PLC0415 - as above
    from pptx.enum.text import MSO_ANCHOR, PP_ALIGN  # noqa: PLC0415 - as above
    from pptx.util import Inches, Pt  # noqa: PLC0415 - as above

    frame = shape.text_frame
    frame.word_wrap, frame.vertical_anchor = True, MSO_ANCHOR.TOP
    frame.margin_left = frame.margin_right = frame.margin_top = frame.margin_bottom = Inches(0)
    for number, paragraph in enumerate(paragraphs):
        line = frame.paragraphs[0] if number == 0 else frame.add_paragraph()
        line.alignment, line.space_after = PP_ALIGN.LEFT, Pt(points * 0.35)
        run = line.add_run()
        run.text = _safe(paragraph.text)
        run.font.size, run.font.bold, run.font.name = Pt(points), paragraph.bold, "Calibri"
        run.font.color.rgb = RGBColor.from_string(paragraph.colour)


def _place(shape: Any, box: Box) -> None:
    from pptx.util import Inches  # noqa: PLC0415 - as above

    shape.left, shape.top, shape.width, shape.height = map(Inches, box)


def _rule(slide: "Slide", box: Box, colour: str) -> None:
    """A line in a group's colour above its text."""
    from pptx.dml.color import RGBColor  # noqa: PLC0415 - as above
    from pptx.enum.shapes import MSO_SHAPE  # noqa: PLC0415 - as above
    from pptx.util import Inches  # noqa: PLC0415 - as above

    shape = slide.shapes.add_shape(MSO_SHAPE.RECTANGLE, *map(Inches, box._replace(height=0.05)))
    shape.fill.solid()
    shape.fill.fore_color.rgb = RGBColor.from_string(colour)
    shape.line.fill.background()


def _chart(
    slide: "Slide",
    box: Box,
    title: str,
    names: list[str],
    series: dict[str, list[Any]],
    *,
    stacked: bool = False,
) -> None:
    """A bar chart whose figures can be edited."""
    from pptx.chart.data import CategoryChartData  # noqa: PLC0415 - as above
    from pptx.dml.color import RGBColor  # noqa: PLC0415 - as above
    from pptx.enum.chart import XL_CHART_TYPE, XL_LEGEND_POSITION  # noqa: PLC0415 - as above
    from pptx.util import Inches, Pt  # noqa: PLC0415 - as above

    data = CategoryChartData(number_format="0%")
    data.categories = [_safe(name) for name in names]
    for name, figures in series.items():
        data.add_series(_safe(name), figures)
    kind = XL_CHART_TYPE.BAR_STACKED_100 if stacked else XL_CHART_TYPE.BAR_CLUSTERED
    chart = slide.shapes.add_chart(kind, *map(Inches, box), data).chart
    chart.font.size, chart.font.name = Pt(12), "Calibri"
    chart.has_title = True
    chart.chart_title.text_frame.text = title
    chart.has_legend = len(series) > 1
    if chart.has_legend:
        chart.legend.position, chart.legend.include_in_layout = XL_LEGEND_POSITION.BOTTOM, False
    chart.category_axis.reverse_order = True
    chart.value_axis.visible, chart.value_axis.has_major_gridlines = False, False
    plot = chart.plots[0]
    plot.gap_width, plot.has_data_labels = 60, not stacked
    if not stacked:
        plot.data_labels.number_format, plot.data_labels.number_format_is_linked = "0%", False
    for number, drawn in enumerate(plot.series, 1):
        drawn.format.fill.solid()
        drawn.format.fill.fore_color.rgb = RGBColor.from_string(COLOURS[number if stacked else (8, 1)[number - 1]])
