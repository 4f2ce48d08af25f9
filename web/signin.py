"""The sign-in screen: plain HTML from the server, without a script, for people nobody knows yet."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from streamlit.auth_util import encode_provider_token

from data.rights import SESSION_HOURS
from web import cookies, demo
from web.settings import Settings

MARK = Path(__file__).parent.parent / "components" / "assets" / "mark.svg"

SAID = {
    "out": ("You are signed out.", "The session has ended on this server. Close the browser on a shared machine."),
    "ended": (
        "Your session has ended.",
        f"That happens after 30 minutes without use, after {SESSION_HOURS} hours, and when you sign out elsewhere. "
        "Sign in again to return to the page you wanted.",
    ),
    "refused": (
        "You were not signed in.",
        "The answer of the identity provider was not accepted, or you stopped half-way. Try again; if it happens "
        "again, tell the person who looks after Rapport the time it happened.",
    ),
    "expired": ("That took too long.", "A sign-in must begin within two minutes. Try again."),
}

STYLE = """
:root { color-scheme: light dark; --page: #f4f6f9; --card: #fff; --text: #0c1524; --quiet: #566072;
  --line: #dfe3ea; --accent: #3a55b4; --soft: #e8edfb; --note: #eef0f4; }
@media (prefers-color-scheme: dark) { :root { --page: #0b1018; --card: #0f141d; --text: #eaeef5; --quiet: #a5b0c2;
  --line: #2b3546; --accent: #a3b6f5; --soft: #1f2c52; --note: #182030; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: flex; align-items: flex-start; justify-content: center;
  padding: 10vh 1rem 2rem; background: var(--page); color: var(--text);
  font: 15px/1.55 "Source Sans 3", "Segoe UI", system-ui, Helvetica, Arial, sans-serif; }
main { width: 100%; max-width: 27rem; padding: 1.75rem; background: var(--card); border: 1px solid var(--line);
  border-radius: 10px; }
.brand { display: flex; align-items: center; gap: .6rem; margin-bottom: 1.4rem; font-weight: 600; font-size: 1.15rem; }
.brand svg { width: 32px; height: 32px; flex: none; }
h1 { margin: 0 0 .4rem; font-size: 1.35rem; font-weight: 650; line-height: 1.25; }
p { margin: 0 0 1rem; color: var(--quiet); }
.said { margin: 0 0 1.2rem; padding: .75rem .9rem; background: var(--note); border-radius: 6px; }
.said strong { display: block; }
.said span { color: var(--quiet); }
ul { list-style: none; margin: 0; padding: 0; display: grid; gap: .55rem; }
a.choice { display: block; height: 100%; padding: .65rem .9rem; border: 1px solid var(--line); border-radius: 6px;
  color: var(--text); text-decoration: none; overflow-wrap: anywhere; }
a.choice:hover { border-color: var(--accent); background: var(--soft); }
a.choice:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
a.choice b { font-weight: 600; }
a.choice span { display: block; color: var(--quiet); font-size: .9rem; }
@media (min-width: 48rem) { .many main { max-width: 44rem; } .many ul { grid-template-columns: 1fr 1fr; } }
@media (max-width: 30rem) { body { padding-top: 1rem; } main { padding: 1.25rem; } }
"""


def routes(settings: Settings) -> list[BaseRoute]:
    """The sign-in screen, and the door to each provider."""

    async def screen(request: Request) -> Response:
        wanted = cookies.own_address(request.query_params.get("next"))
        said = next((name for name in ("out", "ended") if name in request.query_params), "")
        said = said or (request.query_params.get("problem", "") and problem(request.query_params["problem"]))
        if len(settings.providers) == 1 and not said:
            return begin(next(iter(settings.providers)), wanted)
        return HTMLResponse(page(settings, wanted, said))

    async def door(request: Request) -> Response:
        name = request.path_params["provider"]
        if name not in settings.providers:
            return HTMLResponse(page(settings, "/", "refused"), status_code=404)
        return begin(name, cookies.own_address(request.query_params.get("next")))

    return [Route("/sign-in", screen), Route("/sign-in/{provider:path}", door)]


def problem(text: str) -> str:
    """The sentence a problem of the address stands for; any other text is not repeated."""
    return text if text in ("refused", "expired") else "refused"


def begin(name: str, wanted: str) -> Response:
    """Off to the provider, remembering the wanted address."""
    token = quote(encode_provider_token(name), safe="")
    response = RedirectResponse(f"/auth/login?provider={token}", status_code=302)
    response.headers.append("set-cookie", cookies.remember(wanted))
    return response


def page(settings: Settings, wanted: str, said: str) -> str:
    """The whole screen."""
    note = ""
    if said:
        what, more = SAID[said]
        note = f'<div class="said" role="status"><strong>{escape(what)}</strong><span>{escape(more)}</span></div>'
    if settings.demo:
        heading = "Choose who you are"
        text = (
            "This is a demonstration with made-up people and no passwords. It answers this machine only. "
            "Each of them may see something else; you can change over at any time."
        )
        choices = [(name, f"{one.name}, {one.title}", one.sees) for name, one in demo.PERSONAS.items()]
    else:
        heading = "Sign in"
        text = "Rapport shows a company's figures to people it knows. Your identity provider says who you are."
        choices = [(one.name, f"Continue with {one.label}", "") for one in settings.providers.values()]
    many = ' class="many"' if len(choices) > 4 else ""
    items = "".join(choice(name, label, more, wanted) for name, label, more in choices)
    return document("Sign in", f"{note}<h1>{heading}</h1><p>{escape(text)}</p><ul>{items}</ul>", many)


def document(title: str, content: str, attributes: str = "") -> str:
    """A page of the server's own, in the product's look. content: HTML in which every text is escaped."""
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title} · Rapport</title>'
        f'<link rel="icon" href="data:,"><style>{STYLE}</style></head><body{attributes}><main>'
        f'<div class="brand">{mark()}Rapport</div>{content}</main></body></html>'
    )


def choice(name: str, label: str, more: str, wanted: str) -> str:
    """One button."""
    address = f"/sign-in/{quote(name, safe='')}?{urlencode({'next': wanted})}"
    below = f"<span>{escape(more)}</span>" if more else ""
    return f'<li><a class="choice" href="{escape(address)}"><b>{escape(label)}</b>{below}</a></li>'


def mark() -> str:
    """The product's mark, as decoration: its name stands beside it."""
    return re.sub(r'role="img" aria-label="[^"]*"', 'aria-hidden="true"', MARK.read_text(encoding="utf-8"))
