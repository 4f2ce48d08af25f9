"""The story of one customer: their events in the company's time, their key figures, and the words for both."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from components import access, ask, cards, charts, exports, layout, tables, words
from data.catalog import DIMENSIONS, FACTS, METRICS, Unit, attribute
from data.contract import UNKNOWN
from data.question import Listing, Question, View

MOST_EVENTS = 10_000
EXPECTED = ("risk_band", "quadrant", "lifecycle", "response_state", "best_channel", "profile")  # said below, with proof
MARGIN = 104  # pixels: room for the longest kind of event
SCORES = ("roi_rank", "roi_state", "roi_shrunk", "roi_low", "roi_high", "rank_low", "rank_high")
SUMS = ("roi", "net_contribution", "margin", "cost", "acquisition_cost", "revenue", "orders")
LABELS = {"occurred_at": "When", "kind": "What", "what": "In detail", "margin": "Margin", "cost": "Investment"}
UNITS = dict.fromkeys(("revenue", "margin", "cost"), Unit.MONEY)


# What is asked


def question(view: View) -> Question:
    """Figures and facts of the customer, as far as this build knows them."""
    metrics = tuple(name for name in SUMS if not layout.missing_of(METRICS[name].needs))
    facts = tuple(name for name in SCORES if not layout.missing_of(FACTS[name].needs))
    return Question(metrics, ("customer_id",), view, (*facts, "first_order_at", "last_order_at"))


def part(asked: Question, *names: str) -> Question:
    """The same question about only some of its figures, for a passport that one reads to the end."""
    metrics = tuple(name for name in names if name in asked.metrics)
    return Question(metrics, asked.by, asked.view, tuple(name for name in names if name in asked.facts))


def attributes(view: View) -> dict[str, str]:
    """What is known of the customer, label and value, out of what one can filter by; not what is only expected."""
    names = tuple(name for name in ask.current().manifest["filters"] if name not in EXPECTED)
    row = ask.ask(Question(("orders",), ("customer_id", *names), view)).iloc[0]
    labels = {name: (DIMENSIONS.get(name) or attribute(name)).label for name in names}
    return {labels[name]: str(row[name]) for name in names if row[name] != UNKNOWN}


def events(view: View) -> pd.DataFrame:
    """Everything that happened, earliest first, in the company's zone; joining only where a feed says when that was."""
    rows = ask.ask(Listing("timeline", view, limit=MOST_EVENTS))
    rows = rows.assign(occurred_at=local(rows["occurred_at"]))
    return rows[rows["kind"] != "joined"] if layout.missing_of(("customers.joined_at",)) else rows


def marks(rows: pd.DataFrame) -> pd.DataFrame:
    """One row for what happened at once: the lines of an order are one event, named after the first of them."""
    named = rows.assign(what=rows["what"].str.removesuffix(f" {UNKNOWN}"), lines=1)
    together = named.groupby(["occurred_at", "kind"], sort=True, as_index=False)
    first = dict.fromkeys(("what", "channel"), "first")
    found = together.agg(first | dict.fromkeys(("lines", "revenue", "margin", "cost"), "sum"))
    more = [f"{what} and {lines - 1} more" if lines > 1 else what for what, lines in zip(found["what"], found["lines"])]
    return found.assign(what=more)


def table(happened: pd.DataFrame, view: View, currency: str) -> None:
    """A page of the customer's events, and every single one of them to take along."""
    tables.table(written(happened), "Events of this customer, the latest first", currency, LABELS, UNITS)
    exports.offer(Listing("timeline", view), "customer_events", labels=LABELS, units=UNITS)


def local(moments: pd.Series) -> pd.Series:
    """Moments in UTC as the company's clocks showed them."""
    zone = ask.current().manifest["zone"]
    return pd.to_datetime(moments).dt.tz_localize("UTC").dt.tz_convert(zone).dt.tz_localize(None)


def as_of() -> datetime:
    """The end of the data, as the company's clocks showed it."""
    manifest = ask.current().manifest
    return datetime.fromisoformat(manifest["as_of"]).astimezone(ZoneInfo(manifest["zone"])).replace(tzinfo=None)


def with_acquisition(rows: pd.DataFrame, found: pd.Series) -> tuple[pd.DataFrame, str]:
    """The events with what winning the customer cost in front, and a sentence on what is counted.

    Where the relationship is older than the data, what it earned before is unknown, so that cost is left out as well.
    """
    price, joined = found.get("acquisition_cost"), rows.loc[rows["kind"] == "joined", "occurred_at"]
    begins = pd.Timestamp(ask.current().manifest["first_month"])
    if len(joined) and joined.iloc[0] < begins:
        old = f"The relationship is older than the data, which begins in {words.month(begins)}; only that is counted."
        return rows[rows["occurred_at"] >= begins], old
    if not (words.known(price) and price and len(rows)):
        return rows, ""
    # a second before all else: it was paid to win the first order
    paid = pd.DataFrame(
        {"occurred_at": [rows["occurred_at"].min() - pd.Timedelta(seconds=1)], "margin": 0.0, "cost": price}
    )
    cost = words.money(price, ask.current().manifest["currency"])
    return pd.concat([paid, rows]), f"It begins with {cost} for winning the customer, which ROI leaves out."


# What is shown


def header(key: str, known: dict[str, str]) -> None:
    """The key, what is known of the customer, and the way to the company's own system, which knows who it is."""
    access.looked_at("customer.view", f"customer:{key}", ask.current().id)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.header(words.safe_text(key), anchor=False, width="content")
        for label, value in known.items():
            st.markdown(f":gray-badge[{words.safe_text(label)}: {words.safe_text(value, 60)}]", width="content")
        if link := crm_link(key):
            st.link_button("Open in the CRM", link, icon=":material/open_in_new:", type="tertiary")


def crm_link(key: str) -> str:
    """The customer in the company's own system; empty when it has none."""
    template = ask.current().manifest.get("crm_link") or ""
    return template.replace("{customer_id}", quote(key, safe="")) if template.startswith("https://") else ""


def figures(found: pd.Series, asked: Question, segment: str, beat: Any) -> None:
    """The customer's key figures, each with what it must be read with."""
    currency = ask.current().manifest["currency"]
    with cards.row(4):
        if found.get("roi_state") == "rated":
            rating(found, asked, segment)
        elif "roi" in found:
            cards.card("ROI", "Not rated", str(found["roi_state"]), part(asked, "roi", "roi_state"))
        if "net_contribution" in found:
            margin, cost = (words.money(found[name], currency) for name in ("margin", "cost"))
            net = words.money(found["net_contribution"], currency, short=True)
            behind = part(asked, "net_contribution", "margin", "cost")
            cards.card("Net contribution", net, f"{margin} margin less {cost} investment", behind)
        else:
            revenue = words.money(found["revenue"], currency, short=True)
            lacks = "cost" if layout.missing_of(("lines.cost",)) else "what contacts cost"
            cards.card("Revenue", revenue, f"{lacks} is not in the data", part(asked, "revenue"))
        often = "no rhythm yet"
        if beat is not None and beat.usual is not None:
            often = f"usually every {words.days(beat.usual)}, now {words.count(beat.since)}"
        cards.card("Orders", words.count(found["orders"]), often, part(asked, "orders"))


def rating(found: pd.Series, asked: Question, segment: str) -> None:
    """Rank and ROI with their intervals, beside the segment's ROI."""
    company = View(asked.view.scope)
    beside = ""
    within = "rated" if company.scope.everything else "rated that you may see"
    of = f"of {words.count(ask.count(Question((), ('customer_id',), company.only('roi_state', 'rated'))))} {within}; "
    if segment:
        of_segment = ask.ask(Question(("roi",), view=company.only("segment", segment)))["roi"].iloc[0]
        beside = f"; segment {segment} {words.figure(of_segment, Unit.RATIO)}"
    low, high = (words.count(found[name]) for name in ("rank_low", "rank_high"))
    behind = part(asked, "roi_rank", "rank_low", "rank_high")
    cards.card("Rank by ROI", words.count(found["roi_rank"]), f"{of}80 % interval {low} to {high}", behind)
    shrunk, low, high, roi = (words.ratio(found[name]) for name in ("roi_shrunk", "roi_low", "roi_high", "roi"))
    behind = part(asked, "roi", "roi_shrunk", "roi_low", "roi_high")
    cards.card("ROI, shrunk", shrunk, f"80 % interval {low} to {high}; unshrunk {roi}{beside}", behind)


def timeline(rows: pd.DataFrame, window: tuple[date, date] | None, currency: str) -> go.Figure:
    """The timeline with the end of the data, and the days on which the next order would be usual."""
    figure = charts.timeline(rows, currency)
    figure.add_vline(x=as_of(), line={"color": charts.QUIET, "width": 1, "dash": "dot"})
    if window:
        first, last = map(pd.Timestamp, window)
        figure.add_vrect(x0=first, x1=last, fillcolor=charts.SECOND, opacity=0.18, line_width=0)
    return same_time(figure, rows, window)


def cumulative(
    run: pd.DataFrame, rows: pd.DataFrame, window: tuple[date, date] | None, back: Any, currency: str
) -> go.Figure:
    """The running total, on the time axis of the timeline above it."""
    last = pd.DataFrame({"occurred_at": [as_of()], "total": [back.ends]})
    figure = charts.cumulative(
        pd.concat([run, last]), "occurred_at", "total", currency, back.at if back.was_below else None
    )
    return same_time(figure, rows, window)


def same_time(figure: go.Figure, rows: pd.DataFrame, window: tuple[date, date] | None) -> go.Figure:
    """From the first event to the end of the data or of the window; as far from the left as every other chart here."""
    left, right = rows["occurred_at"].min(), max(map(pd.Timestamp, (as_of(), *(window or ()))))
    room = (right - left) * 0.03
    figure.update_yaxes(automargin=False)
    return figure.update_layout(margin_l=MARGIN, xaxis_range=[left - room, right + room])


def written(rows: pd.DataFrame) -> pd.DataFrame:
    """Events as the table shows them: an amount only where there is one."""
    shown = rows.assign(occurred_at=[f"{words.day(at)}, {at:%H:%M}" for at in rows["occurred_at"]])
    for name in UNITS:
        shown[name] = shown[name].where(shown[name] != 0)
    names = [name for name in UNITS if name == "revenue" or not layout.missing_of(METRICS[name].needs)]
    channel = ["channel"] if shown["channel"].notna().any() else []
    return shown[["occurred_at", "kind", "what", *channel, *names]]


def consents(rows: pd.DataFrame) -> pd.DataFrame:
    """What the customer allows, in words."""
    said = ["allowed" if allowed else "not allowed" for allowed in rows["allowed"]]
    when = [words.figure(at, Unit.MOMENT) for at in local(rows["recorded_at"])]
    return pd.DataFrame({"channel": rows["channel"], "purpose": rows["purpose"], "says": said, "since": when})


# Words


def rhythm_title(beat: Any) -> str:
    """How often the customer orders, and whether the next order is late by their own habit."""
    if beat is None:
        return "No order on record"
    last = (
        f"last order {words.days(beat.since)} before the data's end"
        if beat.since
        else "last order on the data's last day"
    )
    if beat.usual is None:
        return f"{words.counted(beat.order_days, 'order day')}, too few for a rhythm; {last}"
    return f"Usually every {words.days(beat.usual)}; {last}" + (", later than usual" if beat.late else "")


def rhythm_words(beat: Any) -> str:
    """The same in full: the spread of the gaps, the window, and how to read the chart."""
    if beat is None or beat.usual is None:
        return "The dotted line is the end of the data."
    first, last = (words.day(day) for day in beat.window)
    gaps = f"{words.count(beat.short)} to {words.days(beat.long)}"
    return (
        f"Eight in ten gaps between order days are {gaps}, so the next order was usual from {first} to {last}: "
        "the band. The dotted line is the end of the data."
    )


def timeline_words(rows: pd.DataFrame, beat: Any) -> str:
    """The timeline for those who do not see it: how many of what, since when."""
    what = words.listed([f"{kind} {words.count(number)}" for kind, number in rows["kind"].value_counts().items()])
    return f"Timeline since {words.day(rows['occurred_at'].min())}. {what}. {rhythm_title(beat)}."


def payback_title(found: Any) -> str:
    """When the customer had paid back what was spent."""
    if found.at is None:
        return "Not paid back yet"
    return f"Paid back on {words.day(found.at)}" if found.was_below else "Never below zero: nothing had to be paid back"


def consent_title(rows: pd.DataFrame) -> str:
    """Which channels may be used, by what the customer said."""
    no = sorted(set(rows.loc[~rows["allowed"].astype(bool), "channel"]))
    yes = sorted(set(rows["channel"]) - set(no))
    parts = [f"agreed to {words.listed(yes)}"] * bool(yes) + [f"refused {words.listed(no)}"] * bool(no)
    return words.safe_text(words.sentence("; ".join(parts)))
