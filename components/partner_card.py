"""One partner: who it is, its key figures, its trend beside targets and the year before, and its place over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import streamlit as st

from components import access, ask, cards, charts, layout, model_cards, months, scorecard, words
from components import partner_charts as drawn
from components import partner_words as said
from data.catalog import METRICS, Unit
from data.contract import UNKNOWN
from data.question import Listing, Question, Refused, View

QUARTERS = 8
BADGES = {
    "partner_type": "Type",
    "tier": "Tier",
    "region": "Region",
    "manager_id": "Manager",
    "contact_level": "Decision maker",
}


# What is asked


def window() -> tuple[date, date]:
    """First and last of the last twelve complete months, as far as the data reaches."""
    since, until = months.window("12m", ask.current().manifest)
    assert since is not None and until is not None
    return since, until


def year_before() -> tuple[date, date]:
    """The twelve months before them."""
    since, until = window()
    return months.shifted(since, -12), months.shifted(until, -12)


def asked(own: View, *names: str) -> Question:
    """Sums of the partner over the year, as far as this build knows them."""
    known = tuple(name for name in names or scorecard.SUMS if not layout.missing_of(METRICS[name].needs))
    return Question(known, ("partner_id",), own.between(*window()))


def year(own: View) -> pd.Series | None:
    """The partner's year; None where nothing happened in it."""
    rows = ask.ask(Listing("partner_year", own))
    if not len(rows) or not rows[["revenue", "returns", "orders"]].iloc[0].any():
        return None
    return rows.iloc[0].astype(object)


def aims(own: View, metric: str) -> dict[str, Decimal]:
    """What is aimed at with this partner, by year or month."""
    rows = ask.ask(Listing("partner_target", own))
    rows = rows[rows["metric"] == metric]
    return {str(period): words.exact(value) for period, value in zip(rows["period"], rows["value"], strict=True)}


def aim(own: View, metric: str) -> Decimal | None:
    """The target of the year on the screen; None where a month of it has none."""
    if metric not in METRICS:
        return None
    return months.aim(aims(own, metric), *window(), adds_up=METRICS[metric].unit not in (Unit.SHARE, Unit.RATIO))


def amounts(rows: pd.DataFrame) -> np.ndarray:
    """What partners with revenue brought, to a hundredth of a cent; what has no partner takes no part."""
    brought = rows.loc[rows["partner_id"] != UNKNOWN, "revenue"].astype(float).round(4)
    return brought[brought > 0].to_numpy()


# What is shown


def header(known: pd.Series, found: pd.Series | None) -> None:
    """Name, key and what is known of the partner; the months that all figures are of."""
    key, name = str(known["partner_id"]), str(known["partner_name"])
    access.looked_at("partner.view", f"partner:{key}", ask.current().id)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.header(words.safe_text(name, 80), anchor=False, width="content")
        badges = {"Key": key} | {
            label: str(known[column]) for column, label in BADGES.items() if known[column] != UNKNOWN
        }
        if words.known(known["joined_at"]):
            badges["Partner since"] = words.month(known["joined_at"])
        for label, value in badges.items():
            st.markdown(f":gray-badge[{label}: {words.safe_text(value, 60)}]", width="content")
    limits = "" if access.scope(ask.current()).everything else " You see partners that you look after."
    compared = found is None or words.known(found["revenue_before"])
    layout.quiet(words.safe_text(said.span(*window(), compared), 300) + limits)


def nothing_sold(known: pd.Series) -> None:
    """A partner without sales in the year: since when."""
    layout.finding("Nothing was sold through this partner in the last 12 complete months")
    last = words.known(known["last_month"])
    layout.quiet(f"Its last sales were in {words.month(known['last_month'])}." if last else "It never sold anything.")


def figures(known: pd.Series, found: pd.Series, own: View) -> None:
    """The four key figures."""
    currency, margin = ask.current().manifest["currency"], not layout.missing_of(METRICS["gross_margin"].needs)
    now, before = scorecard.measures(found, margin)
    with cards.row(4):
        note = said.against_before(now["revenue"], before["revenue"], Unit.MONEY, currency)
        note += said.against_target(now["revenue"], aim(own, "revenue"), currency)
        cards.card("Revenue", words.money(now["revenue"], currency, short=True), note, asked(own, "revenue"))
        if margin:
            note = said.against_before(now["gross_margin"], before["gross_margin"], Unit.MONEY, currency)
            note = f"{words.figure(now['margin_rate'], Unit.SHARE)} of revenue; {note}"
            figure = words.money(now["gross_margin"], currency, short=True)
            cards.card("Gross margin", figure, note, asked(own, "gross_margin", "revenue"))
        else:
            cards.card("Gross margin", words.NOT_KNOWN, "not known without what goods cost, lines.cost")
        cards.card("Customers", words.count(now["customers"]), said.leaving(found, currency), asked(own, "customers"))
        brought = words.count(known["customers_brought"])
        cards.card("Customers brought", brought, said.brought(known, currency))
    if known["customers_brought"] >= said.FEW and words.known(known["brought_potential"]):
        layout.quiet(words.safe_text(said.expectation(last_total()), 700))


def last_total() -> str:
    """How the value model's total did in its last test, in its card's words."""
    try:
        checks = model_cards.of("model_check", "value")
    except Refused:
        return ""
    found = checks.loc[checks["name"] == "total", "words"]
    return str(found.iloc[0]) if len(found) else ""


def trend(found: pd.Series, own: View) -> None:
    """Revenue and margin by month, with the year before and what was aimed at."""
    currency = ask.current().manifest["currency"]
    names = asked(own, "revenue", "gross_margin").metrics
    question, compared = ask.monthly(names, own.between(*window())), words.known(found["revenue_before"])
    earlier = ask.ask(ask.monthly(names, own.between(*year_before()))) if compared else None
    changed = words.change(found["revenue"], found["revenue_before"], Unit.MONEY)
    title = said.trend(changed, said.against_target(found["revenue"], aim(own, "revenue"), currency))
    layout.finding(title, question)
    figure = charts.trend(ask.ask(question), names, currency, earlier)
    each, wanted = months.each(*window()), aims(own, "revenue")
    pace = [(month, one) for month in each if (one := months.aim(wanted, month, month)) is not None]
    if pace:
        texts = [words.money(one, currency) for _, one in pace]
        figure = drawn.with_pace(figure, [(month, float(one)) for month, one in pace], texts)
    charts.draw(figure, alt=f"By month. {title}.")
    if not pace:
        layout.quiet("No target is set for this partner.")


def places(own: View, view: View) -> None:
    """The place by revenue among the partners the reader sees, quarter by quarter."""
    rows = quarters(own, view)
    if not rows or rows[-1][2] < 2:
        return
    title = said.ranked(rows, own=not view.scope.everything)
    layout.finding(title)
    text = "; ".join(f"{said.three_months(month)} {place or 'no revenue'} of {of}" for month, place, of in rows)
    charts.draw(drawn.places(rows), alt=f"Place by revenue in each three months. {title}. {text}.")


def quarters(own: View, view: View) -> Sequence[tuple[date, int | None, int]]:
    """First month, place and number of partners of the last eight times three complete months in the data.

    What everybody brought is kept for all partners' pages; the place is counted in it.
    """
    until, found = window()[1], []
    for back in reversed(range(QUARTERS)):
        last = months.shifted(until, -3 * back)
        first = months.shifted(last, -2)
        if first >= date.fromisoformat(ask.current().manifest["first_month"]):
            question = Question(("revenue",), ("partner_id",), view.between(first, last))
            everybody = ask.worked_out(question, amounts)
            mine = amounts(ask.ask(replace(question, view=own.between(first, last))))
            place = int((everybody > mine[0]).sum()) + 1 if len(mine) else None
            found.append((first, place, len(everybody)))
    return found
