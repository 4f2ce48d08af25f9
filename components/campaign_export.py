"""From approval to the recipients: arms are drawn and frozen, then lists go to a file or a target."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from components import access, ask, attempts, layout, tables, words
from components.campaign_check import withdrawal
from components.campaign_find import PLACE, Found
from components.exports import WHAT_FOR, prepared
from data import audience, recipients, targets
from data.catalog import Unit
from data.export_files import KINDS
from data.journal import campaigns, deliveries
from data.journal.campaign_rows import APPROVED, EXPORTED
from data.journal.deliveries import DOWNLOAD, Delivery
from data.journal.problems import Invalid, JournalError
from data.journal.store import Journal
from data.question import Refused, View
from data.rights import SEND_CAMPAIGN, Actor, Forbidden
from data.sending.worker import start_worker
from data.targets import Target

EVERY = "2s"  # how often the progress of a sending is looked up
TARGET, KIND, HIDDEN, DAYS = (f"_campaign_{name}" for name in ("target", "kind", "pseudonyms", "days"))
GOOD_FOR = 30  # days, unless changed
NOT_SET_UP = "No target is offered: they are not set up rightly on the server. An administrator sees why at its start."
LABELS = {
    "at": "Begun", "target": "Target", "kind": "Format", "rows": "Recipients", "sent": "Sent",
    "dropped": "Left out since", "pseudonyms": "Keys", "expires": "Expires", "state": "State", "sha256": "Checksum",
}  # fmt: skip
UNITS = {"rows": Unit.COUNT, "sent": Unit.COUNT, "dropped": Unit.COUNT}


def show(one: Found, drawing: Any) -> None:
    """What the author does next: draw the arms, then send; everybody who may see it sees what was sent."""
    attempts.outcome(PLACE)
    if one.own is None:
        return
    may = one.mine and access.may(SEND_CAMPAIGN)
    if one.state == APPROVED:
        if may:
            drawn(one, drawing)
        else:
            layout.quiet("It is approved. Its author exports it next.")
        return
    if may and one.state in campaigns.RUNNING:
        sending(one)
        if one.state == EXPORTED and not any(found.open for found in shown(one.key)):
            withdrawal(one.key)  # nobody was reached, and nothing is on its way
    progress(one.key)


# Arms


def drawn(one: Found, drawing: Any) -> None:
    """The button that freezes who is in which arm, with progress; what was approved is drawn, and nothing else."""
    assert one.own
    with st.container(border=True):
        st.markdown("**Approved: draw the arms and freeze them.**")
        layout.quiet(
            "Everybody's arm is drawn now and written down; after this nothing about the campaign can change. "
            "Nobody is reached yet: lists are sent in the next step."
        )
        with st.container(horizontal=True, gap="small"):
            pressed = st.button("Export", type="primary", key="_campaign_export")
            withdrawal(one.key)
        if not pressed:
            return
        bar = st.progress(0.0, "Counting candidates")
        journal, actor, build = access.journal(), access.current_user(), ask.current()
        view = View(build.scope_of(actor.held))

        def tell(what: str, rows: int) -> None:
            stages = ("Candidates", "Arms", "File")
            at = (stages.index(what) + 1) / len(stages) if what in stages else 0.5
            bar.progress(at, f"{words.visible(what, 40)}: {words.count(rows)} customers")

        try:
            audience.export(journal, actor, build, view, one.key, drawing, tell)
        except (Forbidden, Invalid, JournalError, Refused) as problem:
            layout.error(str(problem), "Nothing was changed.")
            return
    st.session_state[attempts.key(PLACE)] = True, "The arms are drawn and frozen. Send the list next."
    st.rerun()


# Lists


def sending(one: Found) -> None:
    """Where to, in which format, under which keys, for how long."""
    assert one.own
    try:
        places: dict[str, Target | None] = {DOWNLOAD: None} | targets.configured(access.journal())
    except JournalError:
        places = {DOWNLOAD: None}
        layout.quiet(NOT_SET_UP)
    used = {found.target for found in shown(one.key) if found.open or found.ended_why == deliveries.COMPLETE}
    left = [name for name in places if name not in used]
    if not left:
        return
    with st.container(border=True):
        st.markdown("**Send the list of recipients**")
        if used:
            names = words.listed([words.safe_text(name, 40) for name in sorted(used)])
            st.markdown(f":orange[A list went to {names} already; another target gets the same customers once more.]")
        with st.grid(2, min_column_width=240, gap="small"):
            chosen = st.selectbox("Where to", left, key=TARGET, format_func=lambda name: called(name, places[name]))
            st.number_input("The receiver deletes it after, days", 1, deliveries.MOST_DAYS, GOOD_FOR, step=1, key=DAYS)
            target = places[chosen]
            if target is None or target.files:
                st.selectbox(
                    "Format", list(KINDS), key=KIND, format_func=lambda kind: f"{KINDS[kind].label}: {WHAT_FOR[kind]}"
                )
            st.toggle("Pseudonyms of this list alone", key=HIDDEN,
                      help="The receiver gets no customer keys; answers come back under these pseudonyms.")  # fmt: skip
        layout.quiet(
            "Consent is looked up once more; who withdrew it is left out and counted. Who is held out is in no list."
        )
        label = "Make the file" if target is None else f"Send to {chosen}"
        st.button(label, type="primary", key="_campaign_send", on_click=send, args=(one.key, target))


def called(name: str, target: Target | None) -> str:
    """A target by its name and place."""
    return "A file to download" if target is None else words.visible(f"{name} ({target.kind}, {target.place})")


def send(key: str, target: Target | None) -> None:
    """Make the list and put it on record; a worker sends it to a target. A button's callback."""
    kind = st.session_state.get(KIND) if target is None or target.files else None
    hidden, days = bool(st.session_state.get(HIDDEN)), int(st.session_state.get(DAYS) or GOOD_FOR)
    size = getattr(target, "batch", 0)

    def store(journal: Journal, actor: Actor) -> None:
        name = target.name if target else DOWNLOAD
        new = recipients.make(
            journal, actor, ask.current(), key, name, kind or "jsonl", hidden, days, batch_rows=size
        )  # fmt: skip
        if target:
            start_worker(journal, new)

    said = (
        "The file is ready: download it below." if target is None else "The list is on its way; its progress is below."
    )
    attempts.attempt(PLACE, said, store)


@st.fragment(run_every=EVERY)
def live(key: str) -> None:
    """The deliveries, looked up again and again while one of them is open."""
    table(key)
    if not any(found.open and found.target != DOWNLOAD for found in shown(key)):
        st.rerun()


def progress(key: str) -> None:
    """The deliveries of a campaign: how far each came, what is wrong, and what can be done about it."""
    found = shown(key)
    if not found:
        return
    layout.finding(f"{words.counted(len(found), 'list', 'lists')} of recipients")
    if any(one.open and one.target != DOWNLOAD for one in found):
        live(key)
    else:
        table(key)


def shown(key: str) -> list[Delivery]:
    """The deliveries that this reader may see."""
    return deliveries.of(access.journal(), access.reader(), key)


def table(key: str) -> None:
    """A row for each delivery; below it the open ones with their buttons."""
    found = shown(key)
    rows = [
        {
            "at": ask.moment(one.at), "target": one.target, "rows": one.rows, "sent": one.sent, "dropped": one.dropped,
            "state": state(one), "pseudonyms": "pseudonyms" if one.pseudonyms else "customer keys", "kind": one.kind,
            "expires": ask.moment(one.expires_at), "sha256": one.sha256[:12],
        }
        for one in found
    ]  # fmt: skip
    tables.table(pd.DataFrame(rows), "Lists of recipients that were made, and how far each was sent", "", LABELS, UNITS)
    own = campaigns.get(access.journal(), access.reader(), key).author == access.reader().person
    for one in found:
        if one.open and one.target != DOWNLOAD:
            st.progress(
                one.sent / one.rows,
                f"{words.count(one.sent)} of {words.count(one.rows)} sent to {words.visible(one.target)}",
            )
        if one.open and one.problem:
            layout.error(one.problem, "It is tried again; what was sent is not sent twice.")
        if own and access.may(SEND_CAMPAIGN):
            buttons(one)


def state(one: Delivery) -> str:
    """How far a delivery came, in a word."""
    if one.ended_why:
        return {"complete": "Complete", "cancelled": "Cancelled", "failed": "Failed"}.get(one.ended_why, one.ended_why)
    return "Ready to download" if one.target == DOWNLOAD else "Problem" if one.problem else "Being sent"


def buttons(one: Delivery) -> None:
    """Download, go on, cancel: for its author."""
    good = one.expires_at > access.journal().now()
    fetch = one.target == DOWNLOAD and one.ended_why in (None, deliveries.COMPLETE) and good
    if not (fetch or one.open):
        return
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        if fetch and st.button(
            "Prepare the download", key=f"_delivery_get_{one.delivery_id}", icon=":material/download:"
        ):
            try:
                prepared(recipients.wanted(access.journal(), one.delivery_id))
            except (Invalid, JournalError) as problem:
                layout.error(str(problem))
        if one.open and one.target != DOWNLOAD and one.problem:
            st.button("Go on sending", key=f"_delivery_on_{one.delivery_id}", on_click=attempts.attempt,
                      args=(PLACE, "It goes on where it stopped.", go_on, one.delivery_id))  # fmt: skip
        if one.open:
            args = (PLACE, "It is cancelled. What was sent counts.", deliveries.cancel, one.delivery_id)
            st.button("Cancel", key=f"_delivery_stop_{one.delivery_id}", on_click=attempts.attempt, args=args)


def go_on(journal: Journal, actor: Actor, delivery_id: str) -> None:
    """Start a worker again for one's own delivery."""
    actor.require(SEND_CAMPAIGN)
    campaigns.own(actor, campaigns.get(journal, actor, deliveries.get(journal, delivery_id).campaign_id))
    start_worker(journal, delivery_id)
