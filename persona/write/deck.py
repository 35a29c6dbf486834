"""A deck: texts as large as their places on a slide allow, charts that can be edited, notes below."""

import re
import textwrap
from collections.abc import Iterable, Sequence
from functools import cache
from io import BytesIO
from typing import NamedTuple

from pptx import Presentation
from pptx.chart.data import CategoryChartData
from pptx.opc.constants import CONTENT_TYPE, RELATIONSHIP_TYPE
from pptx.opc.package import Part
from pptx.opc.packuri import PackURI
from pptx.util import Inches

from persona.write.escaping import clip, one_line
from persona.write.templates import template

# A wide slide, in inches.
WIDTH, HEIGHT, MARGIN = 13.333, 7.5, 0.6
# Sizes in points: for the back of a room, for a desk, and for an overview whose texts stand whole elsewhere.
LARGEST_POINTS, SMALLEST_POINTS, LEAST_POINTS = 18, 12, 9
TITLE_POINTS = (28, 24, 20, 18)
# What a character and a line take of the font's size, for common sans-serif fonts.
CHARACTER_EMS, LINE_EMS = 0.5, 1.25
BETWEEN_LINES = 0.3  # of a line, after each paragraph
POINTS_PER_INCH = 72
# So much of a paragraph fits half a slide at the smallest size, in any script; a longer one becomes several.
PARAGRAPH_CHARACTERS = 900
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


class Bars(NamedTuple):
    """A bar chart: a share of each name in each series."""

    box: Box
    title: str
    names: list[str]
    series: dict[str, list[float | None]]
    stacked: bool = False


Text = tuple[Box, list[Paragraph]]
_TITLE = Box(MARGIN, 0.4, WIDTH - 2 * MARGIN, 1.0)
WHOLE = Box(MARGIN, 1.45, WIDTH - 2 * MARGIN, HEIGHT - 1.85)  # all below the title


class Deck:
    """Slides of one layout, written as XML: made by the library, shape by shape, they take twice as long."""

    def __init__(self, title: str) -> None:
        self._file = Presentation(BytesIO(_blank()))
        self._file.core_properties.title = clip(one_line(title), 255)  # as many as it takes
        self._layout, self._notes_master = self._file.slide_layouts[0].part, self._file.notes_master.part
        self._charts = 0

    def add(
        self,
        title: str,
        *groups: list[Text],
        lines: Iterable[tuple[Box, str]] = (),
        charts: Iterable[Bars] = (),
        notes: Iterable[str] = (),
    ) -> None:
        """Add a slide; the texts of a group are all of one size, the largest at which they fit.

        `lines`: where a line of which colour is drawn.
        """
        heading = Paragraph(clip(one_line(title), 120), bold=True)
        texts = [(_TITLE, [heading], _points([(_TITLE._replace(height=0.8), [heading])], TITLE_POINTS))]
        for group in groups:
            points = _points(group)
            texts += [(box, paragraphs, points) for box, paragraphs in group]
        package, ids = self._file.part.package, self._file.slides._sldIdLst  # noqa: SLF001 - see the class
        number = len(ids) + 1
        slide = Part(PackURI(f"/ppt/slides/slide{number}.xml"), CONTENT_TYPE.PML_SLIDE, package)
        slide.relate_to(self._layout, RELATIONSHIP_TYPE.SLIDE_LAYOUT)
        ids.add_sldId(self._file.part.relate_to(slide, RELATIONSHIP_TYPE.SLIDE))
        drawn = [(bars.box, slide.relate_to(self._chart(bars), RELATIONSHIP_TYPE.CHART)) for bars in charts]
        content = {"texts": texts, "lines": lines, "charts": drawn, "after_ems": LINE_EMS * BETWEEN_LINES}
        slide.blob = template("slide.xml").render(content).encode()
        if notes:
            name = PackURI(f"/ppt/notesSlides/notesSlide{number}.xml")
            blob = template("notes.xml").render(notes=notes).encode()
            below = Part(name, CONTENT_TYPE.PML_NOTES_SLIDE, package, blob)
            below.relate_to(self._notes_master, RELATIONSHIP_TYPE.NOTES_MASTER)
            below.relate_to(slide, RELATIONSHIP_TYPE.SLIDE)
            slide.relate_to(below, RELATIONSHIP_TYPE.NOTES_SLIDE)

    def _chart(self, bars: Bars) -> Part:
        """A chart with its figures in a workbook of its own."""
        data = CategoryChartData(number_format="0%")
        data.categories = [one_line(name) for name in bars.names]
        for name, figures in bars.series.items():
            data.add_series(one_line(name), figures)
        package, self._charts = self._file.part.package, self._charts + 1
        name = PackURI(f"/ppt/embeddings/Microsoft_Excel_Sheet{self._charts}.xlsx")
        workbook = Part(name, CONTENT_TYPE.SML_SHEET, package, data.xlsx_blob)
        chart = Part(PackURI(f"/ppt/charts/chart{self._charts}.xml"), CONTENT_TYPE.DML_CHART, package)
        figures_in = chart.relate_to(workbook, RELATIONSHIP_TYPE.PACKAGE)
        content = {"bars": bars, "colours": COLOURS, "workbook": figures_in}
        chart.blob = template("chart.xml").render(content).encode()
        return chart

    def as_bytes(self) -> bytes:
        out = BytesIO()
        self._file.save(out)
        return out.getvalue()


@cache
def _blank() -> bytes:
    """A deck without slides, of the one layout that has a title and nothing else: half of a deck's time."""
    file = Presentation()
    file.slide_width, file.slide_height = Inches(WIDTH), Inches(HEIGHT)
    for layout in list(file.slide_layouts):
        if layout.name != "Title Only":
            file.slide_layouts.remove(layout)
    _ = file.notes_master  # made by being asked for
    # Of the library's own empty deck, which file managers would show.
    beside = file.part.package._rels  # noqa: SLF001 - as above
    beside.pop(next(name for name, its in beside.items() if its.reltype == RELATIONSHIP_TYPE.THUMBNAIL))
    out = BytesIO()
    file.save(out)
    return out.getvalue()


def height_inches(paragraphs: Iterable[Paragraph], box: Box, points: int) -> float:
    line = points * LINE_EMS / POINTS_PER_INCH
    per_line = max(1, int(box.width * POINTS_PER_INCH / (points * CHARACTER_EMS)) - 1)
    ems = (len(one.text) + len(_WIDE.findall(one.text)) for one in paragraphs)
    return sum((max(1, -(-length // per_line)) + BETWEEN_LINES) * line for length in ems)


def parts_that_fit(paragraphs: Iterable[Paragraph], box: Box) -> list[list[Paragraph]]:
    """The text in as few places as it takes at the smallest size; in one, where it fits."""
    parts: list[list[Paragraph]] = [[]]
    for whole in paragraphs:
        short = len(whole.text) <= PARAGRAPH_CHARACTERS
        for piece in [whole.text] if short else textwrap.wrap(whole.text, PARAGRAPH_CHARACTERS):
            paragraph = whole._replace(text=piece)
            if parts[-1] and height_inches([*parts[-1], paragraph], box, SMALLEST_POINTS) > box.height:
                # A heading goes on with its text.
                heading = [parts[-1].pop()] if parts[-1][-1].bold and len(parts[-1]) > 1 else []
                parts.append(heading)
            parts[-1].append(paragraph)
    return parts


def _points(texts: list[Text], sizes: Sequence[int] = range(LARGEST_POINTS, LEAST_POINTS - 1, -1)) -> int:
    """The largest of these sizes at which all texts fit their places; the last where none does."""
    fitting = (
        size for size in sizes if all(height_inches(text, box, size) <= box.height for box, text in texts)
    )
    return next(fitting, sizes[-1])
