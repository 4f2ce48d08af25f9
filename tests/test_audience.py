"""Who is in a campaign, counted once more in plain Python; the draw that is frozen; and the list that leaves."""

from __future__ import annotations

import csv
import hashlib
import hmac
import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import fmean, variance
from typing import Any

import openpyxl
import pandas as pd
import pyarrow.parquet as pq
import pytest

from data import audience, audience_sources, campaign_files, export, export_tickets, recipients
from data.audience_sources import bounded
from data.campaign import OUTCOMES, Promise
from data.company import Unusable, read_company
from data.export_files import KINDS, unescape
from data.journal import audit, campaigns, deliveries, overrides, releases
from data.journal.problems import Invalid
from data.journal.release_rows import Listed
from data.journal.store import Journal
from data.rights import Actor, Forbidden, Held
from data.view import EVERYTHING, Refused, Scope, View
from data.warehouse import Build, Warehouse
from models import assign_arm
from tests import campaigning, on_screen
from tests.colleagues import come

HELD_OUT = 0.05  # of everybody, for good
MOST_CONTACTS, CONTACT_DAYS = 3, 45  # a cap over all channels
LAST_COMPLETE_MONTH = "2026-09-01"  # the simulated company ends with September
FORMULA = "=1+1"
PLANTED = (
    # of every ten customers one agreed for another purpose only, one for none in particular, one refused it afterwards
    "create temp table numbered as select customer_id, row_number() over (order by customer_id) as n from customer",
    "update consent_state set purpose = 'service mail' where customer_id in (from numbered select customer_id where n % 10 = 1)",
    "update consent_state set purpose = '(unknown)' where customer_id in (from numbered select customer_id where n % 10 = 2)",
    "insert into consent_state select customer_id, 'email', '(unknown)', false, timestamp '2026-09-01' from numbered where n % 10 = 3",
    "insert into consent_state select customer_id, 'email', '(unknown)', true, timestamp '2019-09-01' from numbered where n % 10 = 4",
    "alter table customer add column must_keep varchar",
    "update customer set must_keep = case when customer_id in (from numbered select customer_id where n % 7 = 0) then 'Yes' else 'no' end",
    "update customer set expected_margin_12m = -5 where customer_id in (from numbered select customer_id where n % 3 = 0)",
)  # fmt: skip


def served(warehouse: Path) -> dict[str, Any]:
    """The manifest of the build that serves."""
    name = json.loads((warehouse / "CURRENT.json").read_text())["build"]
    return json.loads((warehouse / f"{name}.json").read_text())


def built(warehouse: Path, folder: Path, *changes: str, **manifest: Any) -> Build:
    """A build that differs by these statements and by what its manifest says."""
    folder.mkdir(exist_ok=True)
    on_screen.changed(warehouse, folder, *changes)
    said = served(folder) | manifest
    for file in ("CURRENT.json", f"{said['build']}.json"):
        (folder / file).write_text(json.dumps(said))
    return Warehouse(folder).current()


@pytest.fixture(scope="module")
def build(warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Build:
    told = served(warehouse)
    return built(warehouse, tmp_path_factory.mktemp("planted"), *PLANTED,
                 attributes=[*told["attributes"], "must_keep"], global_holdout=HELD_OUT,
                 most_contacts=MOST_CONTACTS, contact_days=CONTACT_DAYS)  # fmt: skip


@pytest.fixture(scope="module")
def frames(build: Build) -> dict[str, pd.DataFrame]:
    """The tables that the plain count is made from."""
    names = ("customer", "consent_state", "feed_contacts", "feed_channels", "feed_lines", "contact")
    return {name: build.engine.ask(f"select * from {name}", []) for name in names}


@pytest.fixture(scope="module")
def book(frames: dict[str, pd.DataFrame]) -> str:
    """The manager with most customers."""
    managers = frames["customer"]["manager_id"].astype(str)
    return managers[~managers.str.startswith("(")].value_counts().index[0]


@pytest.fixture
def journal(tmp_path: Path, build: Build) -> Journal:
    """An empty journal two days after the data's end."""
    opened = Journal(str(tmp_path / "journal"), tmp_path / "keys" / "audit.keys", tmp_path / "checkpoints.jsonl")
    opened.migrate()
    moment = datetime.fromisoformat(build.manifest["as_of"]) + timedelta(days=2)
    opened.clock = lambda: moment
    return opened


@pytest.fixture
def ada(journal: Journal) -> Actor:
    return come(journal, "ada", "approver")


@pytest.fixture
def max_(journal: Journal, book: str) -> Actor:
    return come(journal, "max", f"manager {book}")


def promise(**changes: Any) -> Promise:
    return campaigning.promise(**({"members": (), "purpose": "marketing"} | changes))


def surveyed(build: Build, journal: Journal, scope: Scope = EVERYTHING, **changes: Any) -> audience.Survey:
    return audience.survey(build, View(scope), promise(**changes), journal, assign_arm)


def of_book(book: str) -> Scope:
    return Scope(members=(("manager_id", (book,)),))


# ---- The plain count


def digest_number(key: str, text: str) -> int:
    return int.from_bytes(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest(), "big")


def in_global_holdout(journal: Journal, customer: str) -> bool:
    salt = hmac.new(campaign_files.secret(journal).encode(), b"global holdout", hashlib.sha256).hexdigest()
    return digest_number(salt, customer) % 10_000 < HELD_OUT * 10_000


class Plain:
    """The reasons of one promise, a customer at a time, by rules written out once more."""

    def __init__(
        self,
        frames: dict[str, pd.DataFrame],
        journal: Journal,
        promise: Promise,
        running: set[str],
        off: dict[str, str] | None = None,
    ):
        self.journal, self.promise, self.running, self.off = journal, promise, running, off or {}
        self.customer = frames["customer"].set_index("customer_id")
        contact = frames["contact"].assign(month=pd.to_datetime(frames["contact"]["month"]))
        last = pd.Timestamp(LAST_COMPLETE_MONTH)
        of_year = contact[(contact["month"] <= last) & (contact["month"] > last - pd.DateOffset(months=12))]
        self.cost_of_year = of_year["contact_cost"].astype(float).groupby(of_year["customer_id"]).sum()
        rule = frames["feed_channels"].set_index("channel").loc[promise.channel]
        self.needs_consent, self.rest = bool(rule["needs_consent"]), int(rule["min_days_between"] or 0)
        consent = frames["consent_state"]
        self.consents: dict[str, list] = {}
        for row in consent[consent["channel"] == promise.channel].itertuples():
            self.consents.setdefault(row.customer_id, []).append((row.purpose, row.recorded_at, bool(row.allowed)))
        contacts = frames["feed_contacts"]
        contacts = contacts[(contacts["direction"] == "out") & (contacts["arm"] == "treated")]
        self.last_any = contacts.groupby("customer_id")["occurred_at"].max().to_dict()
        self.moments = contacts.groupby("customer_id")["occurred_at"].apply(list).to_dict()
        contacts = contacts[contacts["channel"] == promise.channel]
        self.last_here = contacts.groupby("customer_id")["occurred_at"].max().to_dict()
        self.now = pd.Timestamp(journal.clock().astimezone(UTC).replace(tzinfo=None))

    def recent(self, last: dict[str, pd.Timestamp], customer: str, days: int) -> bool:
        return customer in last and last[customer] > self.now - pd.Timedelta(days=days)

    def reason(self, customer: str) -> str:
        if in_global_holdout(self.journal, customer):
            return "global holdout"
        if customer in self.running:
            return "in a running test"
        kept = self.customer.loc[customer]["must_keep"] == "Yes"
        if not kept and self.off.get(customer, self.promise.channel) != self.promise.channel:
            return "released"
        said = self.consents.get(customer, [])
        own = sorted((at, -allowed) for purpose, at, allowed in said if purpose in (self.promise.purpose, "(unknown)"))
        agreed = bool(own[-1][1]) if own else not self.needs_consent
        if not agreed:
            elsewhere = any(allowed for _, _, allowed in said)
            return "other purpose" if not own and elsewhere else "no consent"
        if self.recent(self.last_here, customer, self.rest):
            return "too soon"
        since = self.now - pd.Timedelta(days=CONTACT_DAYS)
        if sum(at > since for at in self.moments.get(customer, [])) >= MOST_CONTACTS:
            return "enough contacts"
        if self.recent(self.last_any, customer, self.promise.quiet_days):
            return "quiet period"
        row = self.customer.loc[customer]
        if self.promise.source == "de-marketing" and row["must_keep"] == "Yes":
            return "must keep"
        if dict(self.promise.options).get("rated") == "yes" and row["roi_state"] != "rated":
            return "cannot be rated"
        return ""

    def candidates(self, book: str | None) -> list[str]:
        found = self.customer
        if book is not None:
            found = found[found["manager_id"].astype(str) == book]
        for name, values in self.promise.members:
            found = found[found[name].astype(str).isin(values)]
        if self.promise.source == "de-marketing":
            cost = self.cost_of_year.reindex(found.index).fillna(0)
            found = found[found["expected_margin_12m"].astype(float) < cost]
        if self.promise.source == "churn":
            options = dict(self.promise.options)
            found = found[found["p_no_purchase"].astype(float) >= float(options["least"])].reset_index()
            found = found.sort_values(["margin_at_risk", "customer_id"], ascending=[False, True])
            return list(found["customer_id"])[: int(options["most"])]
        return list(found.index)

    def count(self, book: str | None) -> tuple[int, dict[str, int], list[str]]:
        """Candidates, how many each reason keeps out, and who is kept."""
        reasons = {customer: self.reason(customer) for customer in self.candidates(book)}
        out = {name: sum(one == name for one in reasons.values()) for name in audience.REASONS}
        return len(reasons), out, sorted(customer for customer, why in reasons.items() if not why)


PROMISES: dict[str, dict[str, Any]] = {
    "an e-mail to everybody": {},
    "an e-mail after a quiet month, to the rated": {"quiet_days": 30, "options": (("rated", "yes"),)},
    "letters, which need no consent": {"channel": "mail"},
    "calls in one segment": {"channel": "teleservice", "members": (("segment", ("business", "public")),)},
    "another purpose": {"purpose": "service mail"},
    "who may leave": {"source": "churn", "options": (("least", "0.35"), ("most", "400"))},
    "who costs more than they bring": {"source": "de-marketing", "channel": "mail"},
    "a segment": {"source": "segment", "members": (("region", ("North", "South")),), "options": (("segment", "x"),)},
}


def released(
    journal: Journal, build: Build, max_: Actor, ada: Actor, book: str, frames: dict[str, pd.DataFrame]
) -> dict[str, str]:
    """Every ninth customer of a book, released by a second person: customer -> the one channel that is left, or none."""
    customer = frames["customer"]
    own = sorted(customer.loc[customer["manager_id"].astype(str) == book, "customer_id"])[::9]
    off = {key: ("", "email", "web")[place % 3] for place, key in enumerate(own)}
    listed = [Listed(key, "cheaper" if left else "stop", left, -2.0, -3.0, -1.0, 0.1, 1.0) for key, left in off.items()]
    releases.release(journal, ada, releases.propose(journal, max_, build, listed, "They cost more."), build.id)
    return off


@pytest.mark.parametrize("scoped", [False, True], ids=["everybody", "a book"])
@pytest.mark.parametrize("changes", PROMISES.values(), ids=PROMISES)
def test_each_reason_leaves_out_whom_a_plain_count_leaves_out(build, frames, journal, max_, ada, book, changes, scoped):
    running = set(frames["customer"]["customer_id"].sort_values().iloc[::11])
    other = campaigning.exported(journal, max_, ada, dict.fromkeys(running, "treated"))
    plain = Plain(frames, journal, promise(**changes), running, released(journal, build, max_, ada, book, frames))
    number, out, kept = plain.count(book if scoped else None)
    found = surveyed(build, journal, of_book(book) if scoped else EVERYTHING, **changes)
    assert dict(found.excluded) == out and list(out) == [name for name, _ in found.excluded]
    assert (found.candidates, found.kept) == (number, len(kept)) and number == len(kept) + sum(out.values())
    shared = len(running & set(plain.candidates(book if scoped else None)))
    assert found.overlaps == (((other.campaign_id, shared),) if shared else ())


def test_whom_a_person_keeps_is_left_out_of_de_marketing_like_whom_the_feed_keeps(build, frames, journal, ada):
    for source, more in (("de-marketing", 1), ("view", 0)):
        _, before, kept = Plain(frames, journal, promise(source=source), set()).count(None)
        overrides.keep(journal, ada, build, min(kept), "Brings others.")
        found = surveyed(build, journal, EVERYTHING, source=source)
        assert dict(found.excluded)["must keep"] == before["must keep"] + more and found.kept == len(kept) - more


def test_the_promises_above_meet_every_reason(frames, journal):
    seen = set[str]()
    for changes in PROMISES.values():
        plain = Plain(frames, journal, promise(**changes), {"C0000005"}, {"C0000006": ""})
        seen |= {plain.reason(customer) for customer in plain.candidates(None)}
    assert seen >= set(audience.REASONS) - {"in a running test"}


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_mean_and_variance_are_those_of_the_last_days_of_the_data(build, frames, journal, outcome):
    days = 45
    since = pd.Timestamp(build.manifest["as_of"]).tz_convert(None) - pd.Timedelta(days=days)
    _, _, kept = Plain(frames, journal, promise(), set()).count(None)
    lines = frames["feed_lines"]
    lines = lines[lines["ordered_at"] > since]
    contacts = frames["contact"]
    answered = set(contacts[(contacts["occurred_at"] > since) & (contacts["responses"] > 0)]["customer_id"])
    sales = lines[lines["line_type"] == "sale"].groupby("customer_id")["order_id"].nunique().to_dict()
    revenue = lines.groupby("customer_id")["revenue"].sum().to_dict()
    margin = (lines["revenue"] - lines["cost"].fillna(0)).groupby(lines["customer_id"]).sum().to_dict()
    past = {"margin": margin, "revenue": revenue, "orders": sales, "responses": dict.fromkeys(answered, 1)}[outcome]
    values = [float(past.get(customer, 0)) for customer in kept]
    found = surveyed(build, journal, outcome=outcome, window_days=days)
    assert any(values)
    assert found.mean == pytest.approx(fmean(values), rel=1e-9)
    assert found.variance == pytest.approx(variance(values), rel=1e-9)


# ---- Rights and settings


def test_an_empty_scope_holds_nobody_and_readers_of_groups_are_refused(build, journal):
    nobody = surveyed(build, journal, Scope())
    assert (nobody.candidates, nobody.kept, nobody.mean, nobody.variance) == (0, 0, 0.0, None)
    for scope in (
        Scope(everything=True, attributes=("region",)),
        Scope(members=(("partner_id", ("P1",)),), attributes=()),
    ):
        with pytest.raises(Refused, match="groups"):
            surveyed(build, journal, scope)


def test_a_partner_in_a_managers_book_opens_no_customers(build, journal, frames, book):
    partner = frames["feed_lines"]["partner_id"].dropna().iloc[0]
    both = Scope(members=(("manager_id", (book,)), ("partner_id", (partner,))))
    assert surveyed(build, journal, both) == surveyed(build, journal, of_book(book))


def test_a_promise_is_narrowed_to_what_its_author_may_see(build, journal, book):
    mine = bounded(promise(members=(("region", ("North",)),)), of_book(book))
    assert dict(mine.members) == {"region": ("North",), "manager_id": (book,)}
    assert audience.survey(build, View(EVERYTHING), mine, journal, assign_arm) == surveyed(
        build, journal, of_book(book), members=(("region", ("North",)),)
    )
    theirs = bounded(promise(members=(("manager_id", ("somebody else", book)),)), of_book(book))
    assert dict(theirs.members) == {"manager_id": (book,)}
    assert bounded(promise(), EVERYTHING) == promise()
    assert surveyed(build, journal, members=(("manager_id", ()),)).candidates == 0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"source": "oracle"}, "no audience 'oracle'"),
        ({"source": "churn", "options": (("least", "1.5"),)}, "'1.5' is not 0 to 1"),
        ({"source": "churn", "options": (("most", "many"),)}, "'many' is not 1 to 2,000,000"),
        ({"options": (("least", "0.5"),)}, "no setting 'least'"),
        ({"members": (("no_such_thing", ("x",)),)}, "no such thing is none"),
        ({"members": (("partner_id", ("P1",)),)}, "partner is none"),
    ],
)
def test_what_no_audience_can_be_made_of_is_refused_in_words(build, journal, changes, said):
    with pytest.raises(Invalid, match=said):
        surveyed(build, journal, **changes)


def test_a_filter_is_a_value_and_never_sql(build, journal):
    assert surveyed(build, journal, members=(("region", ("North' or 1=1 --", "?")),)).candidates == 0


def test_every_source_has_its_file_and_none_lies_about_unused():
    named = {source.file for source in audience_sources.SOURCES.values()}
    assert named <= {path.name for path in audience_sources.SQL.glob("*.sql")}
    for path in audience_sources.SQL.glob("*.sql"):
        assert path.read_text().startswith(f"-- {path.stem}: ")


def test_a_company_says_its_global_holdout_in_its_settings(tmp_path, warehouse):
    settings = tmp_path / "company.toml"
    settings.write_text("global_holdout = 0.025\n")
    assert read_company(tmp_path).global_holdout == 0.025
    for wrong in ("0.00001", "0.6", "-0.1", "true", '"much"'):
        settings.write_text(f"global_holdout = {wrong}\n")
        with pytest.raises(Unusable, match="global_holdout must be a share"):
            read_company(tmp_path)
    assert served(warehouse)["global_holdout"] == 0


# ---- The draw


@pytest.fixture
def approved(journal: Journal, max_: Actor, ada: Actor, book: str) -> campaigns.Campaign:
    """A campaign of Max that may be exported."""
    wanted = bounded(promise(holdout=0.2, exploration=0.1, offer=FORMULA, fixed_cost=Decimal(7)), of_book(book))
    return submitted(journal, max_, ada, wanted)


def submitted(journal: Journal, author: Actor, approver: Actor, wanted: Promise) -> campaigns.Campaign:
    new = campaigns.draft(journal, author, wanted)
    sha256 = campaigns.get(journal, author, new).sha256
    campaigns.submit(journal, author, new, sha256)
    campaigns.approve(journal, approver, new, sha256)
    return campaigns.get(journal, author, new)


def frozen(journal: Journal, actor: Actor, build: Build, found: campaigns.Campaign, **more: Any) -> dict[str, Any]:
    view = View(build.scope_of(actor.held))
    return audience.freeze(journal, actor, build, view, found.promise, found.campaign_id, assign_arm, **more)


def arms_of(journal: Journal, campaign_id: str, froze: dict[str, Any]) -> pd.DataFrame:
    return pq.read_table(campaign_files.at(journal, campaign_id, froze["file"], froze["sha256"])).to_pandas()


def test_the_file_holds_each_customer_kept_once_in_the_arm_that_its_hash_says(
    build, frames, journal, max_, approved, book
):
    froze = frozen(journal, max_, build, approved)
    rows = arms_of(journal, approved.campaign_id, froze)
    number, out, kept = Plain(frames, journal, approved.promise, set()).count(book)
    assert list(rows["customer_id"]) == kept and len(kept) > 30
    assert froze["candidates"] == number and froze["excluded"] == {name: n for name, n in out.items() if n}
    salt = hmac.new(campaign_files.secret(journal).encode(), approved.campaign_id.encode(), "sha256").hexdigest()
    for row in rows.itertuples():
        bucket = digest_number(salt, row.customer_id) % 10_000
        arm = "control" if bucket < 2_000 else "exploration" if bucket < 3_000 else "treated"
        share = {"control": 0.2, "exploration": 0.1, "treated": 0.7}[arm]
        assert (row.arm, row.p_assign) == (arm, share)
        assert (row.channel, row.cost) == (("", 0) if arm == "control" else ("email", Decimal("0.05")))
    assert {arm: froze[arm] for arm in ("treated", "control", "exploration")} == rows["arm"].value_counts().to_dict()
    assert Decimal(froze["cost"]) == 7 + Decimal("0.05") * (froze["treated"] + froze["exploration"])
    assert froze["build"] == build.id


def test_the_same_inputs_give_the_same_bytes_and_another_campaign_other_arms(
    build, journal, max_, ada, approved, monkeypatch
):
    first = frozen(journal, max_, build, approved)
    assert frozen(journal, max_, build, approved) == first
    assert len(list(campaign_files.folder_of(journal, approved.campaign_id).iterdir())) == 1
    another = submitted(journal, max_, ada, approved.promise)
    other = frozen(journal, max_, build, another)
    assert not arms_of(journal, approved.campaign_id, first).equals(arms_of(journal, another.campaign_id, other))
    monkeypatch.setattr(audience, "ROWS_AT_ONCE", 7)  # arms do not depend on how the rows are cut
    cut = frozen(journal, max_, build, approved)
    assert arms_of(journal, approved.campaign_id, cut).equals(arms_of(journal, approved.campaign_id, first))


def test_nobody_is_drawn_by_two_campaigns_and_nobody_of_the_global_holdout_by_any(build, journal, max_, ada, approved):
    view = View(build.scope_of(max_.held))
    froze = audience.export(journal, max_, build, view, approved.campaign_id, assign_arm)
    found = campaigns.get(journal, max_, approved.campaign_id)
    assert found.state == "exported" and campaigns.frozen(journal, approved.campaign_id) == froze
    drawn = arms_of(journal, approved.campaign_id, froze)["customer_id"]
    assert not any(in_global_holdout(journal, customer) for customer in drawn)
    second = submitted(journal, max_, ada, bounded(promise(channel="mail"), view.scope))
    later = audience.survey(build, view, second.promise, journal, assign_arm)
    assert dict(later.excluded)["in a running test"] == len(drawn) == later.overlaps[0][1]
    rows = arms_of(journal, second.campaign_id, frozen(journal, max_, build, second))
    assert len(rows) == later.kept and not set(rows["customer_id"]) & set(drawn)


def test_a_campaign_is_not_drawn_when_its_figures_do_not_hold(build, journal, max_, ada, book):
    def refusal(**changes: Any) -> str:
        found = submitted(journal, max_, ada, bounded(promise(**changes), of_book(book)))
        with pytest.raises(Invalid) as problem:
            frozen(journal, max_, build, found)
        folder = campaign_files.folder_of(journal, found.campaign_id)
        assert not folder.exists() or list(folder.iterdir()) == []
        return str(problem.value)

    assert "more than the budget of 1.00" in refusal(budget=Decimal(1))
    kept = surveyed(build, journal, of_book(book)).kept
    assert f"Of {kept:,} customers nobody was drawn as exploration" in refusal(exploration=0.0001)
    few = refusal(source="churn", options=(("least", "0"), ("most", "5")))
    assert "10 are the fewest" in few
    elsewhere = refusal(purpose="parcels", source="churn", options=(("least", "0"), ("most", "20")))
    assert "other purpose (agreed to this channel for another purpose only, and consent holds for its own" in elsewhere


def test_only_the_author_draws_and_only_what_was_approved(build, journal, max_, ada, approved, book):
    eve = come(journal, "eve", f"manager {book}")
    with pytest.raises(campaigns.NoCampaign):
        frozen(journal, eve, build, approved)
    with pytest.raises(Forbidden, match="send campaign"):
        frozen(journal, ada, build, approved)
    assert [json.loads(one.detail)["tried"] for one in audit.entries(journal, action="denied")] == [
        "campaign.export",
        "campaign.get",
    ]
    dearer = campaigning.promise(budget=Decimal(2000))
    with pytest.raises(Invalid, match="unchanged"):
        audience.freeze(journal, max_, build, View(EVERYTHING), dearer, approved.campaign_id, assign_arm)
    waiting = campaigning.submitted(journal, max_)
    with pytest.raises(Invalid, match="is submitted"):
        frozen(journal, max_, build, waiting)


def test_a_draw_can_be_stopped_and_leaves_nothing(build, journal, max_, approved):
    class Stop(Exception):
        pass

    for stage in ("Candidates", "Arms", "File"):
        told = []

        def tell(what: str, rows: int, stage: str = stage, told: list = told) -> None:
            told.append((what, rows))
            if what == stage:
                raise Stop

        with pytest.raises(Stop):
            frozen(journal, max_, build, approved, tell=tell)
        assert told[-1][0] == stage and told[-1][1] > 0
        folder = campaign_files.folder_of(journal, approved.campaign_id)
        assert not folder.exists() or list(folder.iterdir()) == []


# ---- The list that leaves


@pytest.fixture
def exported(build: Build, journal: Journal, max_: Actor, approved: campaigns.Campaign) -> pd.DataFrame:
    """The arms of the approved campaign, which is exported now."""
    froze = audience.export(journal, max_, build, View(build.scope_of(max_.held)), approved.campaign_id, assign_arm)
    return arms_of(journal, approved.campaign_id, froze)


def listed(journal: Journal, delivery_id: str) -> pd.DataFrame:
    found = deliveries.get(journal, delivery_id)
    return pq.read_table(campaign_files.at(journal, found.campaign_id, found.file, found.sha256)).to_pandas()


def records(journal: Journal, build: Build, delivery_id: str, kind: str) -> bytes:
    file = io.BytesIO()
    recipients.wanted(journal, delivery_id).__class__(recipients.Recipients(journal, delivery_id), "list", kind).write(
        file, build
    )
    return file.getvalue()


def test_a_list_holds_the_treated_and_the_explored_and_tells_no_arm(build, journal, max_, approved, exported):
    new = recipients.make(journal, max_, build, approved.campaign_id, kind="jsonl", days=14)
    reached = exported[exported["arm"] != "control"]
    assert 0 < (exported["arm"] == "exploration").sum() < len(reached) < len(exported)
    rows = [json.loads(line) for line in records(journal, build, new, "jsonl").decode().splitlines()]
    assert [row["recipient"] for row in rows] == sorted(reached["customer_id"])
    moment = (journal.clock() + timedelta(days=14)).isoformat().replace("+00:00", "Z")
    assert {json.dumps({k: v for k, v in row.items() if k != "recipient"}) for row in rows} == {json.dumps(
        {"channel": "email", "campaign": approved.campaign_id, "offer": FORMULA, "purpose": "marketing", "expires": moment}
    )}  # fmt: skip
    kept = listed(journal, new)
    assert list(kept.columns) == ["row", "recipient", "customer_id", "channel", "arm"]
    assert list(kept["row"]) == list(range(len(reached)))
    found = deliveries.get(journal, new)
    assert (found.rows, found.dropped, found.kind, found.target) == (len(reached), 0, "jsonl", "download")


def test_machines_get_texts_as_they_are_and_spreadsheets_get_nothing_to_calculate(
    build, journal, max_, approved, exported
):
    new = recipients.make(journal, max_, build, approved.campaign_id)
    table = pq.read_table(io.BytesIO(records(journal, build, new, "parquet")))
    assert (
        set(table["offer"].to_pylist()) == {FORMULA}
        and str(table.schema.field("expires").type) == "timestamp[us, tz=UTC]"
    )
    head, *rows = csv.reader(io.StringIO(records(journal, build, new, "csv").decode("utf-8-sig")))
    assert head == ["Recipient", "Channel", "Campaign", "Offer", "Purpose", "Expires (UTC)"]
    assert {row[3] for row in rows} == {"'" + FORMULA} and {unescape(row[3]) for row in rows} == {FORMULA}
    sheet = openpyxl.load_workbook(io.BytesIO(records(journal, build, new, "xlsx"))).worksheets[0]
    cells = [cell for row in sheet.iter_rows(min_row=2) for cell in row]
    assert all(cell.data_type != "f" for cell in cells) and any(cell.value == FORMULA for cell in cells)
    keys = [row[0] for row in rows]
    assert keys == table["recipient"].to_pylist() == [row[0].value for row in sheet.iter_rows(min_row=2)]


def test_consent_withdrawn_after_the_export_is_dropped_when_the_list_is_made_and_so_is_who_was_erased(
    build, journal, max_, approved, exported, tmp_path
):
    reached = list(exported[exported["arm"] != "control"]["customer_id"])
    gone, erased = reached[:3], reached[-2:]
    told = [f"'{key}'" for key in gone], [f"'{key}'" for key in erased]
    later = built(
        Path(build.engine.ask("select path from duckdb_databases() where database_name = current_database()", [])["path"].iloc[0]).parent,
        tmp_path / "later",
        f"insert into consent_state select unnest([{', '.join(told[0])}]), 'email', '(unknown)', false, timestamp '2026-10-01'",
        f"delete from customer where customer_id in ({', '.join(told[1])})",
    )  # fmt: skip
    first = recipients.make(journal, max_, build, approved.campaign_id)
    assert recipients.withdrawn(journal, build, deliveries.get(journal, first)) == 0
    assert recipients.withdrawn(journal, later, deliveries.get(journal, first)) == 5
    with pytest.raises(Forbidden, match="5 of its recipients may not be reached"):
        export.prepare(journal, max_, later, recipients.wanted(journal, first))
    assert audit.entries(journal, action="denied")[0].target == f"campaign_{approved.campaign_id[:8]}"
    deliveries.cancel(journal, max_, first)
    second = recipients.make(journal, max_, later, approved.campaign_id)
    found = deliveries.get(journal, second)
    assert (found.rows, found.dropped) == (len(reached) - 5, 5)
    assert list(listed(journal, second)["customer_id"]) == [key for key in reached if key not in {*gone, *erased}]


def test_who_lost_a_book_or_a_part_of_it_gets_no_list_of_its_customers(
    build, journal, max_, ada, approved, exported, tmp_path
):
    reached = list(exported[exported["arm"] != "control"]["customer_id"])
    moved = ", ".join(f"'{key}'" for key in reached[:4])
    place = build.engine.ask("select path from duckdb_databases() where database_name = current_database()", [])
    later = built(
        Path(place["path"].iloc[0]).parent,
        tmp_path / "later",
        f"update customer set manager_id = '(unknown)' where customer_id in ({moved})",
    )
    first = recipients.make(journal, max_, build, approved.campaign_id)
    with pytest.raises(Forbidden, match="4 of its recipients may not be reached"):
        export.prepare(journal, max_, later, recipients.wanted(journal, first))
    deliveries.cancel(journal, max_, first)
    without = replace(max_, held=(Held("manager", "somebody else"),))
    with pytest.raises(Invalid, match="None of"):
        recipients.make(journal, without, build, approved.campaign_id)
    second = deliveries.get(journal, recipients.make(journal, max_, later, approved.campaign_id))
    assert (second.rows, second.dropped) == (len(reached) - 4, 4)
    assert list(listed(journal, second.delivery_id)["customer_id"]) == reached[4:]


def test_who_lost_a_book_after_the_approval_draws_nobody_of_it(build, journal, max_, approved):
    without = replace(max_, held=(Held("manager", "somebody else"),))
    with pytest.raises(Invalid, match="0 customers are left"):
        audience.export(journal, without, build, View(build.scope_of(without.held)), approved.campaign_id, assign_arm)
    assert campaigns.get(journal, max_, approved.campaign_id).state == "approved"


def test_pseudonyms_are_those_of_one_delivery_and_their_order_links_nobody(build, journal, max_, approved, exported):
    first = recipients.make(journal, max_, build, approved.campaign_id, pseudonyms=True)
    second = recipients.make(journal, max_, build, approved.campaign_id, target="crm", pseudonyms=True)
    one, two = listed(journal, first), listed(journal, second)
    assert not set(one["recipient"]) & set(two["recipient"])
    assert set(one["customer_id"]) == set(two["customer_id"]) and list(one["customer_id"]) != list(two["customer_id"])
    assert list(one["recipient"]) == sorted(one["recipient"]) and one["recipient"].is_unique
    key = hmac.new(campaign_files.secret(journal).encode(), f"delivery {first}".encode(), "sha256").digest()
    for row in one.itertuples():
        assert row.recipient == hmac.new(key, row.customer_id.encode(), "sha256").hexdigest()[:32]
    for kind in KINDS:
        content = records(journal, build, first, kind)
        assert kind == "xlsx" or not any(customer.encode() in content for customer in one["customer_id"])


def test_parts_of_a_list_are_its_rows_wherever_they_begin(build, journal, max_, approved, exported, monkeypatch):
    monkeypatch.setattr(recipients, "ROWS_AT_ONCE", 7)
    new = recipients.make(journal, max_, build, approved.campaign_id)
    found, whole = deliveries.get(journal, new), list(listed(journal, new)["recipient"])
    for first in (0, 5, 7, 20, len(whole) - 1, len(whole)):
        for rows in (1, 7, 11, 10_000):
            parts = recipients.outgoing(journal, found, first, rows)
            assert [key for part in parts for key in part["recipient"].to_pylist()] == whole[first : first + rows]


def taken(journal: Journal, actor: Actor, build: Build, delivery_id: str) -> export.Made:
    token, _ = export.prepare(journal, actor, build, recipients.wanted(journal, delivery_id))
    return export.deliver(journal, actor, export_tickets.tickets().take(token, actor.session))


def test_a_download_is_on_record_then_the_delivery_is_complete_and_the_window_begins(
    build, journal, max_, ada, approved, exported, monkeypatch
):
    monkeypatch.setattr(export, "MOST_ROWS", 5)  # approved by two people, a list has a ceiling of its own
    monkeypatch.setattr(export, "ROWS_A_DAY", 5)
    new = recipients.make(journal, max_, build, approved.campaign_id, kind="jsonl")
    assert campaigns.get(journal, max_, approved.campaign_id).state == "exported"
    made = taken(journal, max_, build, new)
    with made.file:
        content = made.file.read()
    assert (
        made.name.endswith(f"_{hashlib.sha256(content).hexdigest()[:12]}.jsonl")
        and made.rows == deliveries.get(journal, new).rows
    )
    assert deliveries.get(journal, new).ended_why == "complete"
    assert campaigns.get(journal, max_, approved.campaign_id).state == "measuring"
    sent, download = (
        audit.entries(journal, action="campaign.sent")[0],
        audit.entries(journal, action="campaign.download")[0],
    )
    assert download.seq < sent.seq and json.loads(download.detail)["rows"] == made.rows
    assert export.used(journal, max_.person) == (0, 0)
    with taken(journal, max_, build, new).file as again:  # the transfer broke off: the same list, on record once more
        assert again.read() == content
    assert len(audit.entries(journal, action="campaign.download")) == 2
    assert len(audit.entries(journal, action="campaign.sent")) == 1
    assert audit.verify(journal).ok


def test_nothing_leaves_when_the_record_cannot_be_written(build, journal, max_, approved, exported, monkeypatch):
    new = recipients.make(journal, max_, build, approved.campaign_id)
    token, _ = export.prepare(journal, max_, build, recipients.wanted(journal, new))
    monkeypatch.setattr(journal, "_append", lambda *arguments: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        export.deliver(journal, max_, export_tickets.tickets().take(token, max_.session))
    assert deliveries.get(journal, new).open


def test_a_list_is_for_its_author_until_it_expires(build, journal, max_, ada, approved, exported, book):
    new = recipients.make(journal, max_, build, approved.campaign_id, days=1)
    eve = come(journal, "eve", f"manager {book}")
    for actor in (eve, ada, come(journal, "otto", "auditor")):
        for refused in (
            lambda actor=actor: export.prepare(journal, actor, build, recipients.wanted(journal, new)),
            lambda actor=actor: recipients.make(journal, actor, build, approved.campaign_id, target="crm"),
        ):
            before = len(audit.entries(journal, action="denied"))
            with pytest.raises(Forbidden):
                refused()
            assert len(audit.entries(journal, action="denied")) == before + 1  # once each
    with pytest.raises(Invalid, match="already"):
        recipients.make(journal, max_, build, approved.campaign_id)
    with pytest.raises(Invalid, match="formats"):
        recipients.make(journal, max_, build, approved.campaign_id, kind="html")
    token, _ = export.prepare(journal, max_, build, recipients.wanted(journal, new))
    late = journal.clock() + timedelta(days=1, seconds=1)
    journal.clock = lambda: late
    with pytest.raises(Forbidden, match="expired on"):
        export.deliver(journal, max_, export_tickets.tickets().take(token, max_.session))
