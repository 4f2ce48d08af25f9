"""The route of exports: /export/<ticket> answers its owner once, with a complete file that is already on record."""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterator

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from data import export, export_tickets
from data.export_document import Document
from data.export_files import TooLarge
from data.journal import people, store
from data.rights import Forbidden

LOG = logging.getLogger(__name__)
BYTES_AT_ONCE = 1 << 18
NOTHING = "default-src 'none'; sandbox; frame-ancestors 'none'"
SAFE = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": NOTHING,
    "Cross-Origin-Resource-Policy": "same-origin",
}
# A document brings its own style and, should it have any, its own pictures; still no script, no form, no other address.
OF_DOCUMENTS = {"Content-Security-Policy": f"{NOTHING}; style-src 'unsafe-inline'; img-src data:"}
STATUS = {
    export_tickets.Unknown: 404,
    export_tickets.Expired: 410,
    Forbidden: 403,
    TooLarge: 413,
    export.Busy: 503,
}


def send(request: Request) -> Response:
    """The file of a ticket, or why there is none. Runs in a thread: making a file takes a while."""
    if request.method != "GET":  # asking about a file must not use its ticket up
        return sentence("A file is fetched with GET.", 405)
    session = getattr(request.state, "session", None)
    try:
        if session is None:
            raise export_tickets.Unknown("There is no such file.")
        ticket = export_tickets.tickets().take(request.path_params["token"], session.session_id)
        journal = store.journal()
        made = export.deliver(journal, people.actor_of(journal, session), ticket)
    except tuple(STATUS) as problem:
        return sentence(str(problem), next(code for kind, code in STATUS.items() if isinstance(problem, kind)))
    except Exception:  # whatever it was: what is not on record does not leave
        LOG.exception("An export could not be made or recorded")
        text = "The export could not be put on record, so nothing was sent. Tell the person who looks after Rapport."
        return sentence(text, 503)
    digest = base64.b64encode(bytes.fromhex(made.sha256)).decode()
    headers = (
        SAFE
        | (OF_DOCUMENTS if made.mime == Document.mime else {})
        | {
            "Content-Disposition": f'attachment; filename="{made.name}"',
            "Content-Encoding": "identity",  # or Streamlit would compress it, and take the length away
            "Content-Length": str(made.size),  # so that the browser sees when a transfer breaks off
            "Repr-Digest": f"sha-256=:{digest}:",
        }
    )
    return StreamingResponse(parts(made), headers=headers | {"Content-Type": made.mime})


def sentence(text: str, status: int) -> Response:
    """An answer in words."""
    return PlainTextResponse(text, status_code=status, headers=SAFE)


def parts(made: export.Made) -> Iterator[bytes]:
    """The bytes of a file, which is gone when they are sent or nobody takes them any more."""
    with made.file:
        while part := made.file.read(BYTES_AT_ONCE):
            yield part


ROUTE = Route("/export/{token}", send, methods=["GET"])
