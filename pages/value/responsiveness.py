"""Who answers on which channel, and of whom is not enough known?"""

import streamlit as st

from components import ask, filters, layout, responses

view, currency = filters.view(), ask.current().manifest["currency"]
if layout.missing(responses.NEEDS):
    st.stop()
asked = responses.question(view)
found = ask.ask(asked)
if not len(found):
    layout.empty("Nobody in this view was contacted in the last 24 months")
    st.stop()

responses.figures(view)
responses.states(found, asked)

company = responses.intensity(view)
if company:
    usual, groups = company
    responses.rates(usual)
channels = [str(name) for name in found["channel"]]
with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
    channel = filters.choice("channel", channels, label="Channel", width=200)
    if company:
        least = filters.step("least", responses.SIZES, "10", "Least customers in a group")
if company:
    responses.saturation(groups, channel, usual, least)
    responses.kinds(responses.whole(view, "response_kind"))
else:
    layout.quiet(
        "How often whole channels are answered, and by how many contacts, is worked out for the whole company; "
        "you see a part of it."
    )
responses.cost(found, view, currency)
responses.people(found, view, channel)
