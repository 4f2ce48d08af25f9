"""The route of saved views: /v/<id> leads to the explicit address, as far as the reader's own rights go."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from data import reach, view_format
from data.catalog import DIMENSIONS, attribute
from data.journal import people, store, views
from data.journal.misses import TooManyMisses
from data.rights import Actor
from data.view_format import BadView, Body
from data.warehouse import Build, NoBuild, folder, served
from web.signin import document

PAGES = Path(__file__).parent.parent / "pages"
LISTED = ("/saved_views", "All saved views")
NO_STORE = {"Cache-Control": "no-store"}


def open_view(request: Request) -> Response:
    """Redirect to what the view shows, or say why it cannot be shown whole. Changes nothing; runs in a thread."""
    session = getattr(request.state, "session", None)
    if session is None:
        return page(401, "Sign in first", "A saved view shows what you may see, so it needs to know who you are.")
    journal = store.journal()
    actor = people.actor_of(journal, session)
    try:
        view = views.get(journal, actor, request.path_params["view_id"])
    except TooManyMisses as problem:
        return page(429, "Wait a minute", str(problem), headers={"Retry-After": "60"})
    except views.NotFound as problem:
        return page(404, "No such view", str(problem), [LISTED])
    try:
        return shown(view.view_id, view.body, actor)
    except BadView as problem:
        text = f"{problem} It was saved by a Rapport that this one does not understand, so nothing of it is shown."
        return page(409, "This view cannot be opened", text, [LISTED, ("/", "Open the first page instead")])
    except NoBuild as problem:
        return page(503, "No data yet", str(problem))


def shown(view_id: str, body: Body, actor: Actor) -> Response:
    """The redirect; a page in words instead when a part of the view is gone or wholly beyond the reader."""
    there = {file.stem for file in PAGES.glob("*/*.py")}
    if body.page not in there:
        rest = view_format.address(Body(view_format.HOME, body.parameters, "", body.locked), view_id)
        text = f"Its page “{body.page}” no longer exists. Its filters can be opened on the first page."
        return page(409, "This view cannot be opened as it was", text, [(rest, "Open it on the first page"), LISTED])
    try:
        found = redirected(view_id, body, build_of(body), actor)
    except NoBuild:
        if not body.frozen:
            raise
        live = Body(body.page, body.parameters, "", body.locked)
        found = redirected(view_id, live, build_of(live), actor)
        if isinstance(found, str):
            text = (
                f"It is frozen to build {body.frozen}, which is no longer kept, so its figures cannot be shown again."
            )
            found = page(409, "This view’s data is gone", text, [(found, "Open it with the newest data"), LISTED])
    return found if isinstance(found, Response) else RedirectResponse(found, 302, NO_STORE)


def redirected(view_id: str, body: Body, build: Build, actor: Actor) -> str | Response:
    """The address with the choices that the reader has; a page in words when a whole filter would fall away."""
    offered = reach.values(build, build.scope_of(actor.held))
    kept, lost = [], []
    for name, values in body.parameters:
        if name not in build.manifest["filters"]:
            kept.append((name, values))  # the page knows whether it has this control, and says so when it has not
        elif mine := tuple(value for value in values if value in offered.get(name, ())):
            kept.append((name, mine))
        else:
            lost.append(name)
    address = view_format.address(Body(body.page, tuple(kept), body.frozen, body.locked), view_id, body.frozen)
    if not lost:
        return address
    named = ", ".join((DIMENSIONS.get(name) or attribute(name)).label for name in lost if name in offered)
    what = f"its choice of {named}" if named else "its choice of a filter that you do not have"
    text = (
        f"Everything in {what} lies outside what you may see, or is not in the data any more. "
        "Without that choice the view would show more than was meant, so you decide."
    )
    return page(
        200, "This view has nothing for you as it stands", text, [(address, "Open it without that choice"), LISTED]
    )


def build_of(body: Body) -> Build:
    """The build the view is frozen to, or the one that serves."""
    opened = served(folder())
    return opened.build(body.frozen) if body.frozen else opened.current()


def page(
    status: int, heading: str, text: str, links: Sequence[tuple[str, str]] = (), headers: dict[str, str] | None = None
) -> Response:
    """A short page in words, with ways on."""
    items = "".join(f'<li><a class="choice" href="{escape(to)}"><b>{escape(label)}</b></a></li>' for to, label in links)
    content = document("Saved view", f"<h1>{escape(heading)}</h1><p>{escape(text)}</p><ul>{items}</ul>")
    return HTMLResponse(content, status, NO_STORE | (headers or {}))


ROUTE = Route("/v/{view_id}", open_view, methods=["GET"])
