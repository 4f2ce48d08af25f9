"""Which channel for which customer earns most within budget, capacity and consent?"""

import streamlit as st

from components import (
    filters,
    plan_figures,
    plan_known,
    plan_limits,
    plan_moves,
    plan_override,
    plan_page,
    plan_scenarios,
    plan_table,
)
from models import assign_arm, assignment, explore, policy_value

one = plan_page.show(filters.view(), assign_arm, assignment, explore)
if one is None:
    plan_override.show()
    plan_scenarios.show(assign_arm)
    st.stop()
plan_figures.show(one)
plan_moves.show(one)
plan_figures.by_channel(one)
plan_limits.frontier(one)
plan_limits.prices(one)
plan_figures.beside(one)
plan_known.show(one, policy_value)
plan_table.show(one)
plan_override.show()
plan_scenarios.show(assign_arm, one)
