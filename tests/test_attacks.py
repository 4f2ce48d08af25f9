"""Attacks on the running server by somebody who writes the requests by hand: addresses, cookies, sockets, widgets."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest
import sqlalchemy as sa
from streamlit.proto.WidgetStates_pb2 import WidgetStates
from websockets.exceptions import InvalidStatus

from data.journal import grants, people
from data.journal.schema import AUDIT, SESSION
from data.journal.store import Journal
from data.rights import ADMIN, AUDITOR, ROLES
from tests import architecture, browser, colleagues
from tests.conftest import ROOT, run_data
from tests.tab import Tab, change_over, cookie_of, tab, visitor

PAGES = [file.split("/")[1] for file, _ in architecture.contents((ROOT / "app.py").read_text(encoding="utf-8"))]
KEY = re.compile(r"\bC\d{7}\b")


@pytest.fixture(scope="module")
def served(warehouse, tmp_path_factory) -> Iterator[tuple[str, Journal]]:
    """A server of its own, and its journal as the server itself sees it."""
    folder = tmp_path_factory.mktemp("attacked")
    with browser.serve(warehouse, RAPPORT_JOURNAL=str(folder)) as address:
        yield address, Journal(str(folder))


@pytest.fixture(scope="module")
def address(served) -> str:
    return served[0]


def keys(text: str) -> set[str]:
    """Customers named in what was sent."""
    return set(KEY.findall(text))


def rows(journal: Journal, action: str) -> list[sa.Row]:
    """Audit rows of one action, the earliest first."""
    return journal.rows(sa.select(AUDIT).where(AUDIT.c.action == action).order_by(AUDIT.c.seq))


def person_of(journal: Journal, name: str) -> str:
    """The key of somebody of the demonstration."""
    (found,) = [key for key, called in people.names(journal).items() if called.startswith(name)]
    return found


# ---- Around the door.

ASIDE = [
    "//", "///", "/%2f", "/.", "/..", "/./overview", "//overview", "/OVERVIEW", "/overview/", "/overview;a", "/index.html",
    "/sign-in/../overview", "/sign-in/..%2foverview", "/sign-in/%2e%2e/overview", "/sign-in/..;/overview", "/sign-inx",
    "/sign-in;/overview", "/sign-in./overview", "/SIGN-IN/../overview", "/sign-in/%00", "/sign-in/../static/index.html",
    "/sign-in/../media/x.csv", "/sign-in/..%2f_stcore%2fhost-config", "/oauth2callbackx", "/oauth2callback/x",
    "/oauth2callback/../overview", "/OAUTH2CALLBACK", "/auth/x", "/auth/loginx", "/auth/login/../../overview",
    "/healthz/", "/healthz/../overview", "/healthz%00", "/healthz/x", "/HEALTHZ", "/_stcore/health/",
    "/_stcore/health/../host-config", "/_stcore/healthx", "/_stcore/host-config", "//_stcore/host-config",
    "/%5fstcore/host-config", "/_stcore%2fhost-config", "/_stcore/metrics", "//_stcore/metrics", "/_stcore/Metrics",
    "/_stcore/agent/mcp", "/_stcore/agent/interact", "/_STCORE/agent/mcp", "/_stcore/stream",
    "/_stcore/script-health-check", "/_stcore/upload_file/a/b", "/_stcore/bidi-components/x",
    "/_stcore/bidi-components/x/../../y", "/component/x/index.html", "/media/x.csv", "/app/static/x",
    "/app/static/../../server.py", "/static/", "/static/index.html", "/export/x", "/v/x", "/\\..\\overview",
    "http://127.0.0.1/overview", "http://evil.example/overview", "*",
]  # fmt: skip
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "CONNECT")


def raw(address: str, method: str, target: str, *headers: str) -> tuple[int, dict[str, str], bytes]:
    """One request exactly as written: no library tidies the path."""
    host = urlsplit(address).netloc
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", "Connection: close", *headers, "", ""]
    with socket.create_connection(("127.0.0.1", int(host.split(":")[1])), 10) as line:
        line.sendall("\r\n".join(lines).encode("latin-1"))
        answer = b""
        while part := line.recv(65_536):
            answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    found = [one.partition(": ") for one in rest]
    return int(first.split(" ")[1]), {name.lower(): value for name, _, value in found}, body


@pytest.mark.parametrize("target", ASIDE)
def test_no_spelling_of_an_address_leads_nobody_past_the_door(target, address):
    """Nothing but refusals, ways to the sign-in screen, and the empty frame that Streamlit gives for unknown names."""
    with visitor(address, "otto") as otto:
        frame = otto.get("/overview").content
    for method in METHODS:
        for accept in ("*/*", "text/html"):
            status, headers, body = raw(address, method, target, f"Accept: {accept}")
            if status in (301, 302, 307, 308):
                to = headers["location"]
                assert to.startswith(("/sign-in", "../sign-in")) or to.endswith("/sign-in"), (method, target, to)
            elif status == 200:
                assert target.startswith("/sign-in/") and body in (frame, b""), (method, target)
            else:
                assert status in (400, 401, 403, 404, 405), (method, target, status)


@pytest.mark.parametrize(
    "path",
    ["/_stcore/stream", "/_stcore/stream/", "//_stcore/stream", "/_STCORE/stream", "/x/_stcore/stream", "/%5fstcore/stream",
     "/_stcore%2fstream", "/sign-in/../_stcore/stream", "/sign-in/%2e%2e/_stcore/stream", "/_stcore/health", "/healthz",
     "/sign-in", "/auth/login", "/_stcore/agent/mcp", "/_stcore/stream.", "/_stcore/stream;x"],
)  # fmt: skip
def test_no_spelling_of_the_websockets_address_opens_it_for_nobody(path, address):
    with visitor(address) as nobody, pytest.raises(InvalidStatus) as refusal, tab(address, nobody, path=path):
        raise AssertionError("it opened")
    assert refusal.value.response.status_code == 403


def test_nothing_of_the_server_runs_for_requests_of_other_kinds(address):
    """The door of programs, the figures about the server: closed also for who has signed in."""
    with visitor(address, "otto") as otto:
        for path in ("/_stcore/agent/mcp", "/_stcore/agent/interact", "/_stcore/agent", "/_stcore/metrics"):
            for method in ("GET", "POST", "DELETE"):
                assert otto.request(method, path).status_code == 404, (method, path)
        for path in ("/app/static/../server.py", "/app/static/..%2fserver.py", "/media/..%2f..%2fserver.py",
                     "/static/..%2f..%2fserver.py", "/component/..%2f..%2fserver.py/x", "/..%2fserver.py"):  # fmt: skip
            status, _, body = raw(address, "GET", path, f"Cookie: {cookie_of(otto)}")
            assert b"streamlit run server.py" not in body and b"import " not in body, (path, status)


# ---- Cookies.


def test_a_strange_cookie_header_proves_its_person_or_nobody(address):
    """A second person's cookie in the same header never makes a mixture: it is one of the two, or nobody."""
    with visitor(address, "erin") as erin, visitor(address, "max") as max_:
        own, other = cookie_of(erin), cookie_of(max_)
        value = erin.cookies["_streamlit_user"]
        strange = {
            own + "; " + "; ".join(f"c{n}=x" for n in range(300)): {"Erin"},
            own + "; " + own: {"Erin"},
            other + "; " + own: {"Erin", "Max", ""},
            own + "; " + other: {"Erin", "Max", ""},
            "_streamlit_user=junk; " + own: {"Erin", ""},
            own + "; _streamlit_user=junk": {"Erin", ""},
            own + "; _streamlit_user__1=junk; _streamlit_user_1=junk": {"Erin", ""},
            own.replace("_streamlit_user=", "_STREAMLIT_USER="): {""},
            own.replace("_streamlit_user=", "_streamlit_user =x; x="): {""},
            # not the last character, of which some bits carry nothing
            own.replace(value, value[:-6] + ("A" if value[-6] != "A" else "B") + value[-5:]): {""},
            own.replace(value, value + "x"): {""},
            "_streamlit_user=" + max_.cookies["_streamlit_user_tokens"]: {""},
            "; ".join(f"_streamlit_user__{n}=x" for n in range(200)): {""},
            own.replace(value, "chunks-99999999"): {""},
        }
        for header, expected in strange.items():
            try:
                with tab(address, erin, header) as opened:
                    shown = opened.run("glossary")
            except InvalidStatus as refusal:
                shown = f"refused with {refusal.response.status_code}"
            seen = [name for name in ("Erin", "Max") if f"{name} (" in shown]
            assert len(seen) <= 1 and (seen or "not signed in" in shown or shown == "refused with 403"), header[:80]
            assert "".join(seen) in expected, (header[:80], seen)


# ---- Forged messages over an open websocket.


@pytest.mark.parametrize("persona", ["erin", "max", "ines", "pia", "gina"])
def test_a_page_that_is_not_ones_own_stays_closed_also_by_its_inner_name(persona, address):
    with visitor(address, "otto") as otto, tab(address, otto) as his:
        his.run()
        names = dict(his.pages)
    role = {"erin": "executive", "max": "manager", "ines": "admin", "pia": "partner", "gina": ""}[persona]
    closed = [page for page, permission in permissions().items() if permission not in ROLES.get(role, frozenset())]
    assert closed
    with visitor(address, persona) as person, tab(address, person) as own:
        for page in closed:
            shown = own.run(names[page])
            assert "Your roles do not open this page" in shown or "No access" in shown, page
            assert not {"metric", "arrow_data_frame", "plotly_chart"} & elements(own), page
            assert keys(shown) == set()


def permissions() -> dict[str, str]:
    """Page -> the permission it needs, as app.py names it."""
    import ast

    from data import rights

    for node in ast.parse((ROOT / "app.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "CONTENTS":
            listed = [row for section in node.value.values for row in section.elts]
            return {row.elts[0].value.split("/")[1]: getattr(rights, row.elts[3].id) for row in listed}
    raise AssertionError("no CONTENTS")


def elements(own: Tab) -> set[str]:
    """The kinds of elements of the last run."""
    deltas = [message.delta.new_element for message in own.got if message.WhichOneof("type") == "delta"]
    return {kind for element in deltas if (kind := element.WhichOneof("type"))}


def test_a_forged_value_of_any_widget_shows_no_row_of_somebody_else(address):
    """What is typed, chosen or set by hand: a foreign key gets the answer of a key that nobody has."""
    with visitor(address, "otto") as otto, tab(address, otto) as his, visitor(address, "max") as max_:
        everybody = set()
        for page in range(1, 5):
            everybody |= keys(his.run("customer_roi", f"page={page}"))
        for page in ("customer", "customer_roi", "overview"):
            with tab(address, max_) as own:
                mine = keys(own.run("customer_roi")) | keys(own.run("customer_roi", "page=2"))
                foreign = sorted(everybody - mine)[0]
                own.widgets.clear()
                own.run(page)
                assert own.widgets, page
                answers = {}
                for key in (foreign, "C9999999"):
                    shown = own.run(page, states=own.forge(key))
                    answers[key] = sorted(set(shown.replace(key, "").splitlines()))
                assert answers[foreign] == answers["C9999999"], page


def test_a_foreign_customers_address_is_answered_like_a_missing_ones_and_as_fast(address):
    with visitor(address, "otto") as otto, tab(address, otto) as his:
        everybody = keys(his.run("customer_roi"))
    with visitor(address, "max") as max_:
        with tab(address, max_) as own:
            mine = keys(own.run("customer_roi")) | keys(own.run("customer_roi", "page=2"))
        foreign = sorted(everybody - mine)
        took: dict[str, list[float]] = {"foreign": [], "missing": []}
        for n, key in enumerate(foreign[:6]):
            shown = {}
            for kind, asked in (("foreign", key), ("missing", f"C99999{n:02d}")):
                with tab(address, max_) as own:
                    begin = time.perf_counter()
                    text = own.run("customer", f"customer={asked}")
                    took[kind].append(time.perf_counter() - begin)
                assert f"There is no customer {asked} in this view" in text
                shown[kind] = sorted(set(text.replace(asked, "").splitlines()))
            assert shown["foreign"] == shown["missing"]
        slow, fast = sorted(map(min, took.values()))[::-1]
        assert slow < 5 * fast, took


@pytest.mark.parametrize("name", ["_seen_as", "_actor", "_scope", "_build", "_page", "_looked_at"])
def test_a_message_cannot_put_anything_into_what_the_session_remembers(name, address):
    """A widget that calls itself like something remembered gives nobody another person, role or build."""
    states = WidgetStates()
    state = states.widgets.add()
    state.id, state.string_value = name, "system"
    with visitor(address, "max") as max_, tab(address, max_) as own:
        mine = keys(own.run("customer_roi"))
        again = keys(own.run("customer_roi", states=states))
        assert again <= mine
        assert "Your roles do not open this page" in own.run("audit_trail") or not elements(own)


def test_what_a_debugger_may_send_does_not_stop_the_server(address):
    from streamlit.proto.BackMsg_pb2 import BackMsg

    with visitor(address, "gina") as gina:
        for name in ("debug_shutdown_runtime", "debug_disconnect_websocket", "load_git_info", "clear_cache"):
            with tab(address, gina) as own:
                message = BackMsg()
                setattr(message, name, True)
                own.socket.send(message.SerializeToString())
                assert "No access" in own.run()
    assert httpx.get(f"{address}/healthz", trust_env=False).status_code == 200


# ---- Sessions and rights that end while a page is open.


def test_a_role_taken_away_closes_the_open_page_at_the_next_run_and_the_next_fetch(served):
    address, journal = served
    asks, decides = (colleagues.come(journal, name, ADMIN) for name in ("first admin", "second admin"))
    with visitor(address, "gina") as gina, tab(address, gina) as own:
        assert "No access" in own.run("customer_roi")
        person = person_of(journal, "Gina")
        grant = grants.ask(journal, asks, person, AUDITOR, "for the audit of the year")
        grants.decide(journal, decides, grant, True)
        before = own.run("customer_roi")
        assert len(keys(before)) > 5  # and so the answer is in the cache
        grants.revoke(journal, asks, grant)
        after = own.run("customer_roi")
        assert "No access" in after and keys(after) == set()
        assert not {"metric", "arrow_data_frame", "plotly_chart"} & elements(own)
        assert "revenue" not in after.lower()


def test_an_ended_session_is_nobody_at_the_next_run_and_at_the_pages_own_timer(served):
    address, journal = served
    admin = colleagues.come(journal, "third admin", ADMIN)
    with visitor(address, "ada") as ada, tab(address, ada) as own, tab(address, ada) as another:
        assert len(keys(own.run("customer_roi"))) > 5 and len(keys(another.run("customer_roi"))) > 5
        assert people.end_sessions(journal, admin, person_of(journal, "Ada")) == 1
        assert own.timers, "the page looks by itself whether the session has ended"
        own.run("customer_roi", fragment_id=own.timers[-1])
        shown = own.text() if "not signed in" in own.text() else own.read()
        assert "You are not signed in" in shown and keys(shown) == set()
        shown = another.run("customer_roi")
        assert "You are not signed in" in shown and keys(shown) == set()
        assert ada.get("/overview").headers["location"].startswith("/sign-in")
        with pytest.raises(InvalidStatus), tab(address, ada):
            raise AssertionError("it opened")


def test_signing_out_or_in_as_somebody_else_ends_the_other_tabs(address):
    with visitor(address, "otto") as person, tab(address, person) as old:
        assert len(keys(old.run("customer_roi"))) > 5
        change_over(person, "gina")
        assert "You are not signed in" in old.run("customer_roi")
        with tab(address, person) as new:
            assert "No access" in new.run("customer_roi")
            person.get("/auth/logout")
            assert "You are not signed in" in new.run("customer_roi")


def test_looking_as_somebody_else_ends_with_the_session(served):
    address, journal = served
    with visitor(address, "noor") as noor:
        with visitor(address, "otto"), tab(address, noor) as own:
            assert "Your roles do not open this page" in own.run("customer_roi")
            (session,) = journal.rows(
                sa.select(SESSION).where(
                    SESSION.c.person_id == person_of(journal, "Noor"), SESSION.c.ended_at.is_(None)
                )
            )
            alive = people.alive(journal, session.session_id)
            assert alive
            seen = people.view_as(journal, people.actor_of(journal, alive), person_of(journal, "Otto"))
            assert seen.viewed_by and not any(seen.may(one) for one in ("export", "note", "grant", "view as"))
            noor.get("/auth/logout")
        with pytest.raises(InvalidStatus), tab(address, noor):
            raise AssertionError("it opened")
        change_over(noor, "noor")
        with tab(address, noor) as anew:
            assert "You see what" not in anew.run("people")


# ---- What is on record afterwards.


def test_each_kind_of_event_is_in_the_trail_exactly_once_with_who_what_where_and_when(served):
    """Pages are drawn again and again; what happened once is written once, and never with a value of the data."""
    address, journal = served
    with visitor(address, "max") as max_, tab(address, max_) as own:
        key = sorted(keys(own.run("customer_roi")))[0]
        began = journal.rows(sa.select(sa.func.max(AUDIT.c.seq)))[0][0]
        for _ in range(3):
            own.run("customer", f"customer={key}")
        for _ in range(3):
            own.run("audit_trail")
        max_.get("/auth/logout")
    with visitor(address) as nobody:
        assert "problem=refused" in nobody.get("/oauth2callback?error=access_denied").headers["location"]
    change = {
        "customer.view": f"customer:{key}",
        "denied": "page:audit_trail",
        "sign-out": None,
        "sign-in refused": None,
    }
    for action, target in change.items():
        found = [row for row in rows(journal, action) if row.seq > began]
        assert len(found) == 1, (action, len(found))
        (row,) = found
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", row.at)
        assert target is None or row.target == target
        assert action == "sign-in refused" or row.actor == person_of(journal, "Max")
        assert isinstance(json.loads(row.detail), dict) and len(row.detail) < 2_000
    (looked,) = [row for row in rows(journal, "customer.view") if row.seq > began]
    assert looked.build and looked.session


# ---- What the server takes in, and what it writes down of itself.


def test_nobody_can_leave_files_on_the_server(address):
    with visitor(address, "otto") as browser_:
        for method in ("PUT", "POST", "DELETE", "OPTIONS"):
            answer = browser_.request(method, f"{address}/_stcore/upload_file/a/b", content=b"x" * 1_000)
            assert answer.status_code == 404, method


def test_an_address_of_more_parts_than_are_read_is_refused_not_opened_without_them(address):
    with visitor(address, "otto") as browser_:
        answer = browser_.get(f"{address}/customer_roi?segment=no-such{'&' * 1_001}")
        assert answer.status_code == 414 and "nothing is shown" in answer.text


def test_what_an_unknown_sender_calls_an_error_is_not_written_to_the_log(warehouse, tmp_path):
    log = tmp_path / "log"
    with browser.serve(warehouse, log_to=log) as place, httpx.Client(base_url=place) as nobody:
        nobody.get(
            "/oauth2callback",
            params={"error": "\x1b[31mred " * 50, "error_description": "please call 0170", "state": "x"},
        )
    text = log.read_text(encoding="utf-8")
    assert "\x1b[31m" not in text and "please call" not in text and "other" in text


def test_the_start_of_a_server_is_in_the_trail_with_a_print_of_its_settings(served):
    (row,) = rows(served[1], "server.start")
    told = json.loads(row.detail)
    assert row.actor == "system" and "demo-otto" in told["providers"] and re.fullmatch("[0-9a-f]{16}", told["settings"])


def test_a_published_build_is_in_the_trail(company, tmp_path):
    done = run_data("build", company, "--warehouse", tmp_path / "w", RAPPORT_JOURNAL=str(tmp_path / "journal"))
    assert done.returncode == 0, done.stderr
    (row,) = rows(Journal(str(tmp_path / "journal")), "build.publish")
    assert row.target == row.build == done.stdout.splitlines()[-1].rsplit("/", 1)[1].removesuffix(".duckdb")


def test_a_journal_that_cannot_be_read_stops_a_build_unless_that_is_accepted(company, tmp_path):
    (tmp_path / "journal").write_text("not a folder", encoding="utf-8")
    asked = ("build", company, "--warehouse", tmp_path / "w")
    refused = run_data(*asked, RAPPORT_JOURNAL=str(tmp_path / "journal"))
    assert refused.returncode == 1 and "own campaigns cannot be read" in refused.stderr
    assert not list((tmp_path / "w").glob("*.duckdb"))
    done = run_data(*asked, "--accept-rejected", RAPPORT_JOURNAL=str(tmp_path / "journal"))
    assert done.returncode == 0, done.stderr
    assert "without Rapport's own campaigns" in done.stderr and "journal could not be told" in done.stderr
