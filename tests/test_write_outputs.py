"""Figures that lead to their facts, assumptions that look like some, slides, CSV and the chat summary."""

import csv
import re
from io import BytesIO, StringIO
from zipfile import ZipFile

import pytest
import reports
from msgspec.structs import replace
from pptx import Presentation
from pptx.util import Pt

from persona.model import Checks, Fact, Framework, Members, Persona, Span, Summary
from persona.storage.objects import OUTPUTS
from persona.write import facts_csv, overview, render, slide_shapes, slides

MOST_BYTES = 1_000_000


@pytest.fixture
def named(space_summary: Summary) -> Framework:
    """An answer with figures by name, assumptions, and one typed figure."""
    return reports.named(space_summary)


@pytest.fixture
def frameworks(space_summary: Summary, named: Framework) -> dict[str, Framework]:
    return {
        "named": named,
        "facts": reports.from_facts(space_summary),
        "stress": reports.stress(space_summary),
        "hostile": reports.hostile(space_summary),
        "empty": replace(named, personas=[], checks=Checks(missing_sections=["web_dominant/name"])),
    }


def test_every_object_of_the_contract_is_made_in_its_order(named: Framework) -> None:
    members = Members(dialect="duckdb", view="channel_patterns", query="SELECT 1")
    assert list(render.outputs(named, members)) == list(OUTPUTS)


# --- Figures ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("figure", "title"),
    [
        ("fact.web_dominant.people", "Number of people of Web Dominant: 156"),
        ("fact.web_dominant.share", "Share of the classified of Web Dominant: 30 % (95 % interval"),
        ("computed.1", "Computed from your data: Share of the classified of Web Dominant ÷ Share of the"),
    ],
)
def test_a_figure_of_the_text_leads_to_its_fact(named: Framework, figure: str, title: str) -> None:
    page = render.as_html(named).replace("\N{NO-BREAK SPACE}", " ")
    assert (f'href="#{figure}" title="{title}' in page, page.count(f'id="{figure}"')) == (True, 1)


def test_a_typed_figure_that_is_not_in_the_data_is_marked_in_the_text(named: Framework) -> None:
    link = re.search(r'<a class="typed" href="#typed" title="([^"]+)">([^<]+)</a>', render.as_html(named))
    assert link is not None
    assert link.groups() == ("Not from your data: the author’s own figure", "97 %")  # noqa: RUF001


def test_an_assumption_looks_like_one(named: Framework) -> None:
    assert '<span class="assumed">Assumption: it saves them a step.</span>' in render.as_html(named)


def test_marks_that_come_from_outside_mean_nothing(named: Framework) -> None:
    """Characters of private use, spans beyond the text and spans across emphasis neither link nor break."""
    text = "\U000f0000**a\ue002b** `c` &amp; \\$5"
    spans = [Span(pattern="web_dominant", section="risk", start=0, end=900)]
    odd = replace(
        named,
        personas=[Persona(pattern="web_dominant", risk=text)],
        checks=Checks(
            assumed=spans, figures=[replace(one, start=3, end=900) for one in named.checks.figures]
        ),
    )
    [risk] = re.findall(
        r"What would lose them</h4>\s*<div class=\"prose\">(.*?)</div>", render.as_html(odd), re.DOTALL
    )
    assert risk == (
        '<p><span class="assumed">\N{REPLACEMENT CHARACTER}</span><strong><span class="assumed">a'
        '\N{REPLACEMENT CHARACTER}b</span></strong><span class="assumed"> </span><code>c</code>'
        '<span class="assumed"> &amp; $5</span></p>\n'
    )


# --- Slides -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["named", "facts", "stress", "hostile", "empty"])
def test_slides_can_be_read_back_and_are_small(frameworks: dict[str, Framework], name: str) -> None:
    made = slides.as_pptx(frameworks[name])
    titles = [slide.shapes.title.text for slide in Presentation(BytesIO(made)).slides]
    assert (titles[1], titles[-1].split(",")[0], len(made) < MOST_BYTES) == (
        "Do this week",
        "How this was made",
        True,
    )


def test_slides_hold_a_slide_a_persona_and_charts_that_can_be_edited(named: Framework) -> None:
    deck = Presentation(BytesIO(slides.as_pptx(named)))
    charts = [shape.chart for slide in deck.slides for shape in slide.shapes if shape.has_chart]
    shares = [list(plot.series[0].values) for plot in (chart.plots[0] for chart in charts)]
    assert (
        {card.name for card in overview.cards(named)} <= {slide.shapes.title.text for slide in deck.slides},
        shares[0],
        all(chart.part.chart_workbook.xlsx_part for chart in charts),
    ) == (True, [pattern.share for pattern in named.patterns], True)


def test_notes_hold_the_facts_behind_the_figures(named: Framework) -> None:
    deck = Presentation(BytesIO(slides.as_pptx(named)))
    notes = [slide.notes_slide.notes_text_frame.text for slide in deck.slides if slide.has_notes_slide]
    assert any("Average LTV of Web Dominant: $412" in text for text in notes)


def test_a_text_that_outgrows_its_slide_goes_on_whole_on_the_next(named: Framework) -> None:
    words = [f"word{number}" for number in range(2_000)]
    text = "\n\n".join(" ".join(words[start : start + 100]) for start in range(0, 2_000, 100))
    long = Persona(
        pattern="web_dominant", name="Long", description=text[:2_400], journey=text[:2_400], risk=text[:2_400]
    )
    deck = Presentation(BytesIO(slides.as_pptx(replace(named, personas=[long]))))
    pages = [slide for slide in deck.slides if slide.shapes.title.text.startswith("Long")]
    boxes = [shape for slide in pages for shape in slide.shapes if shape.has_text_frame]
    shown = " ".join(box.text_frame.text for box in boxes)
    sizes = {run.font.size for box in boxes for line in box.text_frame.paragraphs for run in line.runs}
    assert (
        shown.count(words[0]),
        shown.count("word250 "),
        min(sizes) >= Pt(slide_shapes.SMALLEST_POINTS),
    ) == (
        3,
        3,
        True,
    )


def test_no_text_of_the_slides_is_higher_than_its_box(frameworks: dict[str, Framework]) -> None:
    for name in ("named", "facts", "stress"):
        for slide in Presentation(BytesIO(slides.as_pptx(frameworks[name]))).slides:
            for box in (shape for shape in slide.shapes if shape.has_text_frame and shape.text_frame.text):
                paragraphs = [slide_shapes.Paragraph(line.text) for line in box.text_frame.paragraphs]
                place = slide_shapes.Box(
                    *(size / 914_400 for size in (box.left, box.top, box.width, box.height))
                )
                points = box.text_frame.paragraphs[0].runs[0].font.size.pt
                assert slide_shapes.height_inches(paragraphs, place, int(points)) <= place.height + 0.01


def test_slides_keep_the_schemas_order_of_elements(named: Framework) -> None:
    """PowerPoint repairs what other readers forgive: a run's properties stand before its text."""
    with ZipFile(BytesIO(slides.as_pptx(named))) as package:
        parts = [
            package.read(part).decode() for part in package.namelist() if part.startswith("ppt/slides/slide")
        ]
    runs = [run for part in parts for run in re.findall(r"<a:r>(.*?)</a:r>", part, re.DOTALL)]
    assert (len(runs) > 50, [run for run in runs if not run.startswith("<a:rPr")]) == (True, [])


# --- CSV and the chat summary -------------------------------------------------------------------------


def test_facts_csv_holds_every_fact(named: Framework) -> None:
    rows = list(csv.DictReader(StringIO(facts_csv.as_csv(named).decode())))
    assert [(row["name"], float(row["value"]), row["unit"]) for row in rows] == [
        (name, fact.value, fact.unit) for name, fact in named.facts.items()
    ]


@pytest.mark.parametrize("begins", ["=", "+", "-", "@", "\t=", "\u200b="])
def test_a_formula_in_a_label_is_defused(named: Framework, begins: str) -> None:
    fact = Fact(value=1, unit="people", text="1", label=f"{begins}HYPERLINK(1)")
    rows = list(csv.reader(StringIO(facts_csv.as_csv(replace(named, facts={"web.a": fact})).decode())))
    assert rows[1][2].startswith("'")


@pytest.mark.parametrize("name", ["named", "facts", "stress", "hostile"])
def test_the_markdown_begins_with_what_fits_a_chat_message(
    frameworks: dict[str, Framework], name: str
) -> None:
    framework = frameworks[name]
    said = overview.summary(framework, render.SUMMARY_CHARACTERS)
    top = render.as_markdown(framework).split("people were active")[0]
    assert (len(said) <= render.SUMMARY_CHARACTERS, top.startswith(f"# {overview.headline(framework)}")) == (
        True,
        True,
    )
