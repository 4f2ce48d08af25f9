"""Production entry (`streamlit run server.py`): app.py behind a warm start and a health check."""

import gc
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route
from streamlit.runtime.pages_manager import PagesManager

from data.warehouse import NoBuild, Warehouse, folder

# Streamlit would take a folder named pages/ for its old navigation until the first script run, and answer the first
# visitor's deep link with "page not found"; app.py lists the pages.
PagesManager.uses_pages_directory = False
LONGEST_ADDRESS = 16_384  # bytes of the part after the question mark


@asynccontextmanager
async def warm(_: st.App):
    """Load what every first visitor would wait for, then let the garbage collector skip it for good."""
    import components.charts  # noqa: F401  (plotly is slow to import)

    with suppress(NoBuild):  # the screen says how to make one
        Warehouse(Path(folder())).current()
    gc.collect()
    gc.freeze()
    yield


class Bounded:
    """Refuse addresses that Streamlit would empty before app.py could look at them: that would show everything."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http" and len(scope["query_string"]) > LONGEST_ADDRESS:
            text = "This address is too long to be read whole, so nothing is shown. Open Rapport again and choose anew."
            await PlainTextResponse(text, status_code=414)(scope, receive, send)
        else:
            await self.app(scope, receive, send)


async def health(_: Request) -> JSONResponse:
    """200 with the name of the build that serves; 503 while there is none."""
    try:
        return JSONResponse({"status": "ok", "build": Warehouse(Path(folder())).newest()})
    except NoBuild:
        return JSONResponse({"status": "no build"}, status_code=503)


app = st.App("app.py", routes=[Route("/healthz", health)], middleware=[Middleware(Bounded)], lifespan=warm)
