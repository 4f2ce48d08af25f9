"""Whom to turn to first, and why now?"""

import streamlit as st

from components import ask, campaign_start, filters, layout, worklist

view = filters.view()
asked = worklist.question(view)
number = ask.count(asked)
if not number:
    layout.empty("Nobody is in this queue: no customer of this view has bought before")
    st.stop()
worklist.figures(view, number)
worklist.warning()
above = st.container()
part = worklist.page(asked, filters.page_number(number, worklist.SIZE))
with above:
    worklist.show(part, view, number)
campaign_start.of_view("view")
layout.missing("contacts", "lines.cost")
