"""Every page as every role, with everything the server sends written down: no personal data that was in the sources, no
row of somebody else's, no hostile name that does anything, the same protections on every answer.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import random
import re
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from data.export_files import KINDS
from data.question import LISTINGS
from tests import architecture, browser
from tests.conftest import ROOT, need

pytestmark = pytest.mark.browser
PAGES = [file.split("/")[1] for file, _ in architecture.contents((ROOT / "app.py").read_text(encoding="utf-8"))]
PERSONAS = ("otto", "erin", "max", "ines", "pia")
CANARIES = 10_000
MARK = "Zq7xvkbQuo"  # in every canary, so that one search finds any of them
PAYLOADS = (
    "<script>window.hit=1</script>",
    "<img src=x onerror=window.hit=1>",
    "![x](http://evil.example/p.png)",
    "[click](javascript:window.hit=1)",
    "<a href='http://evil.example/'>go</a>",
    "<iframe srcdoc='<script>parent.hit=1</script>'></iframe>",
    "\u202e00.1 reversed",
    "=cmd|' /C calc'!A0",
    "$\\href{javascript:window.hit=1}{x}$ :red[alarm] " + "x" * 300,
)


# ---- The company: good data, hostile names, and files full of people.


def person(number: int) -> dict[str, str]:
    """A person with a name, a phone number, a street and an e-mail address, all of them marked."""
    return {
        "full_name": f"{MARK} Muster{number}",
        "phone": f"+49 170 {MARK[2]}{number % 10_000_000:07d}",
        "street": f"{MARK}straße {number}",
        "email": f"{MARK}.{number}@mail.example",
    }


def partner_name(number: int) -> str:
    """A hostile name, and a word in it that is this partner's alone."""
    return f"{PAYLOADS[number][:120]} Nm{number}zq"


PHONE = f"+49 170 {MARK[2]}"


def write(path: Path, rows: list[dict]) -> None:
    """A CSV file."""
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture(scope="module")
def feeds(tmp_path_factory) -> Path:
    """A small company whose every name is hostile, with 10,000 personal values beside and inside its files."""
    folder, draw = tmp_path_factory.mktemp("hostile"), random.Random(3)
    keys = [f"K{n:04d}" for n in range(150)]
    lines = [
        {"order_id": f"o{n}", "ordered_at": f"2026-{n % 6 + 1:02d}-{n % 27 + 1:02d}", "revenue": f"{draw.randint(100, 9999) / 100:.2f}",
         "cost": "1.00", "customer_id": draw.choice(keys), "partner_id": f"P{n % 9}", "category": PAYLOADS[n % 9][:60],
         "sales_channel": PAYLOADS[n % 5]}
        for n in range(900)
    ]  # fmt: skip
    write(folder / "lines.csv", lines)
    write(folder / "customers.csv", [
        {"customer_id": key, "segment": PAYLOADS[n % 9], "region": f"R{n % 3}", "manager_id": f"M{n % 3}", "plan": PAYLOADS[n % 4]}
        for n, key in enumerate(keys)
    ])  # fmt: skip
    write(folder / "partners.csv", [{"partner_id": f"P{n}", "partner_name": partner_name(n)} for n in range(9)])
    write(folder / "targets.csv", [
        {"metric": "revenue", "scope": f"partner_id=P{n}", "period": "2026", "value": "9000"} for n in range(9)
    ])  # fmt: skip
    write(folder / "contacts.csv", [
        {"customer_id": draw.choice(keys), "channel": "mail", "occurred_at": f"2026-0{n % 6 + 1}-20", "cost": "0.50", "campaign_id": f"C{n % 9}"}
        for n in range(400)
    ])  # fmt: skip
    write(
        folder / "campaigns.csv",
        [{"campaign_id": f"C{n}", "name": PAYLOADS[n], "fixed_cost": "3.00"} for n in range(9)],
    )
    company = {"name": PAYLOADS[2], "currency": "EUR", "notice": PAYLOADS[0]}
    (folder / "company.toml").write_text(
        "".join(f"{k} = {json.dumps(v)}\n" for k, v in company.items()), encoding="utf-8"
    )
    people = [person(n) for n in range(CANARIES // 4)]
    write(folder / "customers-crm.csv", [{"customer_id": f"X{n}"} | one for n, one in enumerate(people)])
    for name in ("phone", "street", "email"):  # a harmless name above a column of people
        write(
            folder / f"customers-{len(name)}.csv",
            [{"customer_id": f"Y{n}", "remark": one[name]} for n, one in enumerate(people)],
        )
    write(folder / "lines-odd.csv", [  # where a number or a day is expected, so that a careless message would quote it
        {"order_id": f"z{n}", "ordered_at": one["email"] if n % 2 else "2026-01-01", "revenue": "1.00" if n % 2 else one["phone"]}
        for n, one in enumerate(people)
    ])  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def built(feeds, tmp_path_factory) -> tuple[Path, str]:
    """The warehouse, and all that the commands said."""
    from tests.conftest import run_data

    warehouse = tmp_path_factory.mktemp("hostile-warehouse")
    said = [run_data("check", feeds), run_data("build", feeds, "--warehouse", warehouse, "--accept-rejected")]
    assert said[1].returncode == 0, said[1].stdout + said[1].stderr
    return warehouse, "".join(one.stdout + one.stderr for one in said)


@dataclass
class Seen:
    """What a persona's browser was sent, page by page, and what it did with it."""

    sent: list[bytes] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    headers: list[tuple[str, int, dict[str, str]]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    hits: list[str] = field(default_factory=list)
    exports: dict[str, bytes] = field(default_factory=dict)

    def everything(self) -> bytes:
        return b"\n".join([*self.sent, *(one.encode() for one in self.addresses + self.errors), *self.exports.values()])


@pytest.fixture(scope="module")
def crawl(built, chromium, tmp_path_factory) -> dict[str, Seen]:
    """Every page as every persona; `log` holds what the server wrote down."""
    log = tmp_path_factory.mktemp("log") / "server.log"
    found = {}
    with browser.serve(built[0], log_to=log) as address:
        for persona in PERSONAS:
            found[persona] = seen = Seen()
            context = chromium.new_context(accept_downloads=True)
            page = context.new_page()
            page.on(
                "websocket",
                lambda s, seen=seen: s.on(
                    "framereceived", lambda p: seen.sent.append(p if isinstance(p, bytes) else p.encode())
                ),
            )
            page.on("request", lambda r, seen=seen: seen.addresses.append(r.url))
            page.on("response", lambda r, seen=seen: seen.headers.append((r.url, r.status, r.headers)))
            page.on(
                "console",
                lambda m, seen=seen: (
                    seen.errors.append(m.text)
                    if m.type == "error" and not browser.STREAMLIT_TRIES.search(m.location["url"])
                    else None
                ),
            )
            browser.sign_in(page, address, persona)
            for path in (*PAGES, "partner?partner=P1"):
                page.goto(f"{address}/{path}")
                browser.settled(page)
                assert page.locator("[data-testid=stException]").count() == 0, (persona, path)
                if page.evaluate("window.hit"):
                    seen.hits.append(f"{path}: a script ran")
                links = page.eval_on_selector_all("a", "all => all.map(one => one.getAttribute('href') || '')")
                seen.hits += [f"{path}: {link}" for link in links if "javascript:" in link or "evil" in link]
            if persona == "pia":
                found["asking"] = asking(context.new_page(), address)
            if persona in ("otto", "max"):
                seen.exports = take_along(page, address)
            context.close()
    found["log"] = Seen(sent=[log.read_bytes()])
    return found


def asking(page, address: str) -> Seen:
    """What a partner is sent who asks for others in every address, and looks into every popover and list."""
    seen = Seen()
    page.on(
        "websocket",
        lambda s: s.on("framereceived", lambda p: seen.sent.append(p if isinstance(p, bytes) else p.encode())),
    )
    asked = [f"own_figures?{name}=P0" for name in ("partner", "partner_id", "subject", "view")]
    asked += [
        "partner?partner=P5",
        "partner_pareto?of=Partners",
        "shared_customers?partner=P5",
        "customer?customer=K0001",
    ]
    for path in asked:
        page.goto(f"{address}/{path}")
        browser.settled(page)
    page.goto(f"{address}/own_figures")
    browser.settled(page)
    for label in ("Share", "Passport", "Revenue", "Active customers"):
        page.locator("[data-testid=stMain]").get_by_role("button", name=label).first.click()
        browser.settled(page)
        page.keyboard.press("Escape")
    for path in ("export/P0", "export/partner_year", "export/"):
        seen.sent.append(page.request.get(f"{address}/{path}").body())
    return seen


def take_along(page, address: str) -> dict[str, bytes]:
    """The ranking of customers as each kind of file, fetched the way a person does."""
    files = {}
    for kind in KINDS.values():
        page.goto(f"{address}/customer_roi")
        browser.settled(page)
        page.get_by_role("button", name="Export").first.click()
        page.get_by_text(kind.label, exact=True).first.click()
        page.get_by_role("button", name="Prepare").click()
        with page.expect_download() as download:
            page.get_by_role("link", name=re.compile("^.*Download")).click()
        files[download.value.suggested_filename] = Path(download.value.path()).read_bytes()
    return files


# ---- Personal data.


def forms() -> tuple[list[bytes], set[bytes]]:
    """How a canary would look: its mark as it is, in base64 and in hex; and the digests of every value."""
    marks = []
    for text in (MARK, MARK.lower(), MARK.upper(), PHONE):
        raw = text.encode()
        marks += [raw, raw.hex().encode(), raw.hex().upper().encode()]
        for shift in range(3):
            whole = base64.b64encode(b"\0" * shift + raw)
            marks.append(whole[4 if shift else 0 : -4])
    digests = set()
    for number in range(CANARIES // 4):
        for value in person(number).values():
            spelled = {value, value.lower(), value.upper(), re.sub(r"\W", "", value), re.sub(r"\D", "", value)}
            for text in spelled - {""}:
                for name in ("md5", "sha1", "sha256"):
                    digests.add(hashlib.new(name, text.encode()).hexdigest().encode())
    return [mark for mark in marks if len(mark) >= 6], digests


def found_in(blob: bytes) -> list[bytes]:
    """Canaries in any of their forms."""
    marks, digests = forms()
    hexes = set(re.findall(rb"[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32}", blob.lower()))
    return [mark for mark in marks if mark in blob] + sorted(hexes & digests)


def test_the_search_finds_a_canary_in_every_form():
    one = person(7)["email"].encode()
    for form in (
        one,
        one.upper(),
        base64.b64encode(one),
        base64.b64encode(b"ab" + one),
        one.hex().encode(),
        hashlib.sha256(one).hexdigest().encode(),
        hashlib.md5(person(9)["phone"].encode()).hexdigest().upper().encode(),
        person(3)["phone"].encode(),
    ):
        assert found_in(b"some text " + form + b" around it"), form
    assert found_in(b"nothing here: 2026 customers, K0001") == []


def test_none_of_10_000_personal_values_is_in_any_page_file_log_message_or_address(crawl, built, feeds):
    planted = sum(
        text.count(MARK) + text.count(PHONE)
        for text in (file.read_text(encoding="utf-8") for file in feeds.glob("*.csv"))
    )
    assert planted >= CANARIES
    for name, seen in crawl.items():
        assert len(seen.everything()) > (50 if name == "log" else 10_000), "nothing was recorded"
        assert found_in(seen.everything()) == [], name
    assert found_in(built[1].encode()) == []
    for file in built[0].iterdir():
        assert found_in(file.read_bytes()) == [], file.name
    for file in [f for seen in crawl.values() for n, f in seen.exports.items() if n.endswith(".xlsx")]:
        with zipfile.ZipFile(io.BytesIO(file)) as parts:
            assert found_in(b"".join(parts.read(name) for name in parts.namelist())) == []


def test_the_browser_got_the_pages_and_files_that_were_searched(crawl):
    """The search above would pass on nothing: what must be there is there."""
    assert b"K00" in crawl["otto"].everything() and b"K00" in crawl["max"].everything()
    assert {name.rsplit(".", 1)[1] for name in crawl["otto"].exports} == set(KINDS)
    assert all(len(content) > 500 for content in crawl["otto"].exports.values())
    assert "timeline" in LISTINGS


# ---- Rows of others.


def keys_in(blob: bytes) -> set[bytes]:
    return set(re.findall(rb"\bK0\d{3}\b", blob))


def test_a_manager_is_sent_no_key_of_anybody_elses_customer(crawl):
    own = {f"K{n:04d}".encode() for n in range(150) if f"M{n % 3}" == manager_of(crawl)}
    seen = keys_in(crawl["max"].everything())
    assert seen and seen <= own
    assert keys_in(crawl["otto"].everything()) - own, "the auditor sees others as well"


def manager_of(crawl) -> str:
    """Whose book it is, as the browser was told."""
    return re.findall(rb"manager (M\d)", crawl["max"].everything().replace(b"\\", b""))[0].decode()


def test_readers_of_groups_administrators_and_partners_are_sent_no_customer_at_all(crawl):
    for persona in ("erin", "ines", "pia"):
        assert keys_in(crawl[persona].everything()) == set(), persona


def test_a_partner_is_sent_no_other_partner(crawl):
    own = re.findall(rb"partner (P\d)", crawl["pia"].everything().replace(b"\\", b""))[0]
    others = {f"P{n}".encode() for n in range(9)} - {own}
    assert not {key for key in others if re.search(rb"\b" + key + rb"\b", crawl["pia"].everything())}


def test_a_partner_is_sent_no_name_of_another_one_whatever_it_asks_for(crawl):
    own = int(re.findall(rb"partner P(\d)", crawl["pia"].everything().replace(b"\\", b""))[0])
    names = {number: f"Nm{number}zq".encode() for number in range(9)}
    for blob in (crawl["pia"].everything(), crawl["asking"].everything()):
        assert {number for number, name in names.items() if name in blob} == {own}
        assert b"even pace" in blob, "the own page was not seen"
    asked = {0, 5, own}  # keys that were in the address are said to be refused
    keys = {int(key) for key in re.findall(rb"\bP(\d)\b", crawl["asking"].everything())}
    assert own in keys and keys <= asked
    seen = {number for number, name in names.items() if name in crawl["otto"].everything()}
    assert len(seen - {own}) > 2, "the auditor sees others as well"


# ---- Hostile names, and the protections around every answer.


def test_no_hostile_name_runs_links_or_calls_anybody(crawl):
    for persona in PERSONAS:
        seen = crawl[persona]
        assert seen.hits == [], persona
        assert [url for url in seen.addresses if not url.startswith(("http://127.0.0.1:", "data:", "blob:"))] == []
        assert seen.errors == [], persona  # a broken content policy is one


def test_direction_characters_are_made_visible(crawl):
    assert "\u202e".encode() not in b"".join(crawl["otto"].sent)


def test_every_answer_carries_the_protections(crawl):
    for persona in PERSONAS:
        assert len(crawl[persona].headers) > 20
        for url, status, headers in crawl[persona].headers:
            if url.startswith(("data:", "blob:")):
                continue
            assert headers.get("x-content-type-options") == "nosniff", (status, url)
            assert "frame-ancestors 'none'" in headers.get("content-security-policy", ""), (status, url)
            assert headers.get("referrer-policy") == "same-origin", (status, url)
            if "/static/" not in url:
                assert "no-store" in headers.get("cache-control", ""), (status, url)


def test_a_personal_text_in_the_address_is_refused_and_not_repeated(built, chromium):
    need(browser.chromium_path(), "no Chromium: install the package chromium")
    with (
        browser.serve(built[0]) as address,
        browser.visit(chromium, f"{address}/customer?customer=jane.roe%40shop.example") as seen,
    ):
        shown = seen.page.locator("[data-testid=stMain]").inner_text()
        assert "looks like an e-mail address" in shown and "jane" not in shown
