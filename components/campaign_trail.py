"""What happened to a campaign, step by step, with what changed between versions; and where its figures come from."""

from __future__ import annotations

from decimal import Decimal

import streamlit as st

from components import access, ask, layout, tables, words
from components import campaign_words as spoken
from components.campaign_check import differences
from components.campaign_find import Found
from components.passports import days_old
from data import campaign
from data.campaign import Promise
from data.journal import campaigns
from data.journal.campaign_rows import Step


def show(one: Found) -> None:
    """The timeline, the latest step first."""
    if len(one.steps) < 2:
        return
    versions = campaigns.versions(access.journal(), access.reader(), one.key)
    layout.finding(f"{words.counted(len(one.steps), 'step')} so far, the latest first")
    for step in reversed(one.steps):
        with st.container(border=True, gap="xsmall"):
            who = words.safe_text(step.by_name or ("Rapport" if step.by == "system" else words.NOT_KNOWN), 60)
            st.markdown(f"**{spoken.step(step.name)}** by {who} · {ask.moment(step.at)}")
            if step.reason:
                st.markdown(words.safe_lines(step.reason))
            for sentence in noted(step):
                layout.quiet(words.safe_text(sentence, 400))
            changed(step, one.steps, versions)
            layout.quiet(f"Version {step.version}, SHA-256 {step.sha256[:12]}…")


def noted(step: Step) -> list[str]:
    """What was frozen at the export or measured at the end, in sentences."""
    detail = step.detail
    if step.name == "export":
        arms = [
            f"{words.count(detail.get(arm, 0))} {spoken.ARMS[arm].lower()}" for arm in spoken.ARMS if detail.get(arm)
        ]
        found = [f"Drawn: {', '.join(arms)}; it costs {spoken.money(Decimal(str(detail.get('cost', 0))))}"]
        if left := dict(detail.get("excluded") or {}):
            said = ", ".join(f"{words.count(number)} {reason}" for reason, number in left.items())
            found.append(f"Left out of {words.count(detail.get('candidates', 0))} candidates: {said}")
        return found
    return [f"{spoken.verdict(detail['verdict'])}, by build {detail.get('build', '')}"] if detail.get("verdict") else []


def changed(step: Step, steps: tuple[Step, ...], versions: dict[int, Promise]) -> None:
    """What differs from the version of the step before."""
    before = [one for one in steps if one.step < step.step]
    if not before or before[-1].version == step.version:
        return
    old, new = versions[before[-1].version], versions[step.version]
    differences(campaign.difference(old, new), f"since version {before[-1].version}")


def passport(one: Found) -> None:
    """How the figures of the record are worked out, of whom, from which build."""
    if one.row is None:
        return
    with st.popover("Passport", icon=":material/fact_check:", type="tertiary", key="_campaign_passport",
                    help="Where these figures come from"):  # fmt: skip
        manifest = ask.current().manifest
        treated, control = (one.figure(f"{arm}_customers") for arm in ("treated", "control"))
        st.markdown(
            "**Incremental.** What treated customers brought beyond those held out at random, all drawn counted."
        )
        st.code("effect = mean(treated) − mean(held out)\nincremental margin = effect on margin × treated\n"
                "incremental ROI = (incremental margin − cost) / cost", language=None)  # fmt: skip
        st.markdown(
            "**Attributed.** All revenue within 30 days of a contact, whether it would have come anyway or not."
        )
        people = f"{words.count(treated)} treated, {words.count(control)} held out" if treated and control else ""
        rows = [
            ("Campaign", words.safe_text(one.key)),
            ("Customers", people),
            ("Cost", spoken.money(one.figure("cost"))),
            ("Build", f"`{ask.current().id}`, made {words.moment(manifest['built_at'], manifest['zone'])}"),
            (
                "Data to",
                f"{words.moment(manifest['as_of'], manifest['zone'])}, {words.ago(days_old(manifest['as_of']))}",
            ),
            ("Method", "docs/campaign-measurement.md"),
        ]
        tables.facts([row for row in rows if row[1]], "Where the figures come from")
