"""How often is each customer contacted, and where is that more than our caps allow?"""

import streamlit as st

from components import ask, filters, layout, pressure, pressure_people

view, currency = filters.view(), ask.current().manifest["currency"]
if layout.missing("contacts"):
    st.stop()
usual = pressure.found(view)
if not len(usual):
    layout.empty("Nobody in this view was contacted in the last 12 months")
    st.stop()

pressure.caps(usual)
pressure.figures(usual, currency)

with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
    days = int(filters.choice("days", pressure.windows(), "30", "Days", width=110))
    channel = pressure.channel(usual)
rows = pressure.found(view, days)
pressure.distribution(view, rows, days, channel)
pressure.channels(rows, days)
pressure.exported(view)
st.page_link(
    "pages/value/responsiveness.py", label="How often contacts are answered: Responsiveness", icon=":material/reply:"
)
pressure_people.people(view)
