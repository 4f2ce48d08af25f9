"""How is this partner doing, and how could we grow with it?"""

import streamlit as st

from components import filters, layout, notes, partner_brief, partner_card, partner_find, partner_growth, partner_score
from models.overlap import beyond_chance

view = filters.view()
key = filters.key("partner", "Partner key", "Paste or type a key, then press Enter")
if not key:
    partner_find.choose(view)
    st.stop()

own = view.only("partner_id", key)
known = partner_find.profile(own)
if known is None:
    partner_find.not_found(key, view)
    st.stop()
found = partner_card.year(own)
partner_card.header(known, found)

if found is None:
    partner_card.nothing_sold(known)
else:
    partner_card.figures(known, found, own)
    partner_score.show(known, found, own)
    layout.missing("lines.cost")
    partner_card.trend(found, own)
    partner_card.places(own, view)
    partner_growth.dependence(found, own)
    partner_growth.shared(own, view, beyond_chance)
    partner_growth.categories(found, own)
    partner_growth.lacking(own, view)
    partner_brief.offer(key)
notes.on_partner(key)
