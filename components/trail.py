"""The audit trail on the screen: which entries, in words, and whether anybody has tampered with them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st

from components import access, ask, exports, filters, layout, people, tables, words
from data.export_journal import Trail
from data.journal import audit
from data.rights import SYSTEM

SIZE = 50
ACTIONS = {
    "": "Every action",
    "sign-in": "Signed in",
    "sign-out": "Signed out",
    "session.end": "Session ended",
    "view-as.end": "Looked as oneself again",
    "sign-in refused": "Sign-in refused",
    "sign-in throttled": "Too many sign-ins tried",
    "sessions.end": "Ended somebody's sessions",
    "roles.contradict": "Came with contradictory roles",
    "denied": "Tried what is not allowed",
    "view-as": "Looked as somebody else",
    "grant.ask": "Proposed a role",
    "grant.decide": "Decided a proposal",
    "grant.revoke": "Took a role away",
    "emergency.take": "Took a role in an emergency",
    "emergency.review": "Reviewed an emergency",
    "view.save": "Saved a view",
    "view.change": "Changed a view",
    "view.restore": "Restored a view",
    "view.delete": "Deleted a view",
    "view.default": "Set a role's first view",
    "view.open": "Opened a shared view",
    "segment.save": "Kept a segment",
    "segment.rename": "Renamed or shared a segment",
    "segment.delete": "Deleted a segment",
    "note.add": "Wrote a note",
    "note.remove": "Removed a note",
    "campaign.draft": "Drafted a campaign",
    "campaign.revise": "Changed a campaign",
    "campaign.submit": "Submitted a campaign",
    "campaign.return": "Sent a campaign back",
    "campaign.approve": "Approved a campaign",
    "campaign.withdraw": "Withdrew a campaign",
    "campaign.export": "Froze a campaign's arms",
    "campaign.recipients": "Made a list of recipients",
    "campaign.deliver": "Began to send a campaign",
    "campaign.download": "Downloaded recipients",
    "campaign.sent": "Sent recipients",
    "campaign.cancel": "Stopped sending",
    "campaign.fail": "Gave sending up",
    "campaign.responses": "Brought responses back",
    "campaign.grade": "Graded a campaign",
    "plan.save": "Kept a channel plan",
    "plan.remove": "Removed a channel plan",
    "plan.export": "Wrote a channel plan to a file",
    "override.lock": "Locked a customer's channel",
    "override.keep": "Put a customer on the must-keep list",
    "override.end": "Ended an override",
    "release.propose": "Proposed a release",
    "release.release": "Released customers",
    "release.refuse": "Refused a release",
    "release.withdraw": "Withdrew a release",
    "release.end": "Ended a release",
    "responses denied": "Program refused",
    "responses throttled": "Too many tries of a program",
    "customer.view": "Looked at a customer",
    "partner.view": "Looked at a partner",
    "export": "Exported a table",
    "audit.verify": "Verified the audit trail",
    "audit.export": "Wrote the audit trail to a file",
    "audit.key": "Gave the audit trail a new key",
    "access.review": "Wrote the access review to a file",
    "journal.backup": "Backed up the journal",
    "build.publish": "Published a build",
    "server.start": "Started the server",
}
LABELS = {  # what a narrow window shows first comes first
    "seq": "Number",
    "at": "Time",
    "who": "Who",
    "action": "Action",
    "target": "What it was about",
    "detail": "Details",
    "build": "Build",
    "utc": "UTC",
}
MOST_DETAIL, SHOWN = 300, 10


def chosen(names: Mapping[str, str]) -> dict[str, str]:
    """What the reader looks for, from controls bound to the address, as the journal is asked."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        action = people.pick("action", ACTIONS, "Action", 230)
        who = people.pick("who", {"": "Everybody", SYSTEM.person: SYSTEM.name, **names}, "Who", 240)
        target = filters.key("target", "About exactly", "a key, as in the table below")
        since, until = day("from", "From"), day("to", "To and including")
    return {
        "action": action,
        "actor": who,
        "target": target,
        "since": midnight(since) if since else "",
        "until": midnight(until + timedelta(days=1)) if until else "",
    }


def day(name: str, label: str) -> date | None:
    """A day bound to the address; None when none is chosen."""
    filters.own(name)
    return st.date_input(
        label,
        value=None,
        min_value=date(2000, 1, 1),
        max_value=date(2199, 12, 31),
        key=name,
        bind=filters.BOUND,
        format="YYYY-MM-DD",
        width=150,
        on_change=filters.chose,
        args=(name,),
    )


def midnight(when: date) -> str:
    """The beginning of a day on the company's clocks, as the journal writes moments."""
    local = datetime.combine(when, time(), ZoneInfo(ask.current().manifest["zone"]))
    return f"{local.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.000000Z"


def table(entries: Sequence[Any], names: Mapping[str, str]) -> None:
    """One page of the trail, the newest first."""
    frame = pd.DataFrame([written(entry, names) for entry in entries], columns=list(LABELS))
    tables.table(frame, "Entries of the audit trail, the newest first", labels=LABELS)


def written(entry: Any, names: Mapping[str, str]) -> dict[str, str]:
    """One entry in words."""
    return {
        "seq": str(entry.seq),
        "at": ask.moment(entry.at),
        "utc": entry.at,
        "who": SYSTEM.name if entry.actor == SYSTEM.person else people.name_of(entry.actor, names),
        "action": decided(entry) or ACTIONS.get(entry.action, entry.action),
        "target": names.get(entry.target) or entry.target or words.NOT_KNOWN,
        "build": entry.build or words.NOT_KNOWN,
        "detail": described(entry.detail, names),
    }


def decided(entry: Any) -> str:
    """What became of a proposal; empty for anything else."""
    if entry.action != "grant.decide":
        return ""
    granted = told(entry.detail).get("granted")
    return "Granted a role" if granted is True else "Refused a role" if granted is False else ""


def told(detail: str) -> dict:
    """What the detail of an entry holds; nothing when somebody made it unreadable."""
    try:
        parts = json.loads(detail or "{}")
    except ValueError:
        return {}
    return parts if isinstance(parts, dict) else {}


def described(detail: str, names: Mapping[str, str]) -> str:
    """The details of an entry: 'role: manager; reason: stands in'. What cannot be read is shown as it is."""
    parts = told(detail)
    if not parts and detail not in ("", "{}"):
        return words.visible(detail, MOST_DETAIL)
    said = [
        f"{name.replace('_', ' ')}: {roles(value) if name == 'held' else spoken(value, names)}"
        for name, value in parts.items()
    ]
    return words.visible("; ".join(said), MOST_DETAIL) or words.NOT_KNOWN


def spoken(value: Any, names: Mapping[str, str]) -> str:
    """yes, no, –, somebody's name, or the value as it is."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return words.NOT_KNOWN if value in (None, "") else names.get(str(value), str(value))


def roles(held: Any) -> str:
    """The roles that somebody came with: 'auditor, manager of M01'. What cannot be read is shown as it is."""
    try:
        return ", ".join(f"{role} of {subject}" if subject else role for role, subject in json.loads(held)) or "none"
    except (ValueError, TypeError):
        return str(held)


def found(wanted: Mapping[str, str]) -> int:
    """How many entries there are of what is looked for."""
    return audit.count(access.journal(), **wanted)


def page(wanted: Mapping[str, str], number: int) -> Sequence[Any]:
    """One page of what was found, counted from 1."""
    return audit.entries(access.journal(), **wanted, limit=SIZE, offset=(number - 1) * SIZE)


def take_along(wanted: Mapping[str, str]) -> None:
    """All that was found as a file, not only the page on the screen."""
    exports.offer(Trail(access.journal(), **wanted), "audit_trail")


def title(number: int, wanted: Mapping[str, str]) -> str:
    """How many entries are shown, in words."""
    return f"{words.counted(number, 'entry', 'entries')}{' found' if any(wanted.values()) else ', the newest first'}"


def verification() -> None:
    """A button that works the whole chain out again, and what came of it."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        wanted = st.button("Verify", icon=":material/policy:", key="_verify")
        layout.quiet("Works out the hash of every entry again, and compares the checkpoints kept in a second place.")
    if wanted:
        with st.spinner("Verifying the audit trail"):
            verdict = audit.verify(access.journal(), access.current_user())
        (st.success if verdict.ok else st.error)(spoken_verdict(verdict))


def spoken_verdict(verdict: audit.Verdict) -> str:
    """The verdict in Markdown: what was compared, and what is wrong with which row."""
    whole = "The audit trail is unbroken." if verdict.ok else "**The audit trail is not what was written.**"
    compared = f"compared with {words.counted(verdict.checkpoints, 'checkpoint')}"
    walked = words.counted(verdict.rows, "entry", "entries")
    lines = [f"{whole} {walked}, the last one number {words.count(verdict.last)}, {compared}."]
    lines += [f"- {words.safe_text(text, 300)}" for text in (*verdict.faults[:SHOWN], *verdict.remarks[:SHOWN])]
    if not verdict.ok:
        lines.append("\nKeep the file as it is, and ask whoever keeps the checkpoints and the key.")
    return "\n".join(lines)
