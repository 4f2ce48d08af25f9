"""The way from a list of customers to a new campaign about them: the same filters, and the same segment."""

from __future__ import annotations

import streamlit as st

from components import access, filters, layout, within
from components.filters import LATEST
from data.rights import DRAFT_CAMPAIGN

PAGE, LABEL, ICON = "pages/work/campaign.py", "Start a campaign", ":material/flag:"


def of_view(source: str, **more: str) -> None:
    """A button under a list of customers, for those who may write campaigns. source: where the audience comes from."""
    if not access.may(DRAFT_CAMPAIGN):
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if st.button(f"{LABEL} for these customers", icon=ICON, key=f"_campaign_start_{source}"):
            st.switch_page(PAGE, query_params={**carried(), "source": source, **more})
        layout.quiet("It takes the filters along, and holds some customers out to see what it changes.")


def of_segment(segment_id: str) -> None:
    """The same beside a kept segment."""
    if access.may(DRAFT_CAMPAIGN) and st.button(LABEL, key=f"_campaign_start_{segment_id}", type="tertiary"):
        st.switch_page(PAGE, query_params={within.NAME: segment_id, "source": "segment"})


def of_nobody() -> None:
    """The same without any choice yet."""
    if access.may(DRAFT_CAMPAIGN) and st.button(LABEL, icon=ICON, type="primary", key="_campaign_start"):
        st.switch_page(PAGE)


def carried() -> dict[str, str | list[str]]:
    """The filters, the segment and the build of this screen, as an address holds them."""
    chosen: dict[str, str | list[str]] = {name: list(values) for name, values in filters.members()}
    if segment := within.current():
        chosen[within.NAME] = segment.segment_id
    build = st.session_state.get("build") or LATEST
    return chosen | ({"build": build} if build != LATEST else {})
