"""How is the company doing, and why?"""

import streamlit as st

from components import ask, charts, filters, layout, tables, words
from data.catalog import METRICS, Unit
from data.question import Question
from models import bridge

view, earlier = filters.view(), filters.compared()
currency = ask.current().manifest["currency"]
drivers = Question(("margin", "gross_margin", "revenue", "orders", "customers"), view=view)
months = ask.monthly(("revenue", "margin"), view)

layout.headline("margin", "customers", "relationship_cost_ratio", "net_contribution", view=view)
if layout.missing("lines.cost"):
    months = ask.monthly(("revenue",), view)
elif earlier is None:
    layout.finding("Why it changed")
    layout.error("There is no earlier period to compare with.", "Choose a shorter period, or compare with the one before.")
else:
    actual, prior = ask.ask(drivers).iloc[0], ask.ask(Question(drivers.metrics, view=earlier)).iloc[0]
    parts = bridge.driver_bridge(prior, actual)
    steps = [("Before", words.exact(prior["margin"]), True), *((p.name, p.amount, False) for p in parts)]
    layout.finding(words.because(METRICS["margin"].label, parts, currency), drivers)
    charts.draw(
        charts.bridge([*steps, ("Now", words.exact(actual["margin"]), True)], currency),
        alt=f"Waterfall of contribution margin {filters.compared_words()}: {words.because('it', parts, currency)}",
    )
