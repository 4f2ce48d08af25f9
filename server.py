"""Production entry (`streamlit run server.py`): app.py behind sign-in, security headers and a health check."""

import gc
from contextlib import asynccontextmanager, suppress

import streamlit as st
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from streamlit.runtime.pages_manager import PagesManager

from data.warehouse import NoBuild, folder, served
from web import exports, saved
from web.start import prepare

# Streamlit would take a folder named pages/ for its old navigation until the first script run, and answer the first
# visitor's deep link with "page not found"; app.py lists the pages.
PagesManager.uses_pages_directory = False


@asynccontextmanager
async def warm(_: st.App):
    """Load what every first visitor would wait for, then let the garbage collector skip it for good."""
    import components.charts  # noqa: F401  (plotly is slow to import)

    with suppress(NoBuild):  # the screen says how to make one
        served(folder()).current()
    gc.collect()
    gc.freeze()
    yield


async def health(_: Request) -> JSONResponse:
    """200 with the name of the build that serves; 503 while there is none."""
    try:
        return JSONResponse({"status": "ok", "build": served(folder()).newest()})
    except NoBuild:
        return JSONResponse({"status": "no build"}, status_code=503)


start = prepare()
app = st.App(
    "app.py",
    secrets=start.settings.secrets(),
    routes=[Route("/healthz", health), exports.ROUTE, saved.ROUTE, *start.routes],
    middleware=start.middleware,
    exception_handlers={Exception: start.broken},
    lifespan=warm,
)
