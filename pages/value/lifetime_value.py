"""What are customers still going to bring, and how sure is that?"""

import streamlit as st

from components import filters, layout, lifetime

view = filters.view()
metric = lifetime.horizon()
if not lifetime.total(metric, view)["scored"]:
    layout.empty("No customer of this view can be scored, because none has bought")
    st.stop()
layout.quiet(lifetime.cut_words())
lifetime.figures(metric, view)
layout.missing("contacts", "lines.cost")
lifetime.quadrants(metric, view)
lifetime.proven()
lifetime.listing(metric, view)
