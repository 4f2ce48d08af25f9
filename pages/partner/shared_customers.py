"""How many customers buy from several partners, and what has nowhere else to go when one leaves?"""

import streamlit as st

from components import filters, layout, overlap

view = overlap.of_year(filters.view())
years = overlap.years(view)
if not len(years):
    layout.empty("No customer bought from a known partner in the last 12 complete months")
    st.stop()
overlap.figures(view, years)
overlap.matrix(view, years)
overlap.how_many(view)
overlap.at_risk(view, years)
overlap.beyond_chance(view)
