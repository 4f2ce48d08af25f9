"""Who returns the most for what is spent on them?"""

import streamlit as st

from components import ask, cards, charts, filters, layout, ratings, tables, words
from data.catalog import METRICS, Unit

SIZE = 25
view, currency = filters.view(), ask.current().manifest["currency"]
rated, metrics = ratings.can_rate(), ratings.known_metrics()
bands = ratings.bands(view)

with cards.row(4):
    for name in ("roi", "net_contribution", "cost") if rated else ("roi", "revenue", "customers", "orders"):
        cards.metric(name, view)
    if rated:
        ratings.rated_card(bands)
layout.missing("contacts", "lines.cost")

with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
    metric = filters.choice("metric", metrics, "roi" if rated else "revenue", "Rank by")
    order = filters.choice("sort", (ratings.LARGEST, ratings.SMALLEST), label="Order", width=170)
    band = filters.choice("band", ratings.BANDS, label="Customers", width=200) if rated else ratings.EVERYBODY
ranking = ratings.ranking(metric, order, band, view)
number = ask.count(ranking)
if not number:
    layout.empty(f"No customer here is {band}" if band != ratings.EVERYBODY else "No customer matches this view")
    st.stop()

place = st.container()  # the choice of a page stands below the table, where one has read to the end
question = ratings.page(ranking, filters.page_number(number, SIZE), SIZE)
rows = ask.ask(question)
with place.container():
    layout.finding(ratings.title(rows, question, number, metric, band), question, rows)
    if rated and band == ratings.RATED:
        charts.draw(
            charts.ranking_whiskers(rows, "customer_id", "roi_shrunk", "roi_low", "roi_high", Unit.RATIO, currency,
                                    "ROI drawn toward the segment's, and its 80 % interval"),
            alt=f"ROI of {words.counted(len(rows), 'customer')} with its 80 % interval; the table below has the same figures",
        )  # fmt: skip
    ratings.offer(question, metric, band)

if rated:
    layout.finding(ratings.bands_title(bands, currency), ratings.bands_question(view))
    st.markdown(ratings.bands_meaning(currency))
    tables.table(
        bands, "Customers who can and cannot be rated", currency, {"number": "Customers"}, {"number": Unit.COUNT}
    )
parts = ratings.costs(view)
if len(parts):
    layout.finding(ratings.costs_title(parts, currency), ratings.costs_question(view))
    charts.draw(charts.bars(parts, "part", METRICS["cost"], currency), alt=ratings.costs_title(parts, currency))
