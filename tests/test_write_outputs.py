"""Figures that lead to their facts, assumptions that look like some, slides, CSV and the chat summary."""

import csv
import re
from io import BytesIO, StringIO
from zipfile import ZipFile

import pytest
from msgspec.structs import replace
from pptx import Presentation
from pptx.slide import Slide
from pptx.util import Pt

from persona.model import Checks, Fact, Framework, Members, Persona, Span
from persona.storage.objects import OUTPUTS
from persona.write import facts_csv, overview, render, slides
from persona.write.deck import SMALLEST_POINTS, Box, Paragraph, height_inches

MOST_BYTES = 1_000_000
Made = dict[str, Framework]


@pytest.fixture
def named(made: Made) -> Framework:
    """An answer with figures by name, assumptions, and one typed figure."""
    return made["named"]


@pytest.fixture(scope="module")
def decks(made: Made) -> dict[str, bytes]:
    """The slides of every framework, and of one whose answer held nothing that could be read."""
    bare = Checks(missing_sections=["web_dominant/name"])
    made = made | {"empty": replace(made["named"], personas=[], checks=bare)}
    return {name: slides.as_pptx(framework) for name, framework in made.items()}


def opened(deck: bytes) -> list[Slide]:
    return list(Presentation(BytesIO(deck)).slides)


def test_every_object_of_the_contract_is_made_in_its_order_whatever_it_has_to_say(made: Made) -> None:
    """Half a surrogate pair, too, which cannot be encoded."""
    members = Members(dialect="duckdb", view="channel_patterns", query="SELECT 1")
    written = render.outputs(made["hostile"], members)
    assert list(written) == list(OUTPUTS)
    texts = (written[f"framework.{kind}"] for kind in ("html", "md", "json"))
    assert all("\N{REPLACEMENT CHARACTER}".encode() in text for text in (*texts, written["members.sql"]))


FACTS = {
    "fact.web_dominant.people": "Number of people of Web Dominant: 156",
    "fact.web_dominant.share": "Share of the classified of Web Dominant: 30 % (95 % interval",
    "computed.1": "Computed from your data: Share of the classified of Web Dominant ÷ Share of the",
}


def test_a_figure_leads_to_its_fact_or_is_marked_and_an_assumption_looks_like_one(named: Framework) -> None:
    page = render.as_html(named).replace("\N{NO-BREAK SPACE}", " ")
    for figure, title in FACTS.items():
        assert (f'href="#{figure}" title="{title}' in page, page.count(f'id="{figure}"')) == (True, 1)
    typed = re.findall(r'<a class="typed" href="#typed" title="([^"]+)">([^<]+)</a>', page)
    assert typed[0] == ("Not from your data: the author’s own figure", "97 %")  # noqa: RUF001
    assert '<span class="assumed">Assumption: it saves them a step.</span>' in page


def test_marks_that_come_from_outside_mean_nothing(named: Framework) -> None:
    """Characters of private use, spans beyond the text and spans across emphasis neither link nor break."""
    text = "\U000f0000**a\ue002b** `c` &amp; \\$5"
    spans = [Span(pattern="web_dominant", section="risk", start=0, end=900)]
    figures = [replace(one, start=3, end=900) for one in named.checks.figures]
    checks = Checks(assumed=spans, figures=figures)
    persona = Persona(pattern="web_dominant", risk=text)
    page = render.as_html(replace(named, personas=[persona], checks=checks))
    [risk] = re.findall(r"What would lose them</h4>\s*<div class=\"prose\">(.*?)</div>", page, re.DOTALL)
    assert risk == (
        '<p><span class="assumed">\N{REPLACEMENT CHARACTER}</span><strong><span class="assumed">a'
        '\N{REPLACEMENT CHARACTER}b</span></strong><span class="assumed"> </span><code>'
        '<span class="assumed">c</span></code><span class="assumed"> &amp; $5</span></p>\n'
    )


@pytest.mark.parametrize("name", ["named", "facts", "stress", "hostile", "empty"])
def test_slides_can_be_read_back_are_small_and_leave_powerpoint_nothing_to_repair(
    decks: dict[str, bytes], name: str
) -> None:
    """Other readers forgive a name twice, a shape's id twice, and a run's properties behind its text."""
    titles = [slide.shapes.title.text for slide in opened(decks[name])]
    ends = titles[1], titles[-1].split(",")[0]
    assert (ends, len(decks[name]) < MOST_BYTES) == (("Do this week", "How this was made"), True)
    with ZipFile(BytesIO(decks[name])) as package:
        names = package.namelist()
        slides = [package.read(part).decode() for part in names if part.startswith("ppt/slides/slide")]
    ids = [re.findall(r'<p:cNvPr id="(\d+)"', slide) for slide in slides]
    runs = [run for slide in slides for run in re.findall(r"<a:r>(.*?)</a:r>", slide, re.DOTALL)]
    assert [len(names), *map(len, ids)] == [len(set(names)), *(len(set(one)) for one in ids)]
    assert (len(runs) > 50, [run for run in runs if not run.startswith("<a:rPr")]) == (True, [])
    assert not [part for part in names if part.endswith(".jpeg")]  # of another deck


def test_slides_hold_a_slide_a_persona_charts_that_can_be_edited_and_notes_of_the_facts(
    decks: dict[str, bytes], named: Framework
) -> None:
    deck = opened(decks["named"])
    charts = [shape.chart for slide in deck for shape in slide.shapes if shape.has_chart]
    workbooks = [ZipFile(BytesIO(chart.part.chart_workbook.xlsx_part.blob)) for chart in charts]
    sheets = [book.read("xl/worksheets/sheet1.xml").decode() for book in workbooks]
    plotted = [list(series.values) for series in charts[0].plots[0].series]
    assert {card.name for card in overview.cards(named)} <= {slide.shapes.title.text for slide in deck}
    assert plotted == [[one.share for one in named.patterns], [one.ltv_share for one in named.patterns]]
    assert [text for text in map(str, plotted[0]) if f"<v>{text}</v>" not in sheets[0]] == []
    assert (len(charts), charts[1].plots[0].categories[0]) == (2, "Mostly web")
    notes = [slide.notes_slide.notes_text_frame.text for slide in deck if slide.has_notes_slide]
    assert any("Average LTV of Web Dominant: $412" in text for text in notes)


def test_a_text_that_outgrows_its_slide_goes_on_whole_on_the_next(named: Framework) -> None:
    words = [f"word{number}" for number in range(2_000)]
    text = "\n\n".join(" ".join(words[start : start + 100]) for start in range(0, 2_000, 100))
    said = text[:2_400]
    long = Persona(pattern="web_dominant", name="Long", description=said, journey=said, risk=said)
    deck = opened(slides.as_pptx(replace(named, personas=[long])))
    pages = [slide for slide in deck if slide.shapes.title.text.startswith("Long")]
    boxes = [shape for slide in pages for shape in slide.shapes if shape.has_text_frame]
    shown = " ".join(box.text_frame.text for box in boxes)
    sizes = {run.font.size for box in boxes for line in box.text_frame.paragraphs for run in line.runs}
    smallest = Pt(SMALLEST_POINTS)
    assert (shown.count(words[0]), shown.count("word250 "), min(sizes) >= smallest) == (3, 3, True)


@pytest.mark.parametrize("name", ["named", "facts", "stress"])
def test_no_text_of_the_slides_is_higher_than_its_box(decks: dict[str, bytes], name: str) -> None:
    for slide in opened(decks[name]):
        for box in (shape for shape in slide.shapes if shape.has_text_frame and shape.text_frame.text):
            paragraphs = [Paragraph(line.text) for line in box.text_frame.paragraphs]
            place = Box(box.left.inches, box.top.inches, box.width.inches, box.height.inches)
            points = box.text_frame.paragraphs[0].runs[0].font.size.pt
            assert height_inches(paragraphs, place, int(points)) <= place.height + 0.01


def test_no_character_of_an_answer_breaks_the_slides(named: Framework) -> None:
    odd = "a\ufffeb\uffffc\x00\x0b\x0c\x85\u2028\ufdd0\ud800\ue001\U0001ffffd"
    deck = opened(slides.as_pptx(replace(named, personas=[Persona(pattern="web_dominant", name=odd)])))
    assert any(slide.shapes.title.text.startswith("abc") for slide in deck)


def test_facts_csv_holds_every_fact_and_a_formula_in_a_label_is_defused(named: Framework) -> None:
    fact, begins = Fact(value=1, unit="people", text="1", label=""), ["=", "+", "-", "@", "\t=", "\u200b="]
    odd = {f"web.{n}": replace(fact, label=f"{sign}HYPERLINK(1)") for n, sign in enumerate(begins)}
    facts = named.facts | odd
    rows = list(csv.DictReader(StringIO(facts_csv.as_csv(replace(named, facts=facts)).decode())))
    assert [(row["name"], float(row["value"]), row["unit"]) for row in rows] == [
        (name, fact.value, fact.unit) for name, fact in facts.items()
    ]
    assert [row["label"][0] for row in rows[-len(odd) :]] == ["'"] * len(odd)


@pytest.mark.parametrize("name", ["named", "facts", "stress", "hostile"])
def test_the_markdown_begins_with_what_fits_a_chat_message(made: Made, name: str) -> None:
    summary = overview.summary(made[name], overview.cards(made[name]))
    top = render.as_markdown(made[name]).split("people were active")[0]
    fits, begins = len("\n".join(summary)) <= overview.SUMMARY_CHARACTERS, top.startswith(f"# {summary[0]}")
    assert (fits, begins, len(re.findall("^- ", top, re.MULTILINE))) == (True, True, len(summary[1:]))
