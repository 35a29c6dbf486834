"""The report for people: what it shows, and what nobody can make it do."""

import re
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from html.parser import HTMLParser
from itertools import pairwise, product
from typing import Any

import msgspec
import pytest
import reports
from markdown_it import MarkdownIt
from msgspec.structs import replace

from persona import model
from persona.model import SECTIONS, Checks, Framework, Persona
from persona.write import charts, escaping, overview, render, templates

WIDE_ENOUGH_FOR_TEXT = 4.5  # WCAG 2 AA, text of normal size
Made = dict[str, Framework]
SAY = templates.sentences()


class Page(HTMLParser):
    """A page read by a parser of its own: its elements and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if not self.elements or self.elements[-1][0] != "style":
            self.words.append(data)

    def having(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def links(self, *, inside: bool) -> list[dict[str, str | None]]:
        return [a for a in self.having("a") if str(a["href"]).startswith("#") == inside]


@pytest.fixture
def mave(made: Made) -> Framework:
    return made["mave"]


@pytest.fixture(scope="module")
def pages(made: Made) -> dict[str, Page]:
    return {name: Page(render.as_html(made[name])) for name in ("mave", "facts", "stress", "hostile")}


def spaced(text: str) -> str:
    """A text whose figures may be broken across lines."""
    return text.replace("\N{NO-BREAK SPACE}", " ")


# --- Words --------------------------------------------------------------------------------------------


SHIFTS = [
    ((0.31, 0.35, True), "went from 31.0 % to 35.0 %, more than chance explains"),
    ((0.31, 0.32, False), "went from 31.0 % to 32.0 %, no more than chance explains"),
    ((None, 0.35, True), "is new, with 35.0 % of active people"),
    ((0.31, None, True), "is gone; it held 31.0 % of active people"),
]


@pytest.mark.parametrize(("change", "expected"), SHIFTS)
def test_a_change_says_whether_it_says_anything(
    mave: Framework, change: tuple[Any, ...], expected: str
) -> None:
    assert mave.drift
    names = "share_before", "share_after", "significant"
    shift = replace(mave.drift.patterns[0], **dict(zip(names, change, strict=True)))
    assert SAY.shift(shift) == expected


HEADLINES: dict[str, tuple[list[float], list[float]]] = {
    "50 % of active people mostly use web": ([0.5, 0.2], [10, 10]),
    "79 % of active people mostly use web or mobile": ([0.4, 0.39, 0.1], [10] * 3),
    "No way of using your channels is clearly more common than the others": ([0.25] * 4, [10] * 4),
    "The 20 % who mostly use mobile hold 60 % of all lifetime value": ([0.5, 0.2], [10, 90]),
}


@pytest.mark.parametrize("expected", HEADLINES)
def test_the_headline_claims_no_more_than_chance_lets_tell(mave: Framework, expected: str) -> None:
    patterns = []
    for one, share, ltv in zip(mave.patterns, *HEADLINES[expected], strict=False):
        about, worth = (share - 0.02, share + 0.02), (ltv - 5.0, ltv + 5.0)
        patterns.append(replace(one, share=share, share_ci95=about, avg_ltv_ci95=worth, ltv_share=0.6))
    assert overview.headline(replace(mave, patterns=patterns)) == expected


@pytest.mark.parametrize(
    ("name", "description", "expected"),
    [
        ("The Inbox Dweller", "**Plans** at a desk. More.", ("the-inbox-dweller", "Plans at a desk.")),
        ("2\ufe0f\u20e3 Crème Brûlée", None, ("creme-brulee", "")),
        ("Personas", None, ("personas-2", "")),
        ("\N{CJK UNIFIED IDEOGRAPH-6F22}", None, ("persona", "")),
        (None, None, ("mostly-web", "")),
    ],
)
def test_a_persona_has_a_link_and_a_line_of_its_own(
    mave: Framework, name: str | None, description: str | None, expected: tuple[str, str]
) -> None:
    personas = [Persona(pattern="web_dominant", name=name, description=description)]
    cards = {card.key: card for card in overview.cards(replace(mave, personas=personas))}
    assert (cards["web_dominant"].anchor, cards["web_dominant"].line) == expected


@pytest.mark.parametrize(
    ("journey", "expected"),
    [
        ("Mobile → Web → Mobile\n\nOften.", (["Mobile", "Web", "Mobile"], "Often.")),
        ("They go web -> app. Then they stay.", (["They go web", "app"], "Then they stay.")),
        ("1. Searches\n2. Signs up", ([], "1. Searches\n2. Signs up")),
        (f"a → {'long ' * 40}", ([], f"a → {'long ' * 40}")),
        (None, ([], "")),
    ],
)
def test_a_journey_written_with_arrows_is_a_path(
    journey: str | None, expected: tuple[list[str], str]
) -> None:
    assert overview.path(journey) == expected


def test_next_steps_are_ranked_by_the_value_at_stake(mave: Framework) -> None:
    ranked = [card.pattern.ltv_share or 0 for card in overview.cards(mave) if card.pattern]
    assert (ranked, len(ranked)) == (sorted(ranked, reverse=True), 4)


# --- Charts -------------------------------------------------------------------------------------------


AXES = {
    0.392: (0.4, "0 % 10 % 20 % 30 % 40 %"),
    1.0: (1.0, "0 % 20 % 40 % 60 % 80 % 100 %"),
    0.03: (0.03, "0 % 1 % 2 % 3 %"),
    0.0: (0.01, "0 % 1 %"),
    1.4: (1.5, "0 % 25 % 50 % 75 % 100 % 125 % 150 %"),
}


@pytest.mark.parametrize("largest", AXES)
def test_an_axis_has_few_round_ticks_and_no_place_beside_it(largest: float) -> None:
    axis = charts.axis([largest, None])
    assert (round(axis.end, 6), " ".join(text for _, text in axis.ticks)) == AXES[largest]
    assert [axis.at(share) for share in (-0.1, axis.end / 4, 7.0, None)] == [0.0, 25.0, 100.0, None]


def test_a_bar_is_full_whatever_its_channels_and_labelled_as_far_as_there_is_room(made: Made) -> None:
    patterns, rule = made["stress"].patterns, made["stress"].rule
    patterns = [*patterns, replace(patterns[0], avg_activity={})]
    bars = [list(charts.bar(pattern, rule)) for pattern in patterns]
    assert [sum(width for _, width, _, _ in bar) for bar in bars] == pytest.approx(
        [100.0] * 9 + [0.0], abs=0.1
    )
    assert [text for *_, text in bars[4]] == ["15 %", "", "", "", "45 %", "15 %", "", ""]


def test_an_identifier_that_few_people_of_a_pattern_have_is_a_dash_and_never_zero(mave: Framework) -> None:
    """An absent type may be one that fewer people have than may be shown: 0 % would be invented."""
    first, *others = mave.patterns
    coverage = {name: share for name, share in (first.identity_coverage or {}).items() if name != "ios.id"}
    framework = replace(mave, patterns=[replace(first, identity_coverage=coverage), *others])
    row = next(line for line in render.as_markdown(framework).splitlines() if line.startswith("| ios.id"))
    assert row.split("|")[2].strip() == "\N{EN DASH}"


def test_a_pattern_without_a_share_of_value_is_left_out_of_its_chart(mave: Framework) -> None:
    patterns = [replace(mave.patterns[0], ltv_share=None), *mave.patterns[1:]]
    page = render.as_html(replace(mave, patterns=patterns))
    [said] = re.findall('<desc id="value.desc">(.*?)</desc>', page)
    assert re.findall("([^.:]+): ", said)[:3] == ["Mostly mobile", " Mostly email", " Several channels"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_readable_on_every_colour_of_a_chart(scheme: str) -> None:
    style = (templates.ROOM / "page.css").read_text(encoding="utf-8")
    light, dark = style.split("@media screen and (prefers-color-scheme: dark)")
    shown = light if scheme == "light" else light + dark.split("@media print")[0]
    colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", shown))
    pairs = [(f"c{index}", f"on{index}") for index in range(9)]
    pairs += [(ground, text) for ground in ("paper", "panel", "card") for text in ("ink", "soft", "link")]
    # WCAG 2's contrast of two colours.
    lights = {pair: sorted(_luminance(colours[name]) for name in pair) for pair in pairs}
    contrasts = {pair: (lighter + 0.05) / (darker + 0.05) for pair, (darker, lighter) in lights.items()}
    assert {pair: contrast for pair, contrast in contrasts.items() if contrast < WIDE_ENOUGH_FOR_TEXT} == {}


def _luminance(colour: str) -> float:
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


# --- Prose --------------------------------------------------------------------------------------------


def in_html(markdown: str) -> str:
    return escaping.html(markdown, 1000)[0]


Escape = Callable[[str], str]
LINE, BLOCK = escaping.markdown_line, escaping.markdown_block
ESCAPED: list[tuple[Escape, str, str]] = [
    (in_html, "**bold** and *it*", "<p><strong>bold</strong> and <em>it</em></p>\n"),
    (in_html, "<b>no</b>", "<p>&lt;b&gt;no&lt;/b&gt;</p>\n"),
    (in_html, "[words](https://evil.example)", "<p>words</p>\n"),
    (in_html, "[words](javascript:alert(1))", "<p>[words](javascript:alert(1))</p>\n"),
    (in_html, "![a <picture>](https://evil.example/p.png)", "<p>a &lt;picture&gt;</p>\n"),
    (in_html, "<https://evil.example>", "<p>https://evil.example</p>\n"),
    (in_html, "# Heading", "<p><strong>Heading</strong></p>\n"),
    (in_html, "a\n\n---\n\nb", "<p>a</p>\n<p>b</p>\n"),
    (in_html, "tag\U000e0041s, \u200bzero\u2060-width\u200d", "<p>tags, zero-width</p>\n"),
    (in_html, "half \ud800 and \x00\u202ehidden", "<p>half \N{REPLACEMENT CHARACTER} and hidden</p>\n"),
    (in_html, "```html\n<script>\n```", "<pre><code>&lt;script&gt;\n</code></pre>\n"),
    (LINE, "a|b\nc", r"a\|b c"),
    (LINE, "<script>&", "&lt;script&gt;&amp;"),
    (LINE, "[a](b) `c` *d* _e_ #f", r"\[a\](b) \`c\` \*d\* \_e\_ \#f"),
    (LINE, "https://evil.example", "https\N{WORD JOINER}://evil.example"),
    (LINE, "#123 org/repo#1", "\\#\N{WORD JOINER}123 org/repo\\#\N{WORD JOINER}1"),
    (LINE, "a\u200b\u200e\u061c\u200d\U000e0041b", "ab"),
    (LINE, "www.evil.example @team", "www\N{WORD JOINER}.evil.example @\N{WORD JOINER}team"),
    (BLOCK, "**bold**\n\n- item", "**bold**\n\n- item"),
    (BLOCK, "# Checked *figures* #\ntext", "**Checked figures**\n\ntext"),
    (BLOCK, "Title\n===\nmore\n---", "Title\n\\===\nmore\n\\---"),
    (BLOCK, "```\nopen", "\\`\\`\\`\nopen"),
    (BLOCK, "~~~\nopen", "\\~\\~\\~\nopen"),
    (BLOCK, "[a]: javascript:x", r"\[a\]: javascript:x"),
    (BLOCK, "| a | b |\n| --- | --- |", "| a | b |\n| --- | --- |"),
]


@pytest.mark.parametrize(("escape", "text", "expected"), ESCAPED)
def test_a_text_from_outside_keeps_its_emphasis_at_most(escape: Escape, text: str, expected: str) -> None:
    assert escape(text) == expected


# --- The page -----------------------------------------------------------------------------------------


def test_the_policy_lets_the_page_show_its_own_style_and_nothing_else(pages: dict[str, Page]) -> None:
    """The page carries it where no header can."""
    style = pages["mave"].html.split("<style>")[1].split("</style>")[0]
    own = f"'sha256-{b64encode(sha256(style.encode()).digest()).decode()}'"
    policy = f"default-src 'none'; style-src {own}; img-src data:; base-uri 'none'; form-action 'none'"
    carried = [meta["content"] for meta in pages["mave"].having("meta") if "http-equiv" in meta]
    assert (carried, render.CONTENT_SECURITY_POLICY) == ([policy], f"{policy}; frame-ancestors 'none'")


def test_only_sources_lead_out_of_the_page(pages: dict[str, Page]) -> None:
    assert [(a["href"], a["rel"]) for a in pages["mave"].links(inside=False)] == [
        ("https://research.example.org/switching?year=2026&lang=en", "noopener noreferrer"),
        ("https://example.com/survey", "noopener noreferrer"),
    ]


@pytest.mark.parametrize("name", ["mave", "facts", "stress", "hostile"])
def test_headings_are_in_order_and_anchors_are_unique(name: str, pages: dict[str, Page]) -> None:
    page = pages[name]
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    targets = {str(a["href"])[1:] for a in page.links(inside=True)}
    jumps = [(one, two) for one, two in pairwise(levels) if two > one + 1]
    assert (levels.count(1), jumps, len(ids) - len(set(ids)), targets - set(ids)) == (1, [], 0, set())


def seen_in_html(framework: Framework) -> str:
    """The page's text as a reader sees it."""
    text = spaced(Page(render.as_html(framework)).text)
    return text.replace(" ,", ",").replace(" .", ".")


def seen_in_markdown(framework: Framework) -> str:
    return spaced(render.as_markdown(framework)).replace("**", "")


def rated(**rating: object) -> dict[str, object]:
    """What Mave says of its own answer."""
    return {"mave": model.MaveTrace(thread_id=None, message_ids=[], credits_used=0, validation=rating)}


See = Callable[[Framework], str]
SINCE = "2026-10-01T00:00:00Z"
ELSEWHERE = model.Drift(since_run_id="a", since=SINCE, comparable=False, reason="the rule is another.")
UNRESOLVED, ONE = Checks(unresolved=["web_dominant.ltv"]), Persona(pattern="web_dominant")
RAW, FIRST = {"window_days": 14, "activity": "raw events"}, {"sampling": "Only the first 10 were read."}
DRAWN, LIMITED = {"sampling": "10 of 90 were drawn at random (seed 1)."}, {"truncated": True}
# What is changed of the framework, what a reader then finds, and what is not said since it is not so.
SAID: dict[str, tuple[Any, ...]] = {
    "as it is": (
        {},
        [
            "65 % of active people mostly use web or mobile",
            "31\N{EN DASH}39 %",
            "The On-The-Go Operator",
            "18 web sessions",
            "Missing: the text does not cover this.",
            "Email Dominant: How they move between channels",
            "Where to be the same, where to adapt",
            "which is by recent activity: the report leans towards",
            "7.0 % of active people",
            "went from 26.2 % to 35.0 %, more than chance explains",
            "Of the figures in the text, 3 were filled in from the data.",
            "8 not from the data.",
            "What to do this week",
            "visits within a day of the mail",
            "A third of them would have to learn the product again",
            "How people switch between devices during a purchase",
            "A source that is no web page",
            "activity negative: 6",
            "Mave rates its own answer: confidence 0.87, risk of invention: low.",
            "ount a missing value as zero",
            "were active in the 30 days that their traits count",
        ],
    ),
    "suppressed": (
        {"suppressed": ["web_dominant", "sms_dominant"]},
        ["fewer than 5 people are not shown, nor any that would give their size away: Web Dominant, SMS"],
    ),
    "withheld": (
        {"withheld": {"identity_coverage": "many.", "plans": "free text."}},
        ["Withheld, identity coverage: many.", "Withheld, plans: free text."],
    ),
    "not comparable": ({"drift": ELSEWHERE}, ["Since 1 October 2026: not comparable. the rule is another."]),
    "no reason": ({"drift": replace(ELSEWHERE, reason=None)}, ["Since 1 October 2026: not comparable."]),
    "no drift": ({"drift": None}, ["here is no earlier framework to compare with."]),
    "no figures": ({"checks": Checks()}, ["The text holds no figure that could be taken for data."]),
    "no such figure": ({"checks": UNRESOLVED}, ["The author asked for figures that do not exist: web"]),
    "warning": ({"warnings": ["Half of it is missing."]}, ["About the data. Half of it is missing."]),
    "no persona": ({"personas": []}, ["No persona could be read from this answer"]),
    "one persona": ({"personas": [ONE]}, ["no persona for: Mostly mobile, Mostly email, Several channels."]),
    "persona alone": ({"personas": [Persona(pattern="sms_dominant", name="The Stranger")]}, ["The Stranger"]),
    "no window": (
        {"rule": {"window_days": None}},
        ["were active in the time that their traits count", "er person in the traits' own window"],
    ),
    "raw events": ({"rule": RAW}, ["were active in the last 14 days"]),
    "cut": ({"source": FIRST, "population": LIMITED}, ["Reading stopped at the limit"], "shares are exact"),
    # A limit cuts a list and not a draw; where nobody was left out, the shares are exact.
    "drawn": ({"source": DRAWN, "population": LIMITED}, ["at random"], "Reading stopped", "shares are exact"),
    "rated": (rated(confidence=0.5), ["Mave rates its own answer: confidence 0.50."]),
    "rated oddly": (rated(confidence_score="high", hallucination_risk=["low"]), [], "Mave rates its own"),
    "not rated": (rated(), [], "Mave rates its own"),
    "all read": (
        {"source": {"sampling": "All 10 were read."}, "population": {"truncated": False}},
        ["shares are exact"],
        *("Reading stopped", "Sample data.", "Worded by rules"),
    ),
}


def changed(framework: Framework, changes: dict[str, Any]) -> Framework:
    """The framework with other parts; of the source, the population and the rule, with other fields."""
    inner = {name: value for name, value in changes.items() if name in {"source", "population", "rule"}}
    parts = {name: replace(getattr(framework, name), **fields) for name, fields in inner.items()}
    return replace(framework, **changes | parts)


@pytest.mark.parametrize("seen_in", [seen_in_html, seen_in_markdown])
@pytest.mark.parametrize("name", SAID)
def test_a_reader_finds_what_is_so_and_nothing_else(mave: Framework, seen_in: See, name: str) -> None:
    changes, expected, *unsaid = SAID[name]
    text = seen_in(changed(mave, changes))
    found = [phrase for phrase in (*expected, *unsaid) if phrase in text]
    assert found == expected


@pytest.mark.parametrize("seen_in", [seen_in_html, seen_in_markdown])
def test_sample_data_and_the_facts_author_are_plainly_marked(made: Made, seen_in: See) -> None:
    top = seen_in(made["facts"]).split("The personas")[0]
    assert ("Sample data." in top, "Worded by rules, not by Mave." in top) == (True, True)


COUNTED = {"sample": "30 days, from", "export": "before the export, from", "bigquery": "by Segment, from"}


@pytest.mark.parametrize("kind", COUNTED)
def test_who_counted_depends_on_the_source(mave: Framework, kind: str) -> None:
    assert COUNTED[kind] in seen_in_html(changed(mave, {"source": {"kind": kind}}))


def test_lifetime_value_that_is_missing_is_said_and_not_drawn(pages: dict[str, Page]) -> None:
    page = pages["stress"].html
    drawn = [words for words in ("Who holds the value", "$0") if words in page]
    assert ("the data hold no lifetime value" in page, drawn) == (True, [])


def test_a_text_that_is_too_long_is_cut_where_the_page_says_so(mave: Framework) -> None:
    long = replace(mave, strategy=model.Strategy(consistency="word " * 1_000_000))
    said = "Shortened here: the full text is in framework.json."
    assert [text.count(said) for text in (render.as_html(long), render.as_markdown(long))] == [1, 1]


WIDE = "\N{CJK UNIFIED IDEOGRAPH-6F22}"
LARGE = {
    "attack": (reports.ATTACKS, reports.ATTACK),
    "entities": ("&" * 30_000, "&" * 900),
    "wide characters": (f"{WIDE} " * 20_000, WIDE * 2_000),
    "tables": ("|a|b|\n|-|-|\n" + "|a|b|\n" * 3_000, "|" * 900),
}


@pytest.mark.slow
@pytest.mark.no_cover
@pytest.mark.parametrize("name", LARGE)
def test_a_page_never_outgrows_a_mail(name: str) -> None:
    large = reports.hostile(*LARGE[name], figures_count=700)
    sizes = {len(render.as_html(large).encode()), len(render.as_markdown(large).encode())}
    assert {size for size in sizes if size >= 300_000} == set()


@pytest.mark.slow
@pytest.mark.no_cover
def test_a_page_of_nothing_but_figures_does_not_either(made: Made) -> None:
    """Each leads to its fact, which takes a hundred times the figure's own room."""
    sections = dict.fromkeys(SECTIONS[:-1], "156 " * 1500)
    typed = replace(made["named"].checks.figures[0], text="156", fact="web_dominant.people")
    places = product(sections, range(0, 6_000, 4))
    figures = [replace(typed, section=section, start=start, end=start + 3) for section, start in places]
    persona = Persona(pattern="web_dominant", **sections)  # type: ignore[arg-type]
    page = render.as_html(replace(made["named"], personas=[persona], checks=Checks(figures=figures)))
    assert (len(page.encode()) < 300_000, page.count("Shortened here") > 1) == (True, True)


def test_lists_that_were_cut_say_how_much_is_missing() -> None:
    large = reports.hostile("short", "short", figures_count=700)
    page = Page(render.as_html(large)).text
    expected = "18 more warnings are in", "660 more are in", "82 more are in"
    assert [phrase for phrase in expected if f"{phrase} framework.json." not in page] == []


# --- Hostile text -------------------------------------------------------------------------------------


def test_nothing_from_outside_acts_in_the_page(pages: dict[str, Page]) -> None:
    page, calm = pages["hostile"], pages["mave"]
    acting = {"script", "img", "iframe", "object", "embed", "form", "input", "base", "foreignobject"}
    loading = {"src", "srcset", "data", "style"}
    alone = ("title", "style", "meta", "link", "html", "body")  # "title" is also a chart's name
    attributes = {name for _, attributes in page.elements for name in attributes}
    assert {tag for tag, _ in page.elements} & acting == set()
    assert {name for name in attributes if name.startswith("on") or name in loading} == set()
    assert [len(page.having(tag)) for tag in alone] == [len(calm.having(tag)) for tag in alone]
    assert_links_of_the_web([a["href"] for a in page.links(inside=False)])


def test_nothing_from_outside_acts_in_the_markdown(made: Made) -> None:
    markdown = MarkdownIt("commonmark", {"html": True}).enable("table")
    parsed = markdown.parse(render.as_markdown(made["hostile"]))
    tokens = [leaf for token in parsed for leaf in (token, *(token.children or []))]
    acting = {token.type for token in tokens} & {"html_block", "html_inline", "image", "fence", "code_inline"}
    assert acting == set()
    assert_links_of_the_web([token.attrs["href"] for token in tokens if token.type == "link_open"])


def assert_links_of_the_web(addresses: list[object]) -> None:
    evil = [url for url in addresses if not re.fullmatch(r"https://(ok|good)\.example/[^\s\"'<>]+", str(url))]
    assert (len(addresses) > 10, evil) == (True, [])


# --- JSON ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mave", "facts", "stress"])
def test_the_json_is_the_framework_again_indented_for_people(name: str, made: Made) -> None:
    written = render.as_json(made[name])
    assert written.startswith(b'{\n  "schema": "persona-framework/2",\n  "run_id": "2026-W48",\n')
    assert msgspec.json.decode(written, type=Framework) == made[name]


def test_a_source_without_a_title_is_called_by_its_site(mave: Framework) -> None:
    source = model.WebSource(title=" ", url="https://a.example/b", domain="bank.example")
    trace = model.MaveTrace(thread_id=None, message_ids=[], credits_used=0, sources=[source])
    page = Page(render.as_html(replace(mave, mave=trace)))
    [link] = page.links(inside=False)
    assert (link["href"], ">a.example</a>" in page.html) == ("https://a.example/b", True)


def test_whatever_is_taken_out_of_a_text_is_no_printable_character() -> None:
    """Python's own table tells a line that needs no cleaning."""
    printable = "".join(filter(str.isprintable, map(chr, range(0x110000))))
    assert not escaping.UNPRINTABLE.search(printable)
    assert not escaping.SURROGATE.search(printable)
