"""The must-keep list: customers whom nobody releases, by the customers feed or by a person who says why."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from components import access, ask, attempts, layout, tables, words
from components.demarket import LABELS, UNITS
from components.demarket_propose import PLACE
from data.demarketing import KEPT, Costly
from data.journal import overrides
from data.journal.overrides import KEEP, MOST_REASON, Override
from data.question import Question
from data.rights import OVERRIDE_PLAN, ROLES, Actor
from data.view import View

MOST, WHO, WHY, ENDS = 1_000, "_keep_who", "_keep_why", "_keep_end"
FEED = "The customers feed"
COLUMNS = {"customer_id": "Customer", "by": "Kept by", "why": "Why", "since": "Since"}


def decides(actor: Actor) -> bool:
    """Whether deciding about single customers is this reader's work."""
    return any(OVERRIDE_PLAN in ROLES.get(role, frozenset()) for role in actor.roles)


def show(actor: Actor, shown: Costly, page: pd.DataFrame) -> None:
    """Who is kept in the reader's scope, and a way to keep one more. page: the list on the screen."""
    own = in_scope(overrides.active(access.journal(), KEEP))
    rows = written(shown, own)
    layout.finding(title(rows))
    if len(rows):
        alt = "Customers on the must-keep list, those expected to cost most beyond what they bring first"
        labels = COLUMNS | {name: LABELS[name] for name in ("expected", "contact_cost")}
        tables.table(rows.head(MOST), alt, ask.current().manifest["currency"], labels, UNITS, ("customer_id",))
    layout.quiet("Whoever is on it is in no release, also when put there after one: contacts go on as before.")
    if not decides(actor):
        return
    hindered = access.hinders_deciding(actor, OVERRIDE_PLAN)
    with st.container(horizontal=True, gap="small"):
        with st.popover("Keep a customer", icon=":material/bookmark_add:", disabled=bool(hindered)):
            st.selectbox(
                "Customer", list(page["customer_id"].head(MOST)) if len(page) else [], None, key=WHO,
                accept_new_options=True, placeholder="Choose or type a key", format_func=words.visible,
            )  # fmt: skip
            st.text_area("Why is this customer kept?", key=WHY, max_chars=MOST_REASON)
            st.button("Keep", key="_keep_now", on_click=keep)
        with st.popover("Take off the list", icon=":material/bookmark_remove:", disabled=bool(hindered or not own)):
            st.selectbox("Customer", list(own), None, key=ENDS, format_func=words.visible, placeholder="Choose a key")
            st.button("Take off", key="_keep_end_now", on_click=end, args=(own,))
    if hindered:
        layout.quiet(hindered)


def in_scope(found: list[Override]) -> dict[str, Override]:
    """Customer -> the override, of those whom the reader may see in this build."""
    if not found:
        return {}
    view = View(access.scope(ask.current())).only("customer_id", *(one.customer_id for one in found))
    seen = set(ask.ask(Question((), ("customer_id",), view))["customer_id"])
    return {one.customer_id: one for one in found if one.customer_id in seen}


def written(shown: Costly, own: dict[str, Override]) -> pd.DataFrame:
    """The kept customers: those of this view who cost more than they bring first, then the others people keep."""
    here = shown.of(KEPT).sort_values(["expected", "customer_id"]).set_index("customer_id")
    keys = [*here.index, *(key for key in own if key not in here.index)]
    return pd.DataFrame(
        {
            "customer_id": keys,
            "by": [own[key].by_name or words.NOT_KNOWN if key in own else FEED for key in keys],
            "why": [own[key].reason if key in own else "must_keep" for key in keys],
            "since": [ask.moment(own[key].at) if key in own else words.NOT_KNOWN for key in keys],
            **{name: here[name].reindex(keys).to_numpy(float) for name in ("expected", "contact_cost")},
        }
    )


def title(rows: pd.DataFrame) -> str:
    """How many are kept, and how many of them are expected to cost more than they bring."""
    if not len(rows):
        return "Nobody is on the must-keep list"
    cost = int(rows["expected"].notna().sum())
    are = "is" if len(rows) == 1 else "are"
    return (
        f"{words.counted(len(rows), 'customer')} {are} kept; {words.count(cost)} expected to cost more than they bring"
    )


def keep() -> None:
    """Put a customer on the list; a button's callback."""
    who, why = attempts.entered(WHO, WHY)
    if not who:
        st.session_state[attempts.key(PLACE)] = False, "Choose a customer first, then press Keep."
        return
    text = f"{words.visible(who)} is on the must-keep list."
    attempts.attempt(PLACE, text, overrides.keep, ask.newest(), who, why)
    if st.session_state[attempts.key(PLACE)][0]:
        st.session_state[WHO], st.session_state[WHY] = None, ""


def end(own: dict[str, Override]) -> None:
    """Take a customer off the list; a button's callback."""
    (who,) = attempts.entered(ENDS)
    if who not in own:
        st.session_state[attempts.key(PLACE)] = False, "Choose a customer first, then press Take off."
        return
    text = f"{words.visible(who)} is no longer on the must-keep list."
    attempts.attempt(PLACE, text, overrides.end, ask.newest(), own[who].override_id)
    st.session_state[ENDS] = None
