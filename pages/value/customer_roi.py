"""Who returns the most for what is spent on them?"""

import streamlit as st

from components import ask, cards, charts, exports, filters, layout, ratings, tables
from data.catalog import METRICS

SIZE = 25
view, currency = filters.view(), ask.current().manifest["currency"]
rated, bands, parts = ratings.can_rate(), ratings.bands(view), ratings.costs(view)

with cards.row(4):
    for name in ("roi", "net_contribution", "cost") if rated else ("roi", "revenue", "customers", "orders"):
        cards.metric(name, view)
    if rated:
        ratings.rated_card(bands)
layout.missing("contacts", "lines.cost")

with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
    metric = filters.choice("metric", ratings.known_metrics(), "roi" if rated else "revenue", "Rank by")
    order = filters.choice("sort", (ratings.LARGEST, ratings.SMALLEST), label="Order", width=170)
    band = filters.choice("band", ratings.BANDS, label="Customers", width=200) if rated else ratings.EVERYBODY
ratings.quadrants(view)
ranking = ratings.ranking(metric, order, band, view)
number = ask.count(ranking)
if not number:
    layout.empty("There is no such customer")
    st.stop()

above = st.container()  # the pages are chosen below the table, where one has read to its end
question = ratings.page(ranking, filters.page_number(number, SIZE), SIZE)
with above:
    rows = ask.ask(question)
    layout.finding(ratings.title(rows, question, number, metric, band), question, rows)
    if metric == "roi" and band == ratings.RATED:
        ratings.whiskers(rows, currency)
    ratings.offer(question, metric, band)
    exports.offer(ranking, "customer_roi")

if rated:
    layout.finding(ratings.bands_title(bands, currency), ratings.bands_question(view))
    layout.quiet(ratings.bands_meaning(bands, view, currency))
    tables.table(bands, "Customers who can be rated, and who cannot", currency, ratings.LABELS, ratings.UNITS)
if len(parts):
    layout.finding(ratings.costs_title(parts, currency), ratings.costs_question(view))
    charts.draw(charts.bars(parts, "part", METRICS["cost"], currency), alt=ratings.costs_title(parts, currency))
