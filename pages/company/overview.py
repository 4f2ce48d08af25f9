"""How is the company doing, and why?"""

import streamlit as st

from components import ask, charts, exports, filters, layout, tables, words
from data.catalog import METRICS
from data.question import Question
from models import bridge

view, earlier, than = filters.view(), filters.compared(), filters.than()
build, margin = ask.current().manifest, METRICS["margin"]
currency = build["currency"]

if ask.ask(Question(("revenue",), ("month",), view)).empty:
    layout.empty()
    st.stop()
layout.headline("margin", "customers", "relationship_cost_ratio", "net_contribution", view=view)

drivers = Question(("margin", "gross_margin", "revenue", "orders", "customers"), view=view)
shown = ("revenue",) if layout.missing("lines.cost") else ("revenue", "margin")
if len(shown) > 1 and earlier:
    actual, prior = ask.ask(drivers).iloc[0], ask.ask(Question(drivers.metrics, view=earlier)).iloc[0]
    parts = bridge.driver_bridge(prior, actual)
    names = words.months(earlier.since, earlier.until), words.months(view.since, view.until)
    steps = bridge.waterfall(prior["margin"], parts, actual["margin"], layout.target(margin, view), names)
    title = words.because(margin.label, parts, currency)
    layout.finding(title, drivers)
    with st.grid(2, min_column_width=340, gap="medium"):
        charts.draw(charts.bridge(steps, currency), alt=f"Waterfall {filters.compared_words()}. {title}.")
        tables.parts(parts, currency, alt=f"The five parts of the change. {title}.")
elif len(shown) > 1:
    layout.finding("Why it changed")
    layout.error(
        "There is no earlier period to compare with.", "Choose a shorter period, or compare with the one before."
    )

grid = st.grid(2, min_column_width=340, gap="medium")
with grid.cell():
    months = ask.monthly(shown, view)
    now = ask.ask(Question(shown, view=view)).iloc[0]
    before = ask.ask(Question(shown, view=earlier)).iloc[0] if earlier else {}
    moved = [words.moved(METRICS[name], now[name], before.get(name)) for name in shown]
    title = words.sentence(f"{words.listed(moved)} {than if earlier else 'month by month'}")
    layout.finding(title, months)
    ghost = ask.ask(ask.monthly(shown, earlier)) if earlier else None
    charts.draw(charts.trend(ask.ask(months), shown, currency, ghost, filters.steps()), alt=f"By month. {title}.")
    exports.offer(months, "months")
with grid.cell():
    changed = ask.since_previous(shown[-1], view)
    if changed is None:
        layout.finding("Since the previous build")
        layout.quiet("No earlier build with this view is kept, so there is nothing to compare this one with.")
    else:
        parts = bridge.build_changes(*changed[1:])
        when = words.moment(changed[0], build["zone"])
        title = words.because(f"Since the build of {when}, {METRICS[shown[-1]].label.lower()}", parts, currency)
        layout.finding(title)
        tables.parts(parts, currency, alt=f"{title}, over the whole history.")
        layout.quiet("Over the whole history of this view, month by month; exact to the cent.")
