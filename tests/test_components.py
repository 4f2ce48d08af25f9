"""Facts about what the screens are made of: words, months, the address, charts, tables and the theme."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components import address, charts, layout, months, score_charts, tables, words
from data.catalog import METRICS, Unit
from data.contract import FEEDS
from tests.conftest import ROOT

MANIFEST = {"first_month": "2024-10-01", "last_month": "2026-09-01", "last_complete_month": "2026-08-01"}


@pytest.mark.parametrize(
    ("value", "unit", "short", "text"),
    [
        (1234.5, Unit.MONEY, False, "€1,234.50"),
        (Decimal("0.005"), Unit.MONEY, False, "€0.01"),
        (-0.004, Unit.MONEY, False, "€0.00"),
        (-1234567.891, Unit.MONEY, True, "−€1.23\u202fM"),
        (999_999, Unit.MONEY, True, "€1.00\u202fM"),
        (99_950, Unit.MONEY, True, "€100\u202fk"),
        (999.6, Unit.MONEY, True, "€1.00\u202fk"),
        (2_400_000_000, Unit.MONEY, True, "€2.40\u202fbn"),
        (1832, Unit.COUNT, True, "1,832"),
        (1_832_000, Unit.COUNT, True, "1.83\u202fM"),
        (0.0686, Unit.SHARE, False, "6.9\u202f%"),
        (0.0031, Unit.SHARE, False, "0.31\u202f%"),
        (-1.005, Unit.RATIO, False, "−1.01"),
        (98.26, Unit.RATIO, False, "98.3"),
        (103.6, Unit.RATIO, False, "104"),
        (1, Unit.DAYS, False, "1 day"),
        (34.4, Unit.DAYS, False, "34 days"),
        (pd.Timestamp("2026-11-02 23:59"), Unit.MOMENT, False, "2 Nov 2026"),
        (None, Unit.MONEY, False, "–"),
        (float("nan"), Unit.COUNT, False, "–"),
        (pd.NaT, Unit.MOMENT, False, "–"),
    ],
)
def test_there_is_one_way_to_write_a_figure(value, unit, short, text):
    assert words.figure(value, unit, "EUR", short) == text


@pytest.mark.parametrize(
    ("now", "before", "unit", "text"),
    [
        (110, 100, Unit.MONEY, "+10.0\u202f%"),
        (90, 100, Unit.COUNT, "−10.0\u202f%"),
        (100, 100, Unit.COUNT, "±0.0\u202f%"),
        (0.069, 0.065, Unit.SHARE, "+0.4 points"),
        (0.0100, 0.0105, Unit.SHARE, "−0.05 points"),
        (2.5, 3.0, Unit.RATIO, "−0.50"),
        (10, 0, Unit.MONEY, ""),
        (10, -5, Unit.MONEY, ""),
        (None, 5, Unit.MONEY, ""),
    ],
)
def test_a_change_is_relative_for_sums_in_points_for_shares_and_unsaid_where_it_would_mislead(now, before, unit, text):
    assert words.change(now, before, unit) == text


def test_an_unusual_currency_is_written_by_its_code():
    assert words.money(-5, "CHF") == "−CHF\u202f5.00"


HOSTILE = [
    "![x](http://evil.example/p.png)",
    "[click](javascript:alert(1))",
    ":red[breach] :material/delete: $x^2$",
    "<b onclick=x>bold</b>",
    "`code` **bold** _em_ ~~gone~~ # head",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_markdown_comes_out_of_a_name(text):
    shown = words.safe_text(text)
    unescaped = [c for i, c in enumerate(shown) if c in "[]()`*_<>$:#!~" and (i == 0 or shown[i - 1] != "\\")]
    assert unescaped == []
    assert shown.replace("\\", "").replace("\u2060", "") == text


@pytest.mark.parametrize(
    "text",
    ["http://evil.example", "see https://evil.example/a", "www.evil.example", "WWW.evil.example", "a@evil.example"],
)
def test_no_bare_address_becomes_a_link(text):
    """GitHub's Markdown makes links of http://…, www.… and a@b.c in the finished text, whatever is escaped in it."""
    plain = words.safe_text(text).replace("\\", "")
    assert not re.search(r"https?://|www\.|\w@\w", plain, re.IGNORECASE)


def test_characters_that_hide_or_turn_text_around_are_spelled_out():
    assert words.visible("abc\u202egpj.exe\x00\u200b") == "abc[U+202E]gpj.exe[U+0000][U+200B]"
    assert len(words.visible("x" * 10_000)) == 200


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(-500, 500))
def test_shifting_months_agrees_with_the_calendar(day, steps):
    first = day.replace(day=1)
    expected = (pd.Timestamp(first) + pd.DateOffset(months=steps)).date()
    assert months.shifted(first, steps) == expected
    assert len(months.each(first, expected)) == (steps + 1 if steps >= 0 else 0)


@pytest.mark.parametrize(
    ("period", "window"),
    [
        ("12m", (date(2025, 9, 1), date(2026, 8, 1))),
        ("1m", (date(2026, 8, 1), date(2026, 8, 1))),
        ("ytd", (date(2026, 1, 1), date(2026, 8, 1))),
        ("2024", (date(2024, 10, 1), date(2024, 12, 1))),
        ("2026", (date(2026, 1, 1), date(2026, 9, 1))),
        ("all", (None, None)),
    ],
)
def test_a_period_is_made_of_complete_months_inside_the_data(period, window):
    assert months.window(period, MANIFEST) == window
    assert period in months.offered(MANIFEST)


def test_a_period_is_compared_only_with_months_that_are_in_the_data_and_do_not_overlap():
    first = date(2024, 10, 1)
    year = date(2025, 10, 1), date(2026, 9, 1)
    assert months.earlier(*year, "year", first) == (date(2024, 10, 1), date(2025, 9, 1))
    assert months.earlier(*year, "prior", first) == (date(2024, 10, 1), date(2025, 9, 1))
    assert months.earlier(date(2026, 7, 1), date(2026, 9, 1), "prior", first) == (date(2026, 4, 1), date(2026, 6, 1))
    assert months.earlier(date(2025, 9, 1), date(2026, 8, 1), "year", first) is None
    assert months.earlier(date(2025, 1, 1), date(2026, 9, 1), "year", date(2020, 1, 1)) is None


@pytest.mark.parametrize("value", ["0", "-1", "1.0", "01", "+1", " 1", "1e3", "٣", "9999999999", ""])
def test_a_page_number_is_a_plain_whole_number_from_one(value):
    assert not address.is_page_number(value)
    assert address.is_page_number("37")


@pytest.mark.parametrize("value", ["", "x" * 201, "a\nb", "a\u202eb", "\x00"])
def test_a_key_has_no_control_characters_and_ends(value):
    assert not address.is_key(value)
    assert address.is_key("C-0001/ä")


FRAME = pd.DataFrame({"month": pd.date_range("2026-01-01", periods=3, freq="MS"), "revenue": [1.0, 2.0, 3.0]})


def test_a_chart_without_a_text_alternative_or_with_too_many_marks_is_not_drawn():
    figure = charts.trend(FRAME, ["revenue"], "EUR")
    with pytest.raises(ValueError, match="text alternative"):
        charts.draw(figure, alt="")
    figure.add_scatter(x=list(range(charts.MOST_MARKS + 1)))
    with pytest.raises(ValueError, match="5,000"):
        charts.draw(figure, alt="many")


def test_no_label_of_a_chart_can_become_a_link():
    frame = pd.DataFrame({"segment": ["<a href='http://evil.example'>x</a>"], "revenue": [1.0]})
    figure = charts.bars(frame, "segment", METRICS["revenue"], "EUR")
    assert "<" not in figure.data[0].y[0]


def test_the_compared_period_is_drawn_over_the_months_it_is_compared_with():
    earlier = FRAME.assign(month=FRAME["month"] - pd.DateOffset(months=12))
    ghost, line = charts.trend(FRAME, ["revenue"], "EUR", earlier).data
    assert list(ghost.x) == list(line.x)


def test_months_before_the_first_figure_are_left_out():
    frame = pd.DataFrame({"month": pd.date_range("2026-01-01", periods=4, freq="MS"), "revenue": [0.0, 0.0, 5.0, 0.0]})
    (line,) = charts.trend(frame, ["revenue"], "EUR").data
    assert list(line.y) == [5.0, 0.0]


@pytest.mark.parametrize(
    ("steps", "begins_at_zero"),
    [
        ([("a", Decimal(100), True), ("b", Decimal(90), False), ("c", Decimal(190), True)], True),
        ([("a", Decimal(100), True), ("b", Decimal(3), False), ("c", Decimal(103), True)], False),
        ([("a", Decimal(-10), True), ("b", Decimal(3), False), ("c", Decimal(-7), True)], True),
    ],
)
def test_a_waterfall_begins_at_zero_unless_its_parts_could_not_be_seen_and_then_says_so(steps, begins_at_zero):
    figure = charts.bridge(steps, "EUR")
    low, high = figure.layout.xaxis.range
    assert low < high
    assert (low <= 0) == begins_at_zero
    assert ("begins at" in (figure.layout.xaxis.title.text or "")) != begins_at_zero


def test_every_kind_of_event_has_its_own_symbol():
    symbols = [symbol for symbol, _ in charts.SYMBOLS.values()]
    assert len(set(symbols)) == len(symbols)


def test_a_table_that_should_be_paged_on_the_server_is_refused():
    with pytest.raises(ValueError, match="page on the server"):
        tables.table(pd.DataFrame({"revenue": range(1_001)}), alt="too long")


def test_figures_stand_on_the_right_and_text_on_the_left():
    assert tables.column("revenue", Unit.MONEY, None, False)["alignment"] == "right"
    assert tables.column("segment", Unit.TEXT, None, False)["alignment"] == "left"


def test_a_missed_target_is_red_and_one_that_is_met_is_not():
    margin, cost = METRICS["margin"], METRICS["relationship_cost_ratio"]
    assert layout.against_target(margin, Decimal(86_000), Decimal(100_000), "EUR").startswith(":small[:red[")
    assert "€14.0\u202fk below the target of €100\u202fk" in layout.against_target(
        margin, Decimal(86_000), Decimal(100_000), "EUR"
    )
    assert ":green[" in layout.against_target(margin, Decimal(2), Decimal(1), "EUR")
    assert ":red[" in layout.against_target(cost, Decimal("0.07"), Decimal("0.05"), "EUR")


def test_every_metric_needs_only_what_the_contract_has():
    for metric in METRICS.values():
        for need in metric.needs:
            feed, _, column = need.partition(".")
            assert feed in FEEDS
            assert not column or column in FEEDS[feed].names


def test_finding_names_the_part_that_moved_most_in_the_direction_of_the_change():
    class Part:
        def __init__(self, name, amount):
            self.name, self.amount = name, Decimal(amount)

    parts = [Part("Customers", 500), Part("Gross margin rate", -2_000), Part("Cost to serve", -100)]
    assert words.because("Margin", parts, "EUR") == (
        "Margin fell by €1.60\u202fk, mostly through gross margin rate (−€2.00\u202fk)"
    )
    assert words.because("Margin", [Part("Customers", 0)], "EUR") == "Margin did not change"


THEME = tomllib.loads((ROOT / ".streamlit/config.toml").read_text(encoding="utf-8"))["theme"]


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2.2 from #rrggbb."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio of WCAG 2.2."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_and_marks_can_be_seen_in_both_themes(scheme):
    theme = THEME[scheme]
    for ground in (theme["backgroundColor"], theme["sidebar"]["backgroundColor"]):
        for name in ("textColor", "linkColor", *(name for name in theme if name.endswith("TextColor"))):
            if name not in ("dataframeHeaderTextColor",):
                assert contrast(theme[name], ground) >= 4.5, (scheme, name)
    assert contrast("#ffffff", theme["primaryColor"]) >= 4.5  # the words on chips of a chosen filter
    for name in ("gray", "blue"):
        assert contrast(theme[f"{name}TextColor"], theme[f"{name}BackgroundColor"]) >= 4.5, (scheme, name)
    marks = theme["chartCategoricalColors"]
    quiet = marks[4]  # what is compared with is meant to stand back
    assert all(contrast(mark, theme["backgroundColor"]) >= (2 if mark == quiet else 3) for mark in marks)
    assert len(set(marks)) == 9
    assert marks[-1] == theme["textColor"]  # words on a cell of a heat map, at the cell's strongest
    red, green, blue, opacity = map(float, score_charts.STRONG.removeprefix("rgba(").rstrip(")").split(","))
    ground = [int(theme["backgroundColor"][place : place + 2], 16) for place in (1, 3, 5)]
    cell = [round(opacity * one + (1 - opacity) * under) for one, under in zip((red, green, blue), ground, strict=True)]
    assert contrast(marks[-1], "#" + "".join(f"{one:02x}" for one in cell)) >= 4.5, scheme


def test_no_font_or_picture_comes_from_the_network():
    text = (ROOT / ".streamlit/config.toml").read_text(encoding="utf-8")
    assert "http" not in text.replace("https://docs", "")
    for picture in (ROOT / "components/assets").glob("*.svg"):
        content = picture.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "http" not in content
        assert "<script" not in content
