"""Who holds which role: the report, proposals and their second person, emergencies, and seeing what others see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from components import access, ask, cards, exports, filters, layout, tables, words
from components.attempts import attempt, entered, outcome
from data.export_journal import Review
from data.journal import grants, people
from data.rights import (
    EMERGENCY,
    EMERGENCY_MINUTES,
    ROLES,
)

SIZE = 50
EVERY = "Every role"
LABELS = {
    "name": "Name",
    "role": "Role",
    "subject": "About",
    "source": "From",
    "asked_by": "Asked by",
    "granted_by": "Granted by",
    "reason": "Reason",
    "since": "Since",
    "expires": "Expires",
    "last_used": "Last here",
}
PLACE, EMERGENCY_PLACE = "people", "emergency"  # where the outcome of a button is said


# What is known


def report() -> list[dict[str, Any]]:
    """Everybody who has ever signed in, with a row for each role held now."""
    return grants.report(access.journal())


def waiting() -> tuple[list[Any], list[Any]]:
    """Proposals that nobody has decided, and emergencies that nobody has reviewed."""
    rows = grants.waiting(access.journal())
    return [row for row in rows if row.kind == "normal"], [row for row in rows if row.kind == "emergency"]


def everybody() -> dict[str, str]:
    """Everybody who has ever signed in: key -> name with the key's beginning, as two people may share a name."""
    known = people.names(access.journal())
    called = {key: f"{words.visible(name or 'No name', 80)} ({key[:8]})" for key, name in known.items()}
    return dict(sorted(called.items(), key=lambda one: one[1].casefold()))


def name_of(person: str | None, names: Mapping[str, str]) -> str:
    """What somebody is called in a table."""
    return names.get(person, person[:12]) if person else words.NOT_KNOWN


def finding(rows: Sequence[Mapping[str, Any]], asked: Sequence[Any], taken: Sequence[Any]) -> str:
    """What the page has to say, in one sentence."""
    holding = len({row["person"] for row in rows if row["role"]})
    todo = [words.counted(len(asked), "proposal")] if asked else []
    todo += [words.counted(len(taken), "emergency", "emergencies")] if taken else []
    waits = f"{words.listed(todo)} {'waits' if len(asked) + len(taken) == 1 else 'wait'} for a second person"
    return f"{words.counted(holding, 'person', 'people')} {'has' if holding == 1 else 'have'} access; " + (
        waits if todo else "nothing waits for a second person"
    )


# On the screen


def figures(rows: Sequence[Mapping[str, Any]], asked: Sequence[Any], taken: Sequence[Any]) -> None:
    """How many people have access, and what somebody has to do."""
    held = {row["role"] for row in rows}
    vacant = [role for role in ROLES if role not in held]
    people_known, inside = ({row["person"] for row in rows if row["role"] or every} for every in (True, False))
    with cards.row(4):
        cards.card("People with access", words.count(len(inside)), f"of {words.count(len(people_known))} who signed in")
        cards.card("Waiting proposals", words.count(len(asked)), "each needs a second person")
        cards.card("Emergencies to review", words.count(len(taken)), "by somebody else than took the role")
        cards.card("Roles nobody holds", words.count(len(vacant)), words.listed(vacant) or "every role is held")


def pick(name: str, options: Mapping[str, str], label: str, width: int) -> str:
    """One of some values, by what they are called; bound to the address. What a link names must be on offer."""
    filters.own(name)
    values = {called: value for value, called in options.items()}
    arrived = st.query_params.get(name)
    if name not in st.session_state and arrived is not None and arrived not in values:
        filters.refuse_here(name, arrived, "is not on offer", "Allowed", tuple(values))
    chosen = st.selectbox(
        label, tuple(values), key=name, bind=filters.BOUND, width=width, on_change=filters.chose, args=(name,)
    )
    return values[chosen]


def table(rows: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> None:
    """Who has what, fifty rows at a time, and all of it as a file; of one role when one is chosen."""
    role = pick("role", {"": EVERY} | {role: role.capitalize() for role in ROLES}, "Role", 200)
    rows = [row for row in rows if not role or row["role"] == role]
    if not rows:
        st.markdown(":gray[Nobody holds this role.]")
        return
    above = st.container()
    begins = (filters.page_number(len(rows), SIZE) - 1) * SIZE
    shown = pd.DataFrame([written(row, names) for row in rows[begins : begins + SIZE]], columns=list(LABELS))
    with above:
        tables.table(shown, "Who holds which role", labels=LABELS, pinned=("name",))
    exports.offer(Review(access.journal(), role), "access_review")


def written(row: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, str]:
    """One row of the report in words."""
    said = {name: str(row[name] or words.NOT_KNOWN) for name in ("subject", "source", "reason")}
    said |= {name: name_of(row[name], names) for name in ("asked_by", "granted_by")}
    said |= {name: ask.moment(row[name]) for name in ("since", "expires", "last_used")}
    if row["role"]:
        said["expires"] = ask.moment(row["expires"]) if row["expires"] else "no end"
        said["expires"] = "with the session" if row["source"] == "provider" else said["expires"]
    return said | {"name": name_of(row["person"], names), "role": row["role"] or "no access"}


def emergency() -> None:
    """Take a role alone for an hour; for the account menu, because those who may do so do not see the page People."""
    actor = access.current_user()
    outcome(EMERGENCY_PLACE)
    if not actor.may(EMERGENCY) or actor.emergency_until:
        return
    with st.form("_emergency", border=False):
        st.markdown(f"**In an emergency** you can take a role for {EMERGENCY_MINUTES} minutes, alone.")
        st.selectbox("Role", sorted(grants.EMERGENCY_ROLES), key="_emergency_role", format_func=str.capitalize)
        st.text_area("Why", key="_emergency_reason", max_chars=grants.LONGEST_REASON)
        st.form_submit_button("Take the role", on_click=took)
        layout.quiet("Everything is recorded, and somebody else reviews it afterwards.")


def took() -> None:
    """Take the role that the form says."""
    attempt(EMERGENCY_PLACE, "", grants.take_in_emergency, *entered("_emergency_role", "_emergency_reason"))
