"""Texts and charts on a slide: each text as large as its place allows, and cut where it goes on elsewhere."""

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from typing import NamedTuple

from pptx.chart.data import CategoryChartData
from pptx.dml.color import RGBColor
from pptx.enum.chart import XL_CHART_TYPE, XL_LEGEND_POSITION
from pptx.opc.constants import RELATIONSHIP_TYPE
from pptx.opc.packuri import PackURI
from pptx.oxml import parse_xml
from pptx.parts.slide import NotesSlidePart
from pptx.slide import NotesSlide, Slide
from pptx.util import Inches, Pt

from persona.write import prose, templates

# Sizes that can be read from the back of a room, and from a desk.
LARGEST_POINTS, SMALLEST_POINTS = 18, 12
LEAST_POINTS = 9  # in the overview of many patterns, whose texts stand whole on later slides
# What a character and a line take of the font's size, for common sans-serif fonts.
CHARACTER_EMS, LINE_EMS = 0.5, 1.25
BETWEEN_LINES = 0.3  # of a line, after each paragraph
POINTS_PER_INCH = 72
INK, SOFT, LINK = "1C1F24", "565C65", "1F4F9A"
# No channel, then the channels in their order, as on the page.
COLOURS = ("343A42", "23539F", "E68A2E", "86D0C4", "6F3C61", "3F94C5", "9D3325", "E2D27A", "868E98")
# From here on characters are as wide as two Latin ones: where CJK begins.
_WIDE = re.compile("[\u2e81-\U0010ffff]")


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


class Text(NamedTuple):
    """Paragraphs in their place, of one size."""

    paragraphs: list[Paragraph]
    box: Box
    points: int


class Line(NamedTuple):
    """A line in a group's colour above its text."""

    box: Box
    colour: str


def one_line(text: str) -> str:
    """A text that XML can hold, with no line break of its own."""
    return " ".join(prose.clean(text).split())


def fitted(
    paragraphs: list[Paragraph], box: Box, sizes: Sequence[int] = range(LARGEST_POINTS, LEAST_POINTS - 1, -1)
) -> Text:
    """The text in the largest of these sizes, in points, at which it fits; in the last where none does."""
    fitting = (size for size in sizes if height_inches(paragraphs, box, size) <= box.height)
    return Text(paragraphs, box, next(fitting, sizes[-1]))


def height_inches(paragraphs: Iterable[Paragraph], box: Box, points: int) -> float:
    line = points * LINE_EMS / POINTS_PER_INCH
    per_line = max(1, int(box.width * POINTS_PER_INCH / (points * CHARACTER_EMS)) - 1)
    ems = (len(one.text) + len(_WIDE.findall(one.text)) for one in paragraphs)
    return sum((max(1, -(-length // per_line)) + BETWEEN_LINES) * line for length in ems)


def parts_that_fit(paragraphs: Iterable[Paragraph], box: Box) -> list[list[Paragraph]]:
    """The text in as few places as it takes at the smallest size; in one, where it fits."""
    parts: list[list[Paragraph]] = [[]]
    for paragraph in (piece for whole in paragraphs for piece in _pieces(whole, box)):
        if parts[-1] and height_inches([*parts[-1], paragraph], box, SMALLEST_POINTS) > box.height:
            # A heading goes on with its text.
            heading = [parts[-1].pop()] if parts[-1][-1].bold and len(parts[-1]) > 1 else []
            parts.append(heading)
        parts[-1].append(paragraph)
    return parts


def _pieces(paragraph: Paragraph, box: Box) -> Iterator[Paragraph]:
    """A paragraph, cut between words where it alone is larger than a place."""
    text = one_line(paragraph.text)
    most = len(text) or 1
    while height_inches([Paragraph(text[:most])], box, SMALLEST_POINTS) > box.height and most > 1:
        most //= 2
    return (paragraph._replace(text=piece) for piece in textwrap.wrap(text, most))


def draw(slide: Slide, title: Text, shapes: Iterable[Text | Line]) -> None:
    """Put title, texts and lines on a slide in one piece; one by one, the library takes ten times as long."""
    xml = templates.template("slide.xml").render(
        title=title,
        shapes=shapes,
        one_line=one_line,
        emu=lambda box: map(Inches, box),
        after_ems=LINE_EMS * BETWEEN_LINES,
    )
    slide.shapes.element[2:] = list(parse_xml(xml))  # behind the tree's own two properties


def write_notes(slide: Slide, text: str, earlier: NotesSlide | None) -> NotesSlide:
    """Notes below a slide; all but a deck's first are a copy of earlier ones: making them anew is slow."""
    if earlier:
        part = earlier.part
        name = PackURI(f"/ppt/notesSlides/notesSlide{part.partname.idx + 1}.xml")
        copy = NotesSlidePart(name, part.content_type, part.package, deepcopy(part._element))  # noqa: SLF001
        copy.relate_to(part.notes_master.part, RELATIONSHIP_TYPE.NOTES_MASTER)
        copy.relate_to(slide.part, RELATIONSHIP_TYPE.SLIDE)
        slide.part.relate_to(copy, RELATIONSHIP_TYPE.NOTES_SLIDE)
    slide.notes_slide.notes_text_frame.text = text
    return slide.notes_slide


class Bars(NamedTuple):
    """What a bar chart shows: a share of each name in each series."""

    title: str
    names: list[str]
    series: dict[str, list[float | None]]
    stacked: bool = False


def draw_chart(slide: Slide, box: Box, bars: Bars) -> None:
    """A bar chart whose figures can be edited."""
    data = CategoryChartData(number_format="0%")
    data.categories = [one_line(name) for name in bars.names]
    for name, figures in bars.series.items():
        data.add_series(one_line(name), figures)
    kind = XL_CHART_TYPE.BAR_STACKED_100 if bars.stacked else XL_CHART_TYPE.BAR_CLUSTERED
    chart = slide.shapes.add_chart(kind, *map(Inches, box), data).chart
    chart.font.size, chart.font.name = Pt(12), "Calibri"
    chart.has_title = True
    chart.chart_title.text_frame.text = bars.title
    chart.has_legend = len(bars.series) > 1
    if chart.has_legend:
        chart.legend.position, chart.legend.include_in_layout = XL_LEGEND_POSITION.BOTTOM, False
    chart.category_axis.reverse_order = True
    chart.value_axis.visible, chart.value_axis.has_major_gridlines = False, False
    plot = chart.plots[0]
    plot.gap_width, plot.has_data_labels = 60, not bars.stacked
    if not bars.stacked:
        plot.data_labels.number_format, plot.data_labels.number_format_is_linked = "0%", False
    for number, drawn in enumerate(plot.series, 1):
        drawn.format.fill.solid()
        drawn.format.fill.fore_color.rgb = RGBColor.from_string(
            COLOURS[number if bars.stacked else 1 if number == len(bars.series) else 8]
        )
