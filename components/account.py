"""The reader's own corner: who is signed in, the way out, and the screens of those who may not come in."""

from __future__ import annotations

import streamlit as st

from components import access, layout, people, words
from data import rights
from data.journal import people as persons
from data.rights import SESSION_HOURS, Actor

DEMONSTRATION = "demo-"  # what the made-up people's providers are called
CALLED = {
    rights.EXECUTIVE: "executive: the whole company, in groups",
    rights.MANAGER: "manager of the book",
    rights.APPROVER: "approver: the whole company",
    rights.AUDITOR: "auditor: reads everything, changes nothing",
    rights.ADMIN: "administrator: access, not figures",
    rights.PARTNER_ROLE: "partner",
}


def menu(actor: Actor) -> None:
    """Who is signed in, with which roles, and the way out; below the pages in the sidebar."""
    with st.sidebar, st.popover(words.safe_text(actor.name or "Account", 40), icon=":material/account_circle:"):
        for one in actor.held:
            subject = f" {words.safe_text(one.subject, 60)}" if one.subject else ""
            st.markdown(f"{CALLED[one.role][:1].upper()}{CALLED[one.role][1:]}{subject}")
        sign_out()
        if actor.may(rights.EMERGENCY):
            people.emergency()


def sign_out() -> None:
    """End the session, on every screen it is open on."""
    demonstration = str(dict(st.user).get("provider", "")).startswith(DEMONSTRATION)
    label = "Sign out, and be somebody else" if demonstration else "Sign out"
    st.button(label, icon=":material/logout:", key="_sign_out", on_click=st.logout)


def banner(actor: Actor, zone: str) -> None:
    """What must not be overlooked: looking as somebody else, and a role taken in an emergency."""
    if actor.viewed_by:
        who = persons.names(access.journal()).get(actor.viewed_by, "")
        st.warning(
            f"**You see what {words.safe_text(actor.name, 80)} sees.** You are {words.safe_text(who, 80)}. "
            "It is recorded, and nothing can be changed meanwhile.",
            icon=":material/visibility:",
        )
        st.button("Back to myself", icon=":material/undo:", key="_myself", on_click=access.look_as_myself)
    if actor.emergency_until:
        st.warning(
            f"A role you took in an emergency ends at {words.safe_text(words.moment(actor.emergency_until, zone))}. "
            "Everything you do is recorded, and somebody else will review it.",
            icon=":material/emergency_home:",
        )


def outside(actor: Actor) -> None:
    """Instead of every page: the session has ended, or this person has no role."""
    if not actor.person:
        claims = dict(st.user)
        st.title("You are not signed in", anchor=False)
        if claims.get("is_logged_in"):
            st.markdown(
                "Your session has ended: you signed out in another tab, nobody clicked for 30 minutes, "
                f"{SESSION_HOURS} hours have passed, or somebody ended it. What you had chosen is in the address "
                "and comes back after signing in."
            )
            st.button("Sign in again", type="primary", on_click=st.login, args=(claims.get("provider"),))
        else:
            st.markdown("Rapport shows figures only to people who have signed in, through its own server:")
            st.code("streamlit run server.py", language="bash")
        return
    st.title("No access", anchor=False)
    st.markdown(
        f"You are signed in as **{words.safe_text(actor.name, 80)}** and hold no role in Rapport: nobody gave you one, "
        "it was taken away or has run out, or your roles contradict each other."
    )
    st.markdown("Ask the person who looks after access to give you one, and name this key, which is yours:")
    st.code(actor.person, language=None)
    layout.quiet("It takes two people to give a role. Then reload this page; there is no need to sign in again.")
    if actor.viewed_by:
        banner(actor, "UTC")
    else:
        sign_out()


def denied() -> None:
    """Instead of one page: it exists, and this reader's roles do not open it."""
    actor = access.reader()
    access.looked_at("denied", f"page:{st.session_state['_file']}", "")
    roles = words.listed(sorted(actor.roles)) or "none"
    layout.error(
        "Your roles do not open this page.",
        f"You are signed in as {actor.name}; your roles: {roles}. Nothing of the page was loaded. "
        "If you need it, ask the person who looks after access.",
    )
