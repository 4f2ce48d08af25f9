"""The saved view that is open, in the frame: what it is, how the screen differs from it, what has changed since."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from components import access, ask, chosen, filters, opened, tables, within, words
from components.address import PARAMETERS, filter_values, label_of
from data import view_format
from data.catalog import METRICS
from data.journal import views
from data.journal.view_rows import SavedView
from data.rights import ROLES
from data.view_format import HOME, Body

TITLES, OPENING = "_titles", "_view_opening"
SHOWN = 6  # differences that are written out
Explain = Callable[[Mapping, Mapping, Any], Sequence[Any]]


def page_name() -> str:
    """The page on the screen, as a view names it."""
    return st.session_state["_file"]


def title_of(page: str) -> str:
    """A page's title, as plain text; its name when it no longer exists."""
    return words.safe_text(st.session_state.get(TITLES, {}).get(page, page))


def link(view_id: str) -> str:
    """The address of a view, on this server."""
    return f"/v/{view_id}"


# The open view


def frame(explain: Explain, titles: Mapping[str, str]) -> None:
    """The open view, or the offer of one's role. explain: the parts of a change; titles: those of all pages."""
    st.session_state[TITLES] = dict(titles)
    view = opened.current()
    if view is None:
        offer()
        return
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(
                f":material/bookmark: **{words.safe_text(view.name)}** :gray[{described(view)}]", width="stretch"
            )
            if otherwise := different(view.body):
                st.button("Back to the saved view", icon=":material/undo:", key="_view_back", on_click=back)
            st.button("Leave this view", icon=":material/close:", key="_view_leave", on_click=opened.leave)
        if view.note:
            st.markdown(words.safe_lines(view.note))
        if (limits := access.scope(ask.current()).limits) and view.owner != access.reader().person:
            mine = f"{limits[:1].lower()}{limits[1:]}"
            st.markdown(
                f":material/visibility: **Shown under your rights:** {words.safe_text(mine)}. "
                ":gray[Others may see more of it, or less.]"
            )
        for remark in (*mismatches(view), *outside(view.body), *otherwise):
            st.markdown(remark)
        changes(view, explain)


def described(view: SavedView) -> str:
    """Whose view it is, for whom, and of which data."""
    owner = "yours" if view.owner == access.reader().person else f"by {words.safe_text(view.owner_name or '–', 60)}"
    frozen = view.body.frozen
    data = f"frozen to build {words.safe_text(frozen)}" if frozen else "live, with the newest data"
    return f"saved view, {owner} · for {words.safe_text(view.shared_with)} · {data}"


def mismatches(view: SavedView) -> list[str]:
    """What must be known before any figure is read: another page, another build, a newer version."""
    found, body = [], view.body
    if body.page != page_name():
        found.append(f":material/error: This view is of the page {title_of(body.page)}, not of this one.")
    if body.frozen and body.frozen != ask.current().id:
        kept = ask.kept(body.frozen) is not None
        why = "is not the one on the screen" if kept else "is no longer kept"
        found.append(f":material/history: The build this view is frozen to {why}; the figures are of another one.")
    if view.version != opened.version_seen():
        found.append(":material/edit: This view was saved anew since you opened it.")
    return found


def outside(body: Body) -> list[str]:
    """How many of the view's choices this reader cannot have; never which."""
    offered = filter_values(ask.current())
    found = []
    for name, values in body.parameters:
        away = [value for value in values if value not in offered.get(name, ())] if is_filter(name) else []
        if away:
            choices = words.counted(len(away), "choice")
            called = label_of(name) if name in offered else "a filter you do not have"
            verb = "is" if len(away) == 1 else "are"
            found.append(
                f":material/visibility_off: **This view differs for you:** {choices} of {called} "
                f"{verb} outside what you may see, or not in the data any more."
            )
    return found


def different(body: Body) -> list[str]:
    """How the screen differs from the view as this reader may have it, in one sentence; nothing when it does not."""
    found = [
        f"{filters.caption(name) if not is_filter(name) else label_of(name)} "
        f"{words.safe_text(spoken(now, name), 80)} instead of {words.safe_text(spoken(saved, name), 80)}"
        for name, saved, now in view_format.differences(reachable(body), on_screen(body))
    ]
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return [f":material/difference: Differs from the saved view: {'; '.join(found[:SHOWN])}{more}."] if found else []


def spoken(values: Sequence[str], name: str = "") -> str:
    """Some values, or none; a segment by its name."""
    if name == within.NAME:
        values = [segment.name if (segment := within.load(one)) else words.NOT_KNOWN for one in values]
    return chosen.spoken(tuple(values)) or "none"


def is_filter(name: str) -> bool:
    """Whether a parameter is a filter, of this build or of an earlier one, and not a control of a page or the frame."""
    return name not in (*PARAMETERS, "period", "compare", within.NAME)


def reachable(body: Body) -> Body:
    """The view as this reader may have it: only values in reach, and no filter that leaves nothing to choose."""
    offered = filter_values(ask.current())
    kept = {
        name: tuple(value for value in values if value in offered.get(name, ())) if is_filter(name) else values
        for name, values in body.parameters
        if name not in filters.PAGES and not (is_filter(name) and len(offered.get(name, ())) < 2)
    }
    return Body(body.page, tuple((name, values) for name, values in kept.items() if values))


def on_screen(body: Body) -> Body:
    """What the screen shows now, as a view of the same page: every filter, and the controls that the view mentions."""
    now: dict[str, tuple[str, ...]] = dict(filters.members())
    if segment := within.current():
        now[within.NAME] = (segment.segment_id,)
    timed = filters.kind() == filters.WINDOW
    for name in [name for name, _ in body.parameters if not is_filter(name) and name not in filters.PAGES]:
        if name in ("period", "compare") and not timed:
            now[name] = body.of(name)  # switched off here, whatever the view says
        elif value := st.session_state.get(name) or st.query_params.get(name):
            now[name] = (str(value),)
    return Body(body.page, tuple(now.items()))


def back() -> None:
    """Choose again what the view says; a button's callback."""
    view = opened.current()
    if view is None:
        return
    opened.saw(view)
    body = reachable(view.body)
    for name in filter_values(ask.current()):
        if name in st.session_state:
            st.session_state[name] = list(body.of(name))
    for name, values in body.parameters:
        if not is_filter(name) and name != within.NAME:
            st.session_state[name] = values[0]
    within.choose("".join(body.of(within.NAME)[:1]))
    st.session_state["_came"] = dict.fromkeys(dict(body.parameters), "link")


# What has changed since


def changes(view: SavedView, explain: Explain) -> None:
    """What moved the page's main sum since the reader last opened this view, month by month, to the cent."""
    before, at = opening(view)
    if not (before and at):
        return
    manifest = ask.current().manifest
    when, earlier = words.moment(at, manifest["zone"]), ask.kept(before)
    if earlier is None:
        quiet(f"You last opened this view on {when}, with a build that is no longer kept: changes since are not known.")
        return
    metric = main_sum(view.body)
    found = ask.since_previous(metric, filters.view(), earlier) if metric else None
    if found is None:
        quiet(f"You last opened this view on {when}, with a build that did not have what the view asks for.")
        return
    parts = explain(*found[1:])
    what = f"Since you last opened it on {when}, {METRICS[metric].label.lower()}"
    title = words.because(what, parts, manifest["currency"])
    with st.expander(words.safe_text(title, 300), icon=":material/update:"):
        tables.parts(parts, manifest["currency"], alt=f"{title}, over the whole history.")
        quiet("Over the whole history of what you see here, month by month; exact to the cent.")


def opening(view: SavedView) -> tuple[str | None, str | None]:
    """The build this reader saw the view with before this one, and when; noted once however often it is drawn."""
    build = ask.current().id
    noted = st.session_state.get(OPENING)
    if noted is None or noted[:2] != (view.view_id, build):
        found = views.opened(access.journal(), access.current_user(), view.view_id, build)
        noted = st.session_state[OPENING] = (view.view_id, build, *found)
    return noted[2], noted[3]


def main_sum(body: Body) -> str:
    """The metric the view ranks by, if it is a sum over months; else contribution margin, or revenue."""
    sums = {metric.label: name for name, metric in METRICS.items() if not metric.under and not metric.distinct}
    ranked = [sums[label] for label in body.of("metric") if label in sums]
    known = ask.current().manifest["known"]
    return next((name for name in (*ranked, "margin", "revenue") if set(METRICS[name].needs) <= set(known)), "")


def quiet(text: str) -> None:
    """A remark that explains and does not shout."""
    st.markdown(f":small[:gray[{words.safe_text(text, 300)}]]")


# The offer of a role


def offer() -> None:
    """On the first page: the default view of one's role, to be opened or not."""
    if page_name() != HOME:
        return
    actor = access.reader()
    for role in (role for role in ROLES if role in actor.roles):
        if view := views.default_of(access.journal(), actor, role):
            st.markdown(
                f":small[:material/bookmark: Your role’s default view: **{words.safe_text(view.name)}**] "
                f"[Open]({link(view.view_id)})"
            )
