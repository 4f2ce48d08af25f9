"""A tab of a browser without the browser: the messages of Streamlit's websocket, sent by hand, also forged ones."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetStates
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.oidc_fake import NAVIGATION

MADE_ANEW = re.compile(
    r"[0-9a-f]{32,}|[0-9a-f]{8}-[0-9a-f-]{27}|\$\$ID-\S+|hash: \S+|run_id: \S+|uuid: \S+|T_[0-9a-f]{5}"
)


@contextmanager
def visitor(address: str, persona: str = "") -> Iterator[httpx.Client]:
    """A browser's cookies, and the person of the demonstration whose they are."""
    with httpx.Client(base_url=address, headers=NAVIGATION, trust_env=False, timeout=30) as client:
        client.get("/_stcore/health")  # sets the cookie against forged requests
        if persona:
            change_over(client, persona)
        yield client


def change_over(client: httpx.Client, persona: str) -> None:
    """Sign in as somebody of the demonstration, whoever it was before."""
    there = client.get(f"/sign-in/demo-{persona}?next=/healthz", follow_redirects=True)
    assert there.url.path == "/healthz"


def cookie_of(client: httpx.Client) -> str:
    """The header a browser would send."""
    return "; ".join(f"{name}={value}" for name, value in client.cookies.items())


class Tab:
    """One websocket and what came over it."""

    def __init__(self, socket: ClientConnection, address: str):
        self.socket, self.address = socket, address
        self.got: list[ForwardMsg] = []
        self.pages: dict[str, str] = {}
        self.widgets: dict[str, tuple[str, str]] = {}
        self.timers: list[str] = []

    def run(self, page: str = "", query: str = "", states: WidgetStates | None = None, **more: str) -> str:
        """Have the script run, as a click or an address does; all that the server sent until it ended, as text.

        page: the last part of an address, or the hash of a page that no link leads to. more: fields of the request.
        """
        request = BackMsg()
        request.rerun_script.query_string = query
        request.rerun_script.context_info.url = f"{self.address}/{page}"
        if re.fullmatch(r"[0-9a-f]{32}", page):
            request.rerun_script.page_script_hash = page
        else:
            request.rerun_script.page_name = page
        if states is not None:
            request.rerun_script.widget_states.CopyFrom(states)
        for name, value in more.items():
            setattr(request.rerun_script, name, value)
        self.socket.send(request.SerializeToString())
        return self.read()

    def read(self, seconds: float = 30) -> str:
        """What arrives until the script ends."""
        self.got = []
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                received = self.socket.recv(timeout=left)
            except (TimeoutError, ConnectionClosed):
                break
            message = ForwardMsg()
            message.ParseFromString(received if isinstance(received, bytes) else received.encode())
            self.got.append(message)
            self.learn(message)
            if message.WhichOneof("type") == "script_finished" and message.script_finished != (
                ForwardMsg.FINISHED_EARLY_FOR_RERUN
            ):
                return self.text()
        raise AssertionError("the script did not end")

    def learn(self, message: ForwardMsg) -> None:
        """Remember pages, widgets and timers."""
        kind = message.WhichOneof("type")
        if kind == "navigation":
            self.pages = {page.url_pathname: page.page_script_hash for page in message.navigation.app_pages}
        elif kind == "auto_rerun":
            self.timers.append(message.auto_rerun.fragment_id)
        elif kind == "delta":
            element = message.delta.new_element
            name = element.WhichOneof("type")
            widget = getattr(element, name) if name else None
            if getattr(widget, "id", "") and hasattr(widget, "label"):
                self.widgets[widget.id] = name, widget.label

    def text(self) -> str:
        """Everything of the last run that a person or a program could read, without names made anew each time."""
        return MADE_ANEW.sub("", "\n".join(str(message) for message in self.got)).replace("\\\\", "")

    def sent(self) -> bytes:
        """The bytes of the last run."""
        return b"".join(message.SerializeToString() for message in self.got)

    def forge(self, value: str) -> WidgetStates:
        """Every widget of the screen claims this value, whatever it offers."""
        states = WidgetStates()
        for name, (kind, _) in self.widgets.items():
            state = states.widgets.add()
            state.id = name
            if kind == "multiselect":
                state.string_array_value.data.append(value)
            elif kind in ("selectbox", "text_input", "text_area"):
                state.string_value = value
        return states


@contextmanager
def tab(address: str, client: httpx.Client, cookie: str | None = None, path: str = "/_stcore/stream") -> Iterator[Tab]:
    """Open a tab; websockets.InvalidStatus when the server will not have it."""
    own = cookie_of(client) if cookie is None else cookie
    token = client.cookies.get("_streamlit_xsrf") or "none"
    with connect(
        address.replace("http", "ws") + path,
        origin=address,  # type: ignore[arg-type]
        additional_headers={"Cookie": own},
        subprotocols=["streamlit", token],  # type: ignore[list-item]
        proxy=None,
        max_size=None,
    ) as socket:
        yield Tab(socket, address)
