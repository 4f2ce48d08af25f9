"""Who may see and do what, since when, and who decided it?"""

import streamlit as st

from components import access, attempts, decisions, layout, people

actor, names, rows = access.current_user(), people.everybody(), people.report()
asked, taken = people.waiting()

attempts.outcome(people.PLACE)
people.figures(rows, asked, taken)
with st.container(horizontal=True, vertical_alignment="bottom"):
    with st.container(width="stretch"):
        layout.finding(people.finding(rows, asked, taken))
    decisions.propose(actor, names)

held, waiting, urgent, one = st.tabs(["Who has what", "Waiting proposals", "Emergencies", "One person"])
with held:
    people.table(rows, names)
with waiting:
    decisions.proposals(asked, actor, names)
with urgent:
    decisions.emergencies(taken, actor, names)
with one:
    decisions.one_person(actor, names)
