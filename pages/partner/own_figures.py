"""What did customers buy from us, and what came back?"""

import streamlit as st

from components import filters, layout, own_card

view = filters.view()
own = own_card.profiles(view)
own_card.who(own)
if own_card.nothing_sold(view):
    layout.empty("Nothing was bought from you in these months")
    st.stop()
layout.headline("revenue", "orders", "customers", "return_rate", view=view)
own_card.trend(view, filters.compared())
own_card.targets(view, own)
own_card.customers(view)
own_card.categories(view)
own_card.peers(view, own)
layout.quiet("Only what was bought from you. What the company earned or spent on it is not part of these figures.")
