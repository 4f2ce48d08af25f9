"""Lists that were proposed: those that wait for a second person, those that hold, and what became of the others."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from components import access, ask, attempts, layout, tables, words
from components.demarket import LABELS, UNITS, channel_labels, money, number_of, standing, todo
from components.demarket_propose import PLACE
from data import demarketing
from data.catalog import Unit
from data.journal import overrides, releases
from data.journal.release_rows import RELEASED, STOP, WAITING, Listed, Release
from data.journal.releases import MOST_NOTE
from data.question import Refused
from data.rights import PROPOSE_RELEASE, RELEASE, ROLES, Actor
from data.view import View

MOST, NAMED = 1_000, 5
ROWS = ("customer_id", "todo", "expected", "interval", "saving", "p_wrong")
HISTORY = {
    "at": "Last step",
    "state": "State",
    "customers": "Customers",
    "saving": LABELS["saving"],
    "wrong": "Expected to be wrong",
    "author": "Proposed by",
    "who": "By",
    "why": "Reason",
    "note": "Note",
}


def decides(actor: Actor) -> bool:
    """Whether releasing is this reader's work, also seen through somebody else's eyes."""
    return any(RELEASE in ROLES.get(role, frozenset()) for role in actor.roles)


def obstacle(actor: Actor, one: Release) -> str:
    """Why this reader cannot be the second person here; nothing when nothing stands in the way."""
    if hindered := access.hinders_deciding(actor, RELEASE):
        return hindered
    return "You proposed this list yourself, so another approver decides." if actor.person == one.author else ""


def in_state(actor: Actor, *states: str) -> list[Release]:
    """Lists that this reader may see, in these states, the latest step first; in any when none is named."""
    found = releases.listing(access.journal(), actor)
    return [one for one in found if not states or one.state in states]


# What waits


def waiting(actor: Actor) -> None:
    """Lists that wait, the oldest first: everything that is needed to decide, and the buttons."""
    found = in_state(actor, WAITING)[::-1]
    if not found:
        return
    number = words.counted(len(found), "list")
    mine = decides(actor) and any(one.author != actor.person for one in found)
    layout.finding(
        f"{number} {'waits' if len(found) == 1 else 'wait'} for {'your decision' if mine else 'an approver'}"
    )
    for one in found:
        with st.container(border=True):
            about(actor, one)
            if decides(actor):
                decide(actor, one)
            if one.author == actor.person:
                take_back(one, "Withdraw", "Why is it withdrawn?", releases.withdraw, "The list is withdrawn.",
                          access.hinders_deciding(actor, PROPOSE_RELEASE))  # fmt: skip


def about(actor: Actor, one: Release) -> None:
    """One list: who proposed it and why, its sums, what changed since, its customers."""
    rows = releases.customers(access.journal(), actor, one.release_id)
    author = words.safe_text(one.author_name or words.NOT_KNOWN, 60)
    st.subheader(f"{words.counted(one.customers, 'customer')}, proposed by {author}", anchor=False)
    layout.quiet(f"{ask.moment(one.created_at)} · on the figures of build {words.safe_text(one.build)}")
    st.markdown(words.safe_lines(one.note, MOST_NOTE))
    stop = sum(row.action == STOP for row in rows)
    other = len(rows) - stop
    if one.state == WAITING:
        changed(one, rows)
    tables.facts(
        [
            ("What to do", f"stop contacts with {words.count(stop)}, a cheaper channel for {words.count(other)}"),
            ("Saving a year", f"{words.safe_text(money(one.saving))}, expected"),
            (
                "Expected to be wrong",
                f"{number_of(one.wrong)} of {words.count(len(rows))}: they would bring more than contacts cost",
            ),
            ("Least sure", f"a chance of {words.share(max(row.p_wrong for row in rows), 0)} of being wrong"),
        ],
        f"The list of {words.counted(one.customers, 'customer')} in sums",
    )  # fmt: skip
    with st.expander("Its customers", icon=":material/groups:"):
        people(one, rows)


def changed(one: Release, rows: Sequence[Listed]) -> None:
    """Who would stay although the list has them: the data, or the must-keep lists, changed since."""
    build = ask.current()
    try:
        now = standing(View(access.scope(build)))
        stay = demarketing.changes(build, now, [row.customer_id for row in rows])
    except Refused as problem:
        layout.error(str(problem))
        return
    other = one.build != build.id
    if other and not stay:
        layout.quiet(
            "The data is newer than the list; all its customers are still expected to cost more than they bring."
        )
    if not stay:
        return
    by_reason: dict[str, list[str]] = {}
    for key, why in stay.items():
        by_reason.setdefault(why, []).append(key)
    said = "; ".join(f"{why}: {named(keys)}" for why, keys in sorted(by_reason.items()))
    since = "The data is newer than the list. " if other else ""
    st.warning(
        f"{since}{words.counted(len(stay), 'customer')} would stay when it is released. {words.safe_text(said, 900)}.",
        icon=":material/warning:",
    )


def named(keys: Sequence[str]) -> str:
    """'C1, C2 and 3 more'."""
    more = f" and {words.count(len(keys) - NAMED)} more" if len(keys) > NAMED else ""
    return f"{', '.join(words.visible(key, 60) for key in keys[:NAMED])}{more}"


def people(one: Release, rows: Sequence[Listed]) -> None:
    """The customers of a list with the figures it was proposed with, the largest saving first."""
    labels = channel_labels()
    frame = pd.DataFrame([vars(row) for row in rows]).sort_values(["saving", "customer_id"], ascending=[False, True])
    frame["todo"] = [
        todo(action, channel, labels) for action, channel in zip(frame["action"], frame["channel"], strict=True)
    ]
    pairs = zip(frame["low"], frame["high"], strict=True)
    frame["interval"] = [f"{money(low, short=False)} to {money(high, short=False)}" for low, high in pairs]
    shown = frame[list(ROWS)].head(MOST)
    alt = f"Customers of the list proposed {ask.moment(one.created_at)}, the largest saving first"
    tables.table(
        shown, alt, ask.current().manifest["currency"], LABELS, UNITS, ("customer_id",), key=f"_list_{one.release_id}"
    )
    if len(frame) > MOST:
        layout.quiet(f"The first {words.count(MOST)} of {words.count(len(frame))} are shown.")


def decide(actor: Actor, one: Release) -> None:
    """Release or refuse; the author of a list is not offered either."""
    hindered, key = obstacle(actor, one), one.release_id
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            "Release",
            type="primary",
            icon=":material/check:",
            key=f"_release_{key}",
            disabled=bool(hindered),
            on_click=attempts.attempt,
            args=(PLACE, "The list is released. Plans and campaigns leave its customers out from now on.", let_go, key),
        )
        take_back(one, "Refuse", "Why is it refused?", releases.refuse, "The list is refused.", hindered)
    if hindered:
        layout.quiet(hindered)


def let_go(journal: Any, actor: Actor, release_id: str) -> None:
    """Release whoever is still expected to cost more than they bring, by the build on the screen."""
    demarketing.release(journal, actor, ask.current(), release_id)


def take_back(one: Release, label: str, question: str, action: Callable[..., None], said: str, hindered: str) -> None:
    """A button with a reason, in a popover."""
    key = f"_{label.lower()}_{one.release_id}"
    with st.popover(label, icon=":material/undo:", disabled=bool(hindered), key=key):
        st.text_area(question, key=f"{key}_why", max_chars=MOST_NOTE)
        st.button(label, key=f"{key}_now", on_click=with_reason, args=(action, one.release_id, f"{key}_why", said))


def with_reason(action: Callable[..., None], release_id: str, field: str, said: str) -> None:
    """Refuse, withdraw or end, with what was typed; a button's callback."""
    (reason,) = attempts.entered(field)
    attempts.attempt(PLACE, said, partial(action), release_id, ask.current().id, reason)


# What holds, and what was


def holding(actor: Actor) -> None:
    """Lists that are released now: the author or an approver can end each, and its customers come back."""
    found = in_state(actor, RELEASED)
    if not found:
        return
    off = {one.release_id: releases.steps(access.journal(), actor, one.release_id)[-1].dropped for one in found}
    number = sum(len(left_out(actor, one)) for one in found)
    layout.finding(f"{words.counted(number, 'customer')} on {words.counted(len(found), 'list')} released now")
    for one in found:
        with st.container(border=True):
            about(actor, one)
            kept_back = off[one.release_id]
            who = words.safe_text(one.by_name or words.NOT_KNOWN, 60)
            stayed = (
                f"; {words.count(len(kept_back))} stayed ({words.safe_text(named(list(kept_back)))})"
                if kept_back
                else ""
            )
            layout.quiet(f"Released by {who}, {ask.moment(one.at)}{stayed}")
            if decides(actor) or one.author == actor.person:
                needed = RELEASE if decides(actor) else PROPOSE_RELEASE
                hindered, said = access.hinders_deciding(actor, needed), "The list is ended; its customers are back."
                take_back(one, "End", "Why do its customers come back?", releases.end, said, hindered)


def left_out(actor: Actor, one: Release) -> list[Listed]:
    """The customers of a released list who are released: neither taken off it nor kept since."""
    journal = access.journal()
    off = {*releases.steps(journal, actor, one.release_id)[-1].dropped, *overrides.kept(journal)}
    return [row for row in releases.customers(journal, actor, one.release_id) if row.customer_id not in off]


def history(actor: Actor) -> None:
    """Every list this reader may see, with what became of it."""
    found = in_state(actor)
    if not found:
        return
    now = [row.saving for one in found if one.state == RELEASED for row in left_out(actor, one)]
    saved = f"those released now are expected to save {money(math.fsum(now))} a year" if now else "none is released now"
    layout.finding(f"{words.counted(len(found), 'list')} proposed so far; {saved}")
    rows = [
        {
            "at": ask.moment(one.at),
            "state": one.state.capitalize(),
            "customers": one.customers,
            "saving": one.saving,
            "wrong": one.wrong,
            "author": one.author_name or words.NOT_KNOWN,
            "who": one.by_name or words.NOT_KNOWN,
            "why": one.reason or words.NOT_KNOWN,
            "note": one.note,
        }
        for one in found[:MOST]
    ]
    units = {"customers": Unit.COUNT, "wrong": Unit.RATIO, "saving": Unit.MONEY}
    tables.table(pd.DataFrame(rows), "Lists that were proposed, the latest step first",
                 ask.current().manifest["currency"], HISTORY, units)  # fmt: skip
