"""The way from a list of customers to a new campaign about them: the same filters, and the same segment."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from components import access, filters, layout, within, words
from components.filters import LATEST
from data.rights import DRAFT_CAMPAIGN

PAGE, ICON = "pages/work/campaign.py", ":material/flag:"
LABEL, FOR_THESE = "Start a campaign", "Start a campaign for these customers"


def of_view(source: str) -> None:
    """A link under a list of customers, for those who may write campaigns. source: where the audience comes from."""
    if not access.may(DRAFT_CAMPAIGN):
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.page_link(PAGE, label=FOR_THESE, icon=ICON, query_params=carried() | {"source": source}, width="content")
        layout.quiet("It takes the filters along, and holds some customers out to see what it changes.")


def of_segment(segment_id: str) -> None:
    """The same beside a kept segment."""
    if access.may(DRAFT_CAMPAIGN):
        asked = {within.NAME: segment_id, "source": "segment"}
        st.page_link(PAGE, label=LABEL, icon=ICON, query_params=asked, width="content")


def of_plan(plan_id: str, channels: Mapping[str, str]) -> None:
    """The same for the customers to whom a kept plan gives a channel. channels: name -> label of those it uses."""
    if not channels or not access.may(DRAFT_CAMPAIGN):
        return
    with st.popover(LABEL, icon=ICON, type="tertiary", key=f"_plan_start_{plan_id}"):
        for name, label in channels.items():
            asked = {"source": "plan", "plan": plan_id, "channel": name} | {
                key: value for key, value in carried().items() if key == "build"
            }
            st.page_link(PAGE, label=words.safe_text(label, 60), icon=ICON, query_params=asked, width="content")


def of_nobody() -> None:
    """The same without any choice yet."""
    if access.may(DRAFT_CAMPAIGN) and st.button(LABEL, icon=ICON, type="primary", key="_campaign_start"):
        st.switch_page(PAGE)


def carried() -> dict[str, str | list[str]]:
    """The filters, the segment and the build of this screen, as an address holds them.

    They go along in a link: names that widgets of this screen own cannot be set on the way to another page.
    """
    chosen: dict[str, str | list[str]] = {name: list(values) for name, values in filters.members()}
    if segment := within.current():
        chosen[within.NAME] = segment.segment_id
    build = st.session_state.get("build") or LATEST
    return chosen | ({"build": build} if build != LATEST else {})
