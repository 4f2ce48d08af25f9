"""What kinds of customers are there, and what sets them apart?"""

import streamlit as st

from components import access, ask, filters, layout, profile

view, build = filters.view(), ask.current()
currency = build.manifest["currency"]
if not len(profile.asked(profile.split(view))):
    layout.empty("No customer in this view has scores")
    st.stop()

profile.figures(view, currency)
layout.missing("lines.cost")
profile.grid(view, currency)
profile.moves(view)
life = kinds = None
if access.may_split(build, "lifecycle", "quadrant"):
    by_life = profile.split(view, "lifecycle", "quadrant")
    life = profile.asked(by_life)
    profile.lifecycles(life, by_life, currency)
if access.may_split(build, "profile"):
    by_kind = profile.split(view, "profile")
    kinds = profile.asked(by_kind)
    profile.kinds(kinds, by_kind, currency)
if life is not None and kinds is not None and profile.single():
    group = filters.choice("group", profile.groups(life, kinds), label="Look into")
    profile.apart(profile.of_group(view, group, life), group)
else:
    layout.quiet("What sets customers apart is told of single customers, which readers of groups do not see.")
