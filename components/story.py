"""The story of one customer: their events in the company's time, what stands out in them, and the words for it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pandas as pd
import plotly.graph_objects as go

from components import ask, cards, charts, layout, words
from data.catalog import DIMENSIONS, FACTS, METRICS, Unit, attribute
from data.contract import UNKNOWN
from data.question import Listing, Question, View

MOST_EVENTS = 10_000
FACTS_SHOWN = ("roi_rank", "roi_state", "roi_shrunk", "roi_low", "roi_high", "rank_low", "rank_high", "margin_rank")
METRICS_SHOWN = ("roi", "net_contribution", "margin", "cost", "acquisition_cost", "revenue", "orders")
LABELS = {"occurred_at": "When", "kind": "What", "what": "In detail", "events": "Rows"}
UNITS = {"events": Unit.COUNT, "margin": Unit.MONEY, "cost": Unit.MONEY, "revenue": Unit.MONEY}


def question(view: View) -> Question:
    """Figures and facts of the customer, as far as this build knows them."""
    metrics = tuple(name for name in METRICS_SHOWN if not layout.missing_of(METRICS[name].needs))
    facts = tuple(name for name in FACTS_SHOWN if not layout.missing_of(FACTS[name].needs))
    return Question(metrics, ("customer_id",), view, facts)


def part(asked: Question, *names: str) -> Question:
    """The same question about only some of its figures, for a passport that one reads to the end."""
    return Question(
        tuple(n for n in names if n in METRICS), asked.by, asked.view, tuple(n for n in names if n in FACTS)
    )


def attributes(view: View) -> list[tuple[str, str]]:
    """What the customers feed says of the customer, label and value; nothing that is not known."""
    names = list(ask.current().manifest["filters"])
    if not names:
        return []
    row = ask.ask(Question(("orders",), ("customer_id", *names), view)).iloc[0]
    labels = {name: (DIMENSIONS.get(name) or attribute(name)).label for name in names}
    return [(labels[name], str(row[name])) for name in names if row[name] != UNKNOWN]


def events(view: View) -> pd.DataFrame:
    """Everything that happened, earliest first, in the company's zone. Where nobody said when they joined, nothing is made up."""
    rows = ask.ask(Listing("timeline", view, limit=MOST_EVENTS)).copy()
    rows["occurred_at"] = local(rows["occurred_at"])
    return rows if not layout.missing_of(["customers.joined_at"]) else rows[rows["kind"] != "joined"]


def marks(rows: pd.DataFrame) -> pd.DataFrame:
    """One row for what happened at once: the lines of an order are one event, named after the first."""
    grouped = rows.groupby(["occurred_at", "kind"], sort=True, as_index=False)
    found = grouped.agg(what=("what", "first"), channel=("channel", "first"), events=("what", "size"),
                        revenue=("revenue", "sum"), margin=("margin", "sum"), cost=("cost", "sum"))  # fmt: skip
    found["what"] = found["what"].str.removesuffix(f" {UNKNOWN}")
    more = [
        f"{what} and {count - 1} more" if count > 1 else what for what, count in zip(found["what"], found["events"])
    ]
    return found.assign(what=more)


def local(moments: pd.Series) -> pd.Series:
    """Moments in UTC as the company's clocks showed them."""
    zone = ask.current().manifest["zone"]
    return pd.to_datetime(moments).dt.tz_localize("UTC").dt.tz_convert(zone).dt.tz_localize(None)


def as_of() -> datetime:
    """The end of the data, as the company's clocks showed it."""
    moment = datetime.fromisoformat(ask.current().manifest["as_of"])
    return moment.astimezone(ZoneInfo(ask.current().manifest["zone"])).replace(tzinfo=None)


def with_cost_of_winning(rows: pd.DataFrame, found: pd.Series) -> tuple[pd.DataFrame, str]:
    """The events with what winning the customer cost on the day they joined, and a sentence saying what was counted.

    Where the relationship is older than the data, what it earned before is unknown, so its price is left out as well.
    """
    price = found.get("acquisition_cost", 0.0)
    first = pd.Timestamp(ask.current().manifest["first_month"])
    joined = rows.loc[rows["kind"] == "joined", "occurred_at"]
    older = f"The relationship is older than the data, which begins in {words.month(first)}: what came before is not counted."
    if not len(joined) or joined.iloc[0] < first:
        return rows[rows["occurred_at"] >= first], older if len(joined) else ""
    if not words.known(price) or not price:
        return rows, ""
    cost = words.money(price, ask.current().manifest["currency"])
    before = min(joined.iloc[0], rows["occurred_at"].min()) - pd.Timedelta(
        seconds=1
    )  # paid before the first order, not with it
    paid = pd.DataFrame([{"occurred_at": before, "margin": 0.0, "cost": price}])
    return pd.concat(
        [rows, paid]
    ), f"It begins with {cost} for winning the customer, which ROI and net contribution leave out."


def timeline(rows: pd.DataFrame, window: tuple[date, date] | None, currency: str) -> go.Figure:
    """The timeline with the end of the data, and the days on which the next order would be usual."""
    figure = charts.timeline(rows, currency)
    end = as_of()
    figure.add_vline(x=end, line={"color": charts.QUIET, "width": 1, "dash": "dot"})
    right = end
    if window:
        first, last = (pd.Timestamp(day) for day in window)
        figure.add_vrect(x0=first, x1=last, fillcolor=charts.SECOND, opacity=0.18, line_width=0)
        right = max(end, last)
    left = rows["occurred_at"].min()
    room = (right - left) * 0.03
    figure.update_xaxes(range=[left - room, right + room])
    return figure


def rhythm_title(beat: Any) -> str:
    """How often the customer orders, and whether the next order is late by their own habit."""
    if beat is None:
        return "No order on record"
    last = (
        f"last order {words.days(beat.since)} before the data's end"
        if beat.since
        else "the last order is on the data's last day"
    )
    if beat.usual is None:
        return f"{words.counted(beat.order_days, 'order day')}: too few for a rhythm; {last}"
    return f"Usually every {words.days(beat.usual)}; {last}" + (", later than usual" if beat.late else "")


def rhythm_words(beat: Any) -> str:
    """The same in full: the spread of the gaps, the window, and how to read the band."""
    if beat is None or beat.usual is None:
        return "A rhythm needs four days with orders."
    first, last = (words.day(day) for day in beat.window)
    return (
        f"Eight in ten of its gaps are {words.count(beat.short)} to {words.days(beat.long)}, so the next order was usual "
        f"from {first} to {last}: the band in the chart. The dotted line is the end of the data."
    )


def payback_title(found: Any) -> str:
    """When the customer had paid back what was spent."""
    if found.at is None:
        return "Not paid back yet"
    return f"Paid back on {words.day(found.at)}" if found.was_below else "Never below zero: nothing had to be paid back"


def timeline_words(happened: pd.DataFrame, beat: Any) -> str:
    """The timeline for those who do not see it: how many of what, since when."""
    number = happened["kind"].value_counts()
    what = words.listed([f"{kind} {words.count(count)}" for kind, count in number.items()])
    since = f" since {words.day(happened['occurred_at'].min())}" if len(happened) else ""
    return f"Timeline{since}. {what}. {rhythm_title(beat)}"


def consent_title(rows: pd.DataFrame) -> str:
    """Which channels may be used, by what the customer said."""
    no = sorted(set(rows.loc[~rows["allowed"].astype(bool), "channel"]))
    yes = sorted(set(rows["channel"]) - set(no))
    parts = [f"agreed to {words.listed(yes)}"] * bool(yes) + [f"refused {words.listed(no)}"] * bool(no)
    return words.safe_text("; ".join(parts).capitalize())


def consents(rows: pd.DataFrame) -> pd.DataFrame:
    """What the customer allows, in words."""
    said = ["allowed" if allowed else "not allowed" for allowed in rows["allowed"]]
    when = [words.figure(at, Unit.MOMENT) for at in local(rows["recorded_at"])]
    return pd.DataFrame({"channel": rows["channel"], "purpose": rows["purpose"], "says": said, "since": when})


def written(rows: pd.DataFrame) -> pd.DataFrame:
    """Events as the table shows them."""
    when = [f"{words.day(at)}, {at:%H:%M}" for at in rows["occurred_at"]]
    columns = ["kind", "what", "channel", "revenue", "margin", "cost"]
    if layout.missing_of(("lines.cost",)):
        columns.remove("margin")
    return rows[columns].assign(channel=rows["channel"].fillna("")).assign(occurred_at=when)[["occurred_at", *columns]]


def crm_link(key: str) -> str:
    """The customer in the company's own system; empty when it has none."""
    template = ask.current().manifest.get("crm_link") or ""
    return template.replace("{customer_id}", quote(key, safe="")) if template.startswith("https://") else ""


def figures(found: pd.Series, asked: Question, segment: str, beat: Any) -> None:
    """The customer's key figures, each with what it must be read with."""
    currency, company = ask.current().manifest["currency"], View(asked.view.scope)
    with cards.row(4):
        if found.get("roi_state") == "rated":
            among = f"of {words.count(ask.count(Question((), ('customer_id',), company.only('roi_state', 'rated'))))} rated; " \
                if company.scope.everything else ""  # fmt: skip
            between = f"{words.count(found['rank_low'])} to {words.count(found['rank_high'])}"
            cards.card(
                "Rank by ROI",
                words.count(found["roi_rank"]),
                f"{among}80 % interval {between}",
                part(asked, "roi_rank", "rank_low", "rank_high"),
            )
            of_segment = (
                ask.ask(Question(("roi",), view=company.only("segment", segment)))["roi"].iloc[0] if segment else None
            )
            beside = (
                f"; segment {words.safe_text(segment)} {words.ratio(of_segment)}" if words.known(of_segment) else ""
            )
            cards.card("ROI, shrunk", words.ratio(found["roi_shrunk"]),
                       f"80 % interval {words.ratio(found['roi_low'])} to {words.ratio(found['roi_high'])}; "
                       f"unshrunk {words.ratio(found['roi'])}{beside}",
                       part(asked, "roi", "roi_shrunk", "roi_low", "roi_high"))  # fmt: skip
        elif "roi_state" in found and "roi" in found:
            cards.card("ROI", "Not rated", words.safe_text(found["roi_state"]), part(asked, "roi", "roi_state"))
        if "net_contribution" in found:
            parts = f"{words.money(found['margin'], currency)} margin less {words.money(found['cost'], currency)} investment"
            cards.card(
                "Net contribution",
                words.money(found["net_contribution"], currency, short=True),
                words.safe_text(parts),
                part(asked, "net_contribution", "margin", "cost"),
            )
        else:
            cards.card(
                "Revenue",
                words.money(found["revenue"], currency, short=True),
                "costs are not in the data",
                part(asked, "revenue"),
            )
        often = (
            f"usually every {words.days(beat.usual)}"
            if beat is not None and beat.usual is not None
            else "no rhythm yet"
        )
        cards.card("Orders", words.count(found["orders"]), often, part(asked, "orders"))
