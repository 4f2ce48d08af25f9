"""Who may not buy again, what is at stake, and where could acting be worth it?"""

import streamlit as st

from components import campaign_start, filters, holdouts, layout, risk, threshold

view = filters.view()
if not risk.sums(view)["scored"]:
    layout.empty("No customer of this view can be scored, because none has bought")
    st.stop()
layout.quiet(risk.horizon_words())
risk.figures(view)
layout.missing("lines.cost")
risk.heat(view)
risk.movement(view)
threshold.show(view)
campaign_start.of_view("churn")
holdouts.calibration("churn", "the share who do not buy")
holdouts.against("churn", threshold.MEASURES)
risk.listing(view)
