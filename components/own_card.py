"""A partner's own scorecard: its targets, its customers, its categories, and its peers as bands; nobody else's name.

Everything is made of the partner's own sales, except the bands: quartiles of more than ten partners, rounded. What the
company earned is no part of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import pandas as pd
import streamlit as st

from components import ask, charts, filters, layout, months, scorecard, tables, whole_company, words
from data.catalog import METRICS, Unit
from data.contract import UNKNOWN
from data.question import Listing, Question, View

MOST = 15  # categories shown
AIMED = ("revenue", "orders")  # what adds up over months and is no affair of the company's alone
SHOWN = ("revenue", "growth", "customers", "return_rate")  # no margin, and nothing that tells of others
LABELS = {"measure": "Figure", "own": "Own", "low": "Middle half from", "high": "to", "place": "Own place"}
PARTS = {"share": "Share of the revenue"}


def profiles(view: View) -> pd.DataFrame:
    """Who the reader is: partner_id, partner_name, partner_type; usually one row."""
    rows = ask.ask(Listing("partner_profile", View(view.scope)))
    return rows[rows["partner_id"] != UNKNOWN][["partner_id", "partner_name", "partner_type"]]


def who(rows: pd.DataFrame) -> None:
    """Name and kind."""
    for row in rows.itertuples(index=False):
        kind = "" if row.partner_type == UNKNOWN else f" · {words.safe_text(row.partner_type)}"
        key = words.safe_text(row.partner_id, 60)
        st.markdown(f"**{words.safe_text(row.partner_name)}** :gray[{key}{kind}]")


def nothing_sold(view: View) -> bool:
    """Whether there is no sale and no return in these months."""
    return ask.ask(Question(("revenue",), ("month",), view)).empty


def trend(view: View, earlier: View | None) -> None:
    """Revenue and returns by month, with the compared months as a ghost."""
    by_month = ask.monthly(("revenue", "returns"), view)
    now = ask.ask(Question(("revenue",), view=view))["revenue"].iloc[0]
    before = ask.ask(Question(("revenue",), view=earlier))["revenue"].iloc[0] if earlier else None
    moved = words.moved(METRICS["revenue"], now, before)
    title = words.sentence(f"{moved} {filters.than() if earlier else 'month by month'}")
    layout.finding(title, by_month)
    ghost = ask.ask(ask.monthly(("revenue", "returns"), earlier)) if earlier else None
    currency = ask.current().manifest["currency"]
    drawn = charts.trend(ask.ask(by_month), ("revenue", "returns"), currency, ghost, filters.steps())
    charts.draw(drawn, alt=f"By month. {title}.")


# Targets


@dataclass(frozen=True)
class Pace:
    """A target and how far it is: of `months` months of its period so many are complete."""

    metric: str
    period: str
    aim: Decimal
    sold: Decimal
    complete: int
    months: int

    @property
    def due(self) -> Decimal:
        """What would be there by now at an even pace."""
        return self.aim * self.complete / self.months


def paces(view: View, key: str) -> list[Pace]:
    """The partner's targets of the latest period that has begun, a metric each."""
    rows = ask.ask(Listing("partner_target", View(view.scope).only("partner_id", key)))
    last = date.fromisoformat(ask.current().manifest["last_complete_month"] or ask.current().manifest["first_month"])
    found = []
    for metric in AIMED:
        spans = {str(row.period): span_of(str(row.period)) for row in rows[rows["metric"] == metric].itertuples()}
        begun = [period for period, (first, _) in spans.items() if first <= last]
        if not begun:
            continue
        period = max(begun, key=lambda one: (spans[one][0], len(one)))
        first, end = spans[period]
        until = min(end, last)
        asked = Question((metric,), view=View(view.scope, (("partner_id", (key,)),), first, until))
        aim = rows[(rows["metric"] == metric) & (rows["period"].astype(str) == period)]["value"].iloc[0]
        sold = words.exact(ask.ask(asked)[metric].iloc[0])
        found.append(
            Pace(metric, period, words.exact(aim), sold, months.between(first, until), months.between(first, end))
        )
    return found


def span_of(period: str) -> tuple[date, date]:
    """First and last month of '2026' or '2026-11'."""
    year, _, month = period.partition("-")
    return date(int(year), int(month or 1), 1), date(int(year), int(month or 12), 1)


def targets(view: View, rows: pd.DataFrame) -> None:
    """Actual against target, and against an even pace."""
    currency = ask.current().manifest["currency"]
    found = [(row.partner_name, pace) for row in rows.itertuples(index=False) for pace in paces(view, row.partner_id)]
    if not found:
        layout.quiet("No target is agreed for you in the data.")
        return
    for name, pace in found:
        metric = METRICS[pace.metric]
        sold, aim, due = (
            words.figure(one, metric.unit, currency, short=True) for one in (pace.sold, pace.aim, pace.due)
        )
        reached = f", {words.share(pace.sold / pace.aim)} of it" if pace.aim > 0 else ""
        whose = f"{words.safe_text(name)}: " if len(rows) > 1 else ""
        layout.finding(f"{whose}Target {pace.period}: {metric.label.lower()} of {sold}{reached}")
        if pace.complete < pace.months:
            st.markdown(layout.against_target(metric, pace.sold, pace.due, currency).replace("target", "even pace"))
            part = f"{words.count(pace.complete)} of {words.counted(pace.months, 'month')}"
            layout.quiet(f"{part} are complete. Of {aim}, an even pace would be {due} by now; seasons are not in it.")
        else:
            st.markdown(layout.against_target(metric, pace.sold, pace.aim, currency))


# Customers and categories


def customers(view: View) -> None:
    """How many customers are new: who never bought from the partner before these months."""
    since, until = view.since, view.until
    first = date.fromisoformat(ask.current().manifest["first_month"])
    if since is None or until is None or since <= first:
        layout.quiet("Which customers are new is not known: the data begins with these months.")
        return
    before = view.between(None, months.shifted(since, -1))
    ever, earlier = (count(view.between(None, until)), count(before))
    bought, new = count(view), ever - earlier
    part = f", {words.share(new / bought)} of them" if bought else ""
    layout.finding(
        f"{words.counted(new, 'customer')} of {words.count(bought)} bought from you for the first time{part}"
    )
    layout.quiet(f"Against your own sales from {words.month(first)} on. What they bought elsewhere is not part of it.")


def count(view: View) -> int:
    """Different customers with a sale."""
    return int(ask.ask(Question(("customers",), view=view))["customers"].iloc[0])


def categories(view: View) -> None:
    """What the partner sells, by category."""
    question = Question(("revenue", "returns", "return_rate"), ("category",), view, limit=1_000)
    found = ask.ask(question)
    sold = found[found["revenue"] > 0]
    if not len(sold):
        layout.quiet("No category has revenue in these months.")
        return
    currency, total = ask.current().manifest["currency"], sold["revenue"].sum()
    top = sold.iloc[0]
    title = (
        f"{words.safe_text(top['category'], 60)} brings {words.share(top['revenue'] / total)} of what categories sell"
    )
    layout.finding(title, question, found)
    charts.draw(charts.bars(sold[:MOST], "category", METRICS["revenue"], currency), alt=f"Bars of revenue. {title}.")
    shown = found[:200].assign(share=[value / total if value > 0 else None for value in found["revenue"][:200]])
    order = ["category", "revenue", "share", "returns", "return_rate"]
    tables.table(shown[order], "Own categories", currency, PARTS, {"share": Unit.SHARE}, key="own_categories")


# Peers


def peers(view: View, rows: pd.DataFrame) -> None:
    """The partner's place among others of its kind, as bands."""
    bands = whole_company.listing("peer_band")
    currency = ask.current().manifest["currency"]
    years = ask.ask(Listing("partner_year", View(view.scope))).set_index("partner_id")
    for row in rows.reset_index(drop=True).itertuples():
        if row.partner_id not in years.index:
            continue
        shown = placed(years.loc[row.partner_id], str(row.partner_type), bands, currency)
        if not len(shown):
            layout.quiet(
                "Others are shown as bands only, of more than ten partners; there are too few to say anything."
            )
            continue
        whose = f"{words.safe_text(row.partner_name)} " if len(rows) > 1 else ""
        first = shown.iloc[0]
        layout.finding(f"{whose}{first['measure']}: {words.safe_text(first['place'])}")
        tables.table(shown, "Own figures beside bands of other partners", currency, LABELS, key=f"peers_{row.Index}")
    layout.quiet(
        "Over the last 12 complete months, whatever months are chosen above. The middle half lies between the quarter "
        "with least and the quarter with most, rounded to two digits; no single partner can be told from it."
    )


def placed(year: pd.Series, kind: str, bands: pd.DataFrame, currency: str) -> pd.DataFrame:
    """A row a measure: own figure, the middle half of its kind (of all where its kind is too few), and the place."""
    now, _ = scorecard.measures(year, margin=False)
    of, band = scorecard.peers(kind, bands)
    found = []
    for name in SHOWN:
        if name not in band.index or not words.known(now[name]):
            continue
        measure, row = scorecard.MEASURES[name], band.loc[name]
        number = words.count(row["members"])
        members = f"{number} partners" if of == scorecard.ALL else f"{number} partners of the kind {of}"
        written = [words.figure(float(one), measure.unit, currency) for one in (now[name], row["low"], row["high"])]
        place = f"{scorecard.place(now[name], row)} the middle half of {members}"
        found.append((measure.label, *written, place))
    return pd.DataFrame(found, columns=["measure", "own", "low", "high", "place"])
