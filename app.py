"""Rapport's table of contents and access matrix, and the frame around every page."""

from pathlib import Path

import streamlit as st

from components import access, account, address, ask, filters, layout, views
from components.filters import APART, HISTORY, WINDOW
from data.question import Refused
from data.rights import ACCESS, AUDIT, CAMPAIGNS, CUSTOMERS, ENTER, PARTNER, TRUST, VIEW
from data.warehouse import NoBuild
from models import bridge

ROOT = Path(__file__).parent
ASSETS = ROOT / "components" / "assets"

# Section -> file under pages/, title, icon, permission, period. A page that is not listed cannot be opened.
# Page files lie in sub-folders: Streamlit serves any pages/*.py without this file, and so without any check.
CONTENTS = {
    "Company": [
        ("company/overview", "Overview", "monitoring", VIEW, WINDOW),
    ],
    "Value": [
        ("value/customer_roi", "Customer ROI", "leaderboard", CUSTOMERS, HISTORY),
        ("value/customer", "Customer", "person_search", CUSTOMERS, HISTORY),
        ("value/lifetime_value", "Lifetime value", "savings", VIEW, HISTORY),
        ("value/churn_risk", "Churn risk", "trending_down", VIEW, HISTORY),
        ("value/responsiveness", "Responsiveness", "reply", VIEW, HISTORY),
        ("value/profiles", "Profiles", "group_work", VIEW, HISTORY),
    ],
    "Partner": [
        ("partner/partner_pareto", "Partner Pareto", "bar_chart", VIEW, WINDOW),
        ("partner/partner", "Partner", "handshake", VIEW, APART),
        ("partner/shared_customers", "Shared customers", "join_inner", VIEW, APART),
        ("partner/own_figures", "Own figures", "storefront", PARTNER, WINDOW),
    ],
    "Work": [
        ("work/my_queue", "My queue", "checklist", CUSTOMERS, HISTORY),
        ("work/channel_plan", "Channel plan", "alt_route", VIEW, HISTORY),
        ("work/segments", "Segments", "groups", VIEW, APART),
        ("work/campaigns", "Campaigns", "campaign", CAMPAIGNS, APART),
        ("work/campaign", "Campaign", "flag", CAMPAIGNS, APART),
        ("work/contact_pressure", "Contact pressure", "speed", VIEW, HISTORY),
        ("work/approvals", "Approvals", "approval", CAMPAIGNS, APART),
        ("work/demarketing", "De-marketing desk", "trending_flat", CUSTOMERS, HISTORY),
        ("views/saved_views", "Saved views", "bookmarks", VIEW, APART),
    ],
    "Control": [
        ("control/people", "People and grants", "group", ACCESS, APART),
        ("control/audit_trail", "Audit trail", "policy", AUDIT, APART),
    ],
    "Trust": [
        ("trust/data_trust", "Data trust", "verified", TRUST, APART),
        ("trust/model_cards", "Model cards", "model_training", VIEW, APART),
        ("trust/glossary", "Glossary", "menu_book", ENTER, APART),
    ],
}

# Before the navigation, or the browser would fetch a page's icon from the network to show it in the tab.
st.set_page_config(page_title="Rapport", page_icon=str(ASSETS / "mark.svg"), layout="wide")
user = access.begin()
answers, titles, contents, start = {}, {}, {}, None
for section, entries in CONTENTS.items():
    for file, title, icon, permission, period in entries:
        path = ROOT / "pages" / f"{file}.py"
        answers[title], titles[path.stem] = (layout.question_of(path), period, path.stem), title
        mine = user.may(permission)
        about = {"title": title, "icon": f":material/{icon}:", "help": answers[title][0]}
        pages = contents.setdefault(section, [])
        named = address.names(path.stem)
        if mine and start is None:  # it answers the bare address as well as its own
            start = st.Page(path, url_path="start", default=True, visibility="hidden" if named else "visible", **about)
            pages.append(start)
        seen = mine and (named or pages[-1:] != [start])
        what = path if mine else account.denied  # a page one may not open says so at its address
        pages.append(st.Page(what, url_path=path.stem, visibility="visible" if seen else "hidden", **about))
# On top, so that the filters begin where the eye does; on a phone the whole list is in the sidebar.
page = st.navigation(contents, position="top", expanded=True)
st.set_page_config(page_title=f"{page.title} · Rapport")
st.logo(str(ASSETS / "logo.svg"), icon_image=str(ASSETS / "mark.svg"), size="large")
if not user.may(ENTER):
    account.outside(user)
    st.stop()
account.menu(user)
if access.eyes_changed():
    st.switch_page(start)
try:
    build = ask.pin(filters.wanted_build())
except NoBuild as problem:
    layout.no_build(problem)
    st.stop()
account.banner(user, build.manifest["zone"])
question, st.session_state["_kind"], st.session_state["_file"] = answers[page.title]
address.check(build, page)
filters.sidebar(build)
layout.frame(page, question, build)
views.frame(bridge.build_changes, titles)
layout.watch()
try:
    page.run()
except Refused as problem:
    layout.error(str(problem), "Choose another view, or reset it.")
