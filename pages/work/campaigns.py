"""Did what campaigns promised come true, and which of them needs somebody now?"""

import streamlit as st

from components import access, campaigns_figures, campaigns_known, campaigns_list, forecasts

lines = campaigns_known.listed(access.reader())
if not lines:
    campaigns_list.nothing()
    st.stop()
campaigns_figures.figures(lines)
campaigns_figures.promises(lines)
campaigns_list.table(lines)
forecasts.show()
