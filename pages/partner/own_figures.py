"""What did customers buy from us, and what came back?"""

import streamlit as st

from components import ask, charts, filters, layout, words
from data.catalog import METRICS
from data.question import Question

view, earlier = filters.view(), filters.compared()
currency = ask.current().manifest["currency"]
if ask.ask(Question(("revenue",), ("month",), view)).empty:
    layout.empty("Nothing was bought from you in these months")
    st.stop()
layout.headline("revenue", "orders", "customers", "return_rate", view=view)

months = ask.monthly(("revenue", "returns"), view)
now = ask.ask(Question(("revenue",), view=view))["revenue"].iloc[0]
before = ask.ask(Question(("revenue",), view=earlier))["revenue"].iloc[0] if earlier else None
title = words.sentence(
    f"{words.moved(METRICS['revenue'], now, before)} {filters.than() if earlier else 'month by month'}"
)
layout.finding(title, months)
ghost = ask.ask(ask.monthly(("revenue", "returns"), earlier)) if earlier else None
drawn = charts.trend(ask.ask(months), ("revenue", "returns"), currency, ghost, filters.steps())
charts.draw(drawn, alt=f"By month. {title}.")
layout.quiet("Only what was bought from you. What the company earned or spent on it is not part of these figures.")
