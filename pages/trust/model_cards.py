"""What is each learned figure made of, how was it tested, and what does it not know?"""

import streamlit as st

from components import layout, model_cards

found = model_cards.cards()
if not len(found):
    model_cards.none()
    st.stop()
layout.finding(model_cards.title(found))
model_cards.overview(found)
for _, card in model_cards.chosen(found).iterrows():
    model_cards.show(card)
