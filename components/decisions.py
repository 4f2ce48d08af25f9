"""What is decided about roles: proposals and their second person, reviews, and what ends somebody's access."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from components import access, ask, layout, words
from components.attempts import attempt, entered
from components.people import PLACE, name_of
from data.journal import grants, people
from data.rights import (
    ASK_GRANT,
    DECIDE_GRANT,
    END_SESSIONS,
    MANAGER,
    PARTNER_ROLE,
    REVIEW_EMERGENCY,
    REVOKE_GRANT,
    ROLES,
    VIEW_AS,
    Actor,
    Held,
    named,
)


def described(grant: Any, names: Mapping[str, str]) -> str:
    """A proposal or an emergency, in Markdown."""
    role = words.safe_text(f"{grant.role} of {grant.subject}" if grant.subject else grant.role, 80)
    until = f", until {words.safe_text(ask.moment(grant.expires_at))}" if grant.expires_at else ", without an end"
    who, asker = (words.safe_text(name_of(key, names), 100) for key in (grant.person_id, grant.asked_by))
    said = "" if grant.kind == "emergency" else f" by {asker}"
    return (
        f"**{role}** for **{who}**{until}  \n:gray[Asked{said}, {words.safe_text(ask.moment(grant.asked_at))}:] "
        f"{words.safe_text(grant.reason, 1_000)}"
    )


def obstacle(actor: Actor, grant: Any, permission: str) -> str:
    """Why this reader cannot be the second person here; nothing when nothing stands in the way."""
    if hindered := access.hinders_deciding(actor, permission):
        return hindered
    if actor.person == grant.person_id:
        return "This is about you, so somebody else decides."
    if permission == DECIDE_GRANT and actor.person == grant.asked_by:
        return "You asked for this, so another administrator decides."
    return ""


def doubt(role: str, subject: str) -> str:
    """What to check when the data on the screen lacks the key a role is for. No refusal: the next build may have it."""
    if not subject or ask.current().knows(Held(role, subject)):
        return ""
    return f"The data on the screen has no {role} with the key “{subject}”. Check it: without rows this role sees none."


def proposals(asked: Sequence[Any], actor: Actor, names: Mapping[str, str]) -> None:
    """What was asked for, each with its two buttons, or with the reason why they cannot be pressed."""
    if not asked:
        st.markdown(":gray[Nobody has asked for a role.]")
    for grant in asked:
        hindered = obstacle(actor, grant, DECIDE_GRANT)
        with st.container(border=True):
            st.markdown(described(grant, names))
            if doubtful := doubt(grant.role, grant.subject):
                st.warning(words.safe_text(doubtful, 400), icon=":material/warning:")
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                for label, granted, said in (("Grant", True, "The role is granted."), ("Refuse", False, "Refused.")):
                    button(
                        f"{label.lower()}_{grant.grant_id}",
                        label,
                        hindered,
                        said,
                        grants.decide,
                        grant.grant_id,
                        granted,
                    )
                if hindered:
                    layout.quiet(hindered)


def emergencies(taken: Sequence[Any], actor: Actor, names: Mapping[str, str]) -> None:
    """Roles that were taken alone, each with room for a review by somebody else."""
    if not taken:
        st.markdown(":gray[Every emergency has been reviewed.]")
    for grant in taken:
        with st.container(border=True):
            st.markdown(described(grant, names))
            hindered = obstacle(actor, grant, REVIEW_EMERGENCY)
            if hindered:
                layout.quiet(hindered)
                continue
            key = f"_review_{grant.grant_id}"
            with st.form(f"{key}_form", border=False):
                st.text_area("What did you find?", max_chars=grants.LONGEST_REASON, key=key)
                st.form_submit_button("Keep the review", on_click=reviewed, args=(grant.grant_id, key))


def propose(actor: Actor, names: Mapping[str, str]) -> None:
    """The form that proposes a role for somebody else, for those who may."""
    if not actor.may(ASK_GRANT):
        return
    with st.popover("Propose a role", icon=":material/person_add:"), st.form("_propose", border=False):
        others = [key for key in names if key != actor.person]
        st.selectbox("Person", others, format_func=names.__getitem__, key="_propose_person", index=None,
                     help="Everybody who has signed in at least once, also without access yet.")  # fmt: skip
        st.selectbox("Role", tuple(ROLES), key="_propose_role", index=None, format_func=str.capitalize)
        books = [book for book in map(str, ask.current().manifest["filters"].get("manager_id", ())) if named(book)]
        st.selectbox("Whose book, for a manager", books, index=None, key="_propose_book", format_func=words.visible,
                     accept_new_options=True, help="A key that the data does not have yet can be typed.")  # fmt: skip
        st.text_input(
            "Which partner, for a partner", max_chars=200, key="_propose_partner", help="Its key in the data."
        )
        st.number_input(
            "For how many days", 1, grants.MOST_DAYS, None, key="_propose_days", placeholder="Without an end"
        )
        st.text_area("Reason", max_chars=grants.LONGEST_REASON, key="_propose_reason")
        st.form_submit_button("Propose", type="primary", on_click=proposed)
        layout.quiet("Another administrator has to agree.")


def one_person(actor: Actor, names: Mapping[str, str]) -> None:
    """What can be done about somebody: take a role away, end the sessions, see what they see."""
    person = st.selectbox("Person", list(names), format_func=names.__getitem__, index=None, key="_person", width=360)
    if person is None:
        layout.quiet("Choose somebody to see their grants, and what can be done.")
        return
    hindered = {name: "" if actor.may(name) else "no" for name in (REVOKE_GRANT, END_SESSIONS, VIEW_AS)}
    held = grants.active(access.journal(), person)
    if not held:
        st.markdown(":gray[No role by grant. Roles from the identity provider are changed there.]")
    for grant in held:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.markdown(described(grant, names), width="stretch")
            said = "The role is taken away, from the next click on."
            button(f"revoke_{grant.grant_id}", "Revoke", hindered[REVOKE_GRANT], said, grants.revoke, grant.grant_id)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        ended, hinders = "Signed out everywhere.", hindered[END_SESSIONS]
        button("end_sessions", "End all sessions", hinders, ended, people.end_sessions, person)
        button("view_as", "View as", hindered[VIEW_AS], "", look_as, person)
    if any(hindered.values()):
        layout.quiet("Only an administrator can do this, and not while looking as somebody else.")


def button(key: str, label: str, hindered: str, said: str, action: Callable[..., Any], *given: Any) -> None:
    """A button that does something in the journal; switched off where something stands in the way."""
    st.button(label, key=f"_{key}", disabled=bool(hindered), on_click=attempt, args=(PLACE, said, action, *given))


# What buttons do


def proposed() -> None:
    """Propose what the form says."""
    names = ("person", "role", "book", "partner", "reason")
    person, role, book, partner, reason = entered(*(f"_propose_{name}" for name in names))
    subject = {MANAGER: book.strip(), PARTNER_ROLE: partner.strip()}.get(role, "")
    days = st.session_state.get("_propose_days")
    said = f"Proposed. Another administrator has to agree. {doubt(role, subject)}".strip()
    attempt(PLACE, said, grants.ask, person, role, reason, subject, days)


def reviewed(grant_id: str, key: str) -> None:
    """Keep the review that was written."""
    attempt(PLACE, "The review is kept.", grants.review, grant_id, *entered(key))


def look_as(_journal: Any, _actor: Actor, person: str) -> None:
    """See what somebody else sees."""
    access.look_as(person)
