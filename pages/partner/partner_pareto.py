"""Which few partners bring most, and how surely?"""

import streamlit as st

from components import filters, layout, pareto, pareto_few, pareto_ranks
from models import pareto as sums

view = filters.view()
asked = pareto.chosen(view)
found = pareto.summed(asked, sums.summary, view)
if found is None:
    layout.empty()
    st.stop()
earlier = pareto.summed(asked, sums.summary, filters.compared(), left_out=False)
moves = sums.moves(earlier, found) if earlier else None
side = found.sides[asked.measure]
unsure = None
if side.enough and side.positive:
    places = pareto.placed(asked, found, sums.places, sums.redraw)
    unsure = None if places is None else sums.standing(places, side.vital, asked.threshold)

names = pareto.names(asked, found, moves) if side.members else {}
if side.members:
    pareto.figures(asked, found, names)
layout.missing("lines.cost")
pareto.curves(asked, found, earlier, unsure)
pareto.same_names(asked, side, sums.same_names)
if not side.members:
    st.stop()
pareto_few.listing(asked, found, earlier, unsure)
pareto_few.below(asked, found, names)
pareto_few.drift(asked, found, earlier, moves, names)
with st.grid(2, min_column_width=340, gap="medium"):
    with st.container():
        pareto_ranks.by_margin(asked, found, names)
    with st.container():
        pareto_ranks.over_time(asked, found, names)
pareto_ranks.without(asked, found, names)
