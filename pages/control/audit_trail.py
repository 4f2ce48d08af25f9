"""Who did what, and has anybody tampered with the record?"""

import streamlit as st

from components import filters, layout, people, trail

names = people.everybody()
trail.verification()
wanted = trail.chosen(names)
number = trail.found(wanted)
layout.finding(trail.title(number, wanted))
if not number:
    layout.quiet("No entry is like that. Choose another action, person or day.")
    st.stop()
above = st.container()  # the pages are chosen below the table, where one has read to its end
shown = trail.page(wanted, filters.page_number(number, trail.SIZE, "entries"))
with above:
    trail.table(shown, names)
trail.take_along(wanted)
