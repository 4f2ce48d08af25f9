"""Contact pressure: rolling windows and caps counted once more in plain Python; who is told what; the page."""

from __future__ import annotations

import csv
import io
import json
import random
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from math import ceil
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import duckdb
import pytest

from data import export, pressure
from data.assemble import SQL, belongs
from data.build import build as make_build
from data.company import Unusable, read_company
from data.files import quoted
from data.header import read_model
from data.journal.store import Journal
from data.pressure import ANY, Pressure
from data.question import Listing
from data.view import EVERYTHING, Scope, View
from data.warehouse import Build, Warehouse
from tests import campaigning, on_screen
from tests.colleagues import come

BERLIN = ZoneInfo("Europe/Berlin")
RESTS = {"web": 0.0, "email": 3.0, "calls": 30.0, "letters": 400.0, "odd": 2.5, "open": None}
CAPS = ((3, 14), (2, 30), (None, 30), (1, 1), (6, 365))
GROUPS = Scope(everything=True, attributes=())
PAGE = "work/contact_pressure"


# ---- The tables, against a plain count


class Contact(NamedTuple):
    at: datetime
    channel: str
    cost: Decimal
    day: date


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build of sixty customers with contacts at awkward moments: midnights, summer time, several at once, years ago."""
    folder, rng = tmp_path_factory.mktemp("small"), random.Random(11)
    feeds = folder / "feeds"
    feeds.mkdir()
    last = datetime(2026, 9, 30, 21, 30, tzinfo=UTC)
    moments = [last - timedelta(days=rng.randrange(0, 900), minutes=rng.choice((0, 1, 90, 700))) for _ in range(3_000)]
    moments += [last - timedelta(days=rng.randrange(0, 60), minutes=rng.randrange(1_440)) for _ in range(1_500)]
    moments += [datetime(2026, 3, day, 23, 30, tzinfo=UTC) for day in range(20, 31) for _ in range(15)]
    rows = []
    for place, at in enumerate(moments):
        customer = f"C{min(rng.randrange(60), rng.randrange(60)):02}"
        channel = rng.choice(list(RESTS))
        kind = rng.choices(("out,treated", "out,control", "in,treated"), (8, 1, 1))[0]
        cost = rng.choice(("", "0.1234", "2.5")) if channel != "nowhere" else "0.50"
        for _ in range(rng.choices((1, 2), (9, 1))[0]):
            rows.append(f"{customer},{channel},{at:%Y-%m-%dT%H:%M:%SZ},{kind},{cost},K{place}-{len(rows)}")
    header = "customer_id,channel,occurred_at,direction,arm,cost,contact_id"
    (feeds / "contacts.csv").write_text("\n".join([header, *rows]))
    channels = [
        f"{name},{name.title()},mail,0.07,,{'' if rest is None else rest},false" for name, rest in RESTS.items()
    ]
    header = "channel,label,kind,unit_cost,capacity_per_month,min_days_between,needs_consent"
    (feeds / "channels.csv").write_text("\n".join([header, *channels]))
    lines = [f"L{i},2026-0{1 + i % 9}-05,{10 + i}.00,C{i:02}" for i in range(60)]
    (feeds / "lines.csv").write_text("\n".join(["order_id,ordered_at,revenue,customer_id", *lines]))
    (feeds / "company.toml").write_text('zone = "Europe/Berlin"\nmost_contacts = 3\ncontact_days = 14\n')
    make_build(feeds, folder / "warehouse", lambda what: None)
    return folder / "warehouse"


@pytest.fixture(scope="module")
def con(small: Path) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str(on_screen.copied(small)), read_only=True)


def pressure_sql(most: int | None, days: int, part: str = "true") -> str:
    """The SELECT of the table with these caps, or of a part of it."""
    settled = {"{zone}": quoted("Europe/Berlin"), "{most_contacts}": str(most or "null"), "{contact_days}": str(days)}
    text = read_model(SQL / "contact_pressure.sql").select.replace("{part}", part)
    for word, meaning in settled.items():
        text = text.replace(word, meaning)
    return text


def sent(con: duckdb.DuckDBPyConnection) -> dict[str, list[Contact]]:
    """What the company sent to each customer, in the order of moments, channels and costs."""
    found = defaultdict(list)
    asked = "select customer_id, channel, occurred_at, coalesce(cost, 0.07) from feed_contacts where direction = 'out' and arm <> 'control'"
    for customer, channel, at, cost in con.execute(asked).fetchall():
        found[customer].append(Contact(at, channel, cost, local(at)))
    return {customer: sorted(contacts) for customer, contacts in found.items()}


def local(at: datetime) -> date:
    return at.replace(tzinfo=UTC).astimezone(BERLIN).date()


def counted(contacts: list[Contact], channel: str, end: date, most: int | None, days: int) -> tuple | None:
    """The row of one customer and channel, by looking at every contact and every day."""
    mine = [one for one in contacts if channel in (ANY, one.channel)]
    year = [one for one in mine if (end - one.day).days < 365]

    def sums(test: Any) -> list[Contact]:
        return [one for place, one in enumerate(mine) if one in year and test(place, one)]

    def too_soon(place: int, one: Contact) -> bool:
        first = mine.index(one) == place
        earlier = [two for two in contacts if two.channel == one.channel and two < one]
        if not first:
            earlier.append(one)
        rest = RESTS[one.channel]
        return bool(earlier) and rest is not None and (one.day - max(earlier).day).days < rest

    def over(place: int, one: Contact) -> bool:
        upto = contacts.index(one) + place - mine.index(one) + 1
        inside = [two for two in contacts[:upto] if (one.day - two.day).days < days]
        return most is not None and len(inside) > most

    soon, above = sums(too_soon), sums(over)
    beyond = sums(lambda place, one: too_soon(place, one) or over(place, one))
    in_days = [end - timedelta(days=ago) for ago in range(365 - 29)]
    peak = max(sum(0 <= (day - one.day).days < 30 for one in year) for day in in_days) if year else 0
    last = max(one.day for one in mine)
    if channel == ANY:
        allowed = end
        while most is not None and sum((allowed - one.day).days < days for one in mine) >= most:
            allowed += timedelta(days=1)
    else:
        allowed = last + timedelta(days=ceil(RESTS[channel] or 0))
    rests = [one.day + timedelta(days=ceil(RESTS[one.channel] or 0)) for one in mine]
    if not year and max(rests) <= end:
        return None
    ago = [(end - one.day).days for one in mine]
    return (
        *(sum(days_ago < window for days_ago in ago) for window in (7, 30, 90, days)),
        *(len(year), peak, len(soon), len(above), len(beyond), sum((one.cost for one in beyond), Decimal(0))),
        max(one.at for one in mine),
        allowed > end,
        allowed if allowed > end else None,
    )


@pytest.mark.parametrize(("most", "days"), CAPS)
def test_every_figure_is_what_a_plain_count_of_days_gives(con, most, days):
    contacts = sent(con)
    ends = con.execute(
        "select max(ordered_at), (select max(occurred_at) from feed_contacts) from feed_lines"
    ).fetchone()
    end = max(map(local, ends))
    expected = {
        (customer, channel): row
        for customer, own in contacts.items()
        for channel in (ANY, *sorted({one.channel for one in own}))
        if (row := counted(own, channel, end, most, days))
    }
    names = "last_7, last_30, last_90, recent, contacts, most_30, too_soon, over_cap, beyond, beyond_cost, last_at"
    asked = f"select customer_id, channel, {names}, resting, case when resting then rests_until end from ({pressure_sql(most, days)})"
    found = {(customer, channel): tuple(row) for customer, channel, *row in con.execute(asked).fetchall()}
    assert found == expected and len(found) > 200
    caps_met = {
        name: sum(row[place] for row in found.values()) for place, name in ((6, "too soon"), (7, "over"), (11, "rest"))
    }
    assert caps_met["too soon"] > 50 and caps_met["rest"] > 10 and (caps_met["over"] > 50) == (most not in (None,))


def test_the_built_table_has_the_companys_caps_and_parts_of_it_are_the_same(con):
    whole = con.execute(f"select * from ({pressure_sql(3, 14)}) order by all").fetchall()
    assert con.execute("select * from contact_pressure order by all").fetchall() == whole
    model = read_model(SQL / "contact_pressure.sql")
    parts = [con.execute(pressure_sql(3, 14, belongs(model, part, 7))).fetchall() for part in range(7)]
    assert sorted((row for part in parts for row in part), key=str) == sorted(whole, key=str)
    assert min(map(len, parts)) < len(whole)


def test_what_was_held_out_or_asked_for_is_no_contact(con):
    rows, number = con.execute(
        "select sum(contacts), (select count(*) from feed_contacts where arm = 'control' or direction = 'in') "
        "from contact_pressure where channel = '(any)'"
    ).fetchone()
    (treated,) = con.execute(
        "select count(*) from contact where contacts = 1 and occurred_at >= '2025-09-30 22:00'"
    ).fetchone()
    assert rows == treated and number > 300


def test_the_list_is_in_the_order_of_pressure_and_says_which_caps_hold(con):
    rows = con.execute(
        "select customer_id, last_30, last_90, last_7, contacts, hit, resting_on, beyond from pressed order by place"
    ).fetchall()
    keys = [
        (-last_30, -last_90, -last_7, -contacts, customer) for customer, last_30, last_90, last_7, contacts, *_ in rows
    ]
    assert keys == sorted(keys) and {row[0] for row in rows} == set(sent(con))
    resting = defaultdict(list)
    for customer, channel in con.execute(
        "select customer_id, channel from contact_pressure where resting order by 1, 2"
    ).fetchall():
        resting[customer].append("all channels" if channel == ANY else channel)
    for customer, *_, hit, resting_on, beyond in rows:
        assert resting_on == (", ".join(resting[customer]) if customer in resting else None)
        assert hit == ("now" if customer in resting else "earlier" if beyond else "never")


def test_a_company_says_its_cap_in_its_settings(tmp_path):
    settings = tmp_path / "company.toml"
    settings.write_text("most_contacts = 4\ncontact_days = 7\n")
    assert (read_company(tmp_path).most_contacts, read_company(tmp_path).contact_days) == (4, 7)
    settings.write_text("")
    assert (read_company(tmp_path).most_contacts, read_company(tmp_path).contact_days) == (0, 30)
    for wrong in ("most_contacts = -1", "most_contacts = 2.5", "most_contacts = true", "contact_days = 0",
                  "contact_days = 366", 'contact_days = "a month"'):  # fmt: skip
        settings.write_text(wrong)
        with pytest.raises(Unusable, match="must be a whole number from"):
            read_company(tmp_path)


# ---- Who is told what


@pytest.fixture(scope="module")
def capped(warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The simulated company with a cap of two contacts in thirty days."""
    folder = tmp_path_factory.mktemp("capped")
    changes = ["drop table contact_pressure", f"create table contact_pressure as {pressure_sql(2, 30)}", "drop table pressed",
               f"create table pressed as {read_model(SQL / 'pressed.sql').select}"]  # fmt: skip
    on_screen.changed(warehouse, folder, *changes)
    said = json.loads((folder / "CURRENT.json").read_text()) | {"most_contacts": 2, "contact_days": 30}
    for file in ("CURRENT.json", f"{said['build']}.json"):
        (folder / file).write_text(json.dumps(said))
    return folder


@pytest.fixture(scope="module")
def build(capped: Path) -> Build:
    return Warehouse(capped).current()


def rows_of(build: Build, where: str = "true") -> list[dict[str, Any]]:
    asked = (
        f"select p.*, c.segment, c.manager_id from contact_pressure p join customer c using (customer_id) where {where}"
    )
    return build.engine.ask(asked, []).to_dict("records")


BOOK = Scope(members=(("manager_id", ("M01",)),))


@pytest.mark.parametrize(
    ("view", "where"),
    [
        (View(EVERYTHING), "true"),
        (View(BOOK), "c.manager_id = 'M01'"),
        (View(BOOK, (("segment", ("business",)),)), "c.manager_id = 'M01' and c.segment = 'business'"),
        (View(EVERYTHING, (("segment", ("no such' or true --",)),)), "false"),
    ],
    ids=["everybody", "a book", "a filter in a book", "no such segment"],
)
def test_figures_by_channel_are_sums_over_the_rows_in_scope(build, view, where):
    rows = rows_of(build, where)
    for days, column in ((7, "last_7"), (30, "last_30"), (90, "last_90")):
        found = build.answer(Pressure(view=view, days=days)).to_dict("records")
        assert [row["channel"] for row in found] == sorted({row["channel"] for row in rows})
        for row in found:
            mine = [one for one in rows if one["channel"] == row["channel"]]
            having = sorted(one[column] for one in mine if one[column])
            assert (row["sent"], row["reached"], row["sent_most"]) == (sum(having), len(having), max([0, *having]))
            if having:
                assert row["sent_mean"] == pytest.approx(sum(having) / len(having))
                assert row["sent_95"] == having[ceil(0.95 * len(having)) - 1]
            for name in ("contacts", "too_soon", "over_cap", "beyond"):
                assert row[name] == sum(one[name] for one in mine)
            assert row["beyond_cost"] == pytest.approx(sum(float(one["beyond_cost"]) for one in mine))
            assert row["resting"] == sum(one["resting"] for one in mine)
        if rows:
            assert found[0]["at_cap"] == len({one["customer_id"] for one in rows if one["resting"]}) > 5


@pytest.mark.parametrize("channel", [ANY, "email"])
@pytest.mark.parametrize(("days", "column"), [(7, "last_7"), (30, "last_30"), (90, "last_90")])
def test_the_spread_holds_every_customer_once_and_for_readers_of_groups_in_tens(build, days, column, channel):
    plain = Counter(one[column] for one in rows_of(build) if one["channel"] == channel and one[column])
    asked = Pressure(view=View(EVERYTHING), part="spread", days=days, channel=channel)
    found = build.answer(asked)
    assert dict(zip(found["least_contacts"], found["customers"])) == plain
    assert list(found["most_contacts"]) == list(found["least_contacts"])
    told = build.answer(replace(asked, view=View(GROUPS, (("segment", ("business",)),))))  # filters change nothing
    assert told["customers"].sum() == plain.total() and told["customers"].min() >= 10
    limits = [(least, most) for least, most in zip(told["least_contacts"], told["most_contacts"].fillna(10_000))]
    assert list(told["customers"]) == [sum(n for k, n in plain.items() if least <= k <= most) for least, most in limits]


def test_many_different_numbers_of_contacts_are_drawn_in_groups_that_double(warehouse, tmp_path):
    spread = "update contact_pressure set last_30 = rowid % 97 where channel = '(any)'"
    where = on_screen.changed(warehouse, tmp_path, spread)
    found = Warehouse(where).current().answer(Pressure(view=View(EVERYTHING), part="spread"))
    assert list(found["least_contacts"]) == [1, 2, 3, 5, 9, 17, 33, 65]
    plain = Counter(
        one["last_30"] for one in rows_of(Warehouse(where).current(), "p.channel = '(any)' and last_30 > 0")
    )
    assert found["customers"].sum() == plain.total()
    assert found["customers"].iloc[3] == sum(plain[k] for k in (5, 6, 7, 8))


def test_readers_of_groups_are_told_nothing_of_fewer_than_ten_nor_by_a_difference(warehouse, tmp_path):
    planted = ["update contact_pressure set too_soon = 0, resting = false"]
    for channel, customers in (("web", 4), ("wireless", 7), ("mail", 40), ("email", 60)):
        planted += [
            f"update contact_pressure set too_soon = 2 where channel = '{channel}' and customer_id in "
            f"(select customer_id from contact_pressure where channel = '{channel}' order by 1 limit {customers})"
        ]
    planted += [
        "update contact_pressure p set too_soon = (select sum(q.too_soon) from contact_pressure q where q.customer_id = "
        "p.customer_id and q.channel <> '(any)') where channel = '(any)'",
        "update contact_pressure set resting = customer_id in (select customer_id from contact_pressure where channel = "
        "'web' order by 1 offset 6) where channel = 'web'",  # all but six rest
    ]
    build = Warehouse(on_screen.changed(warehouse, tmp_path, *planted)).current()
    told = build.answer(Pressure(view=View(GROUPS))).set_index("channel")
    seen = build.answer(Pressure(view=View(EVERYTHING))).set_index("channel")
    assert list(seen.loc[["web", "wireless", "teleservice", "mail", "email"], "too_soon"]) == [8, 14, 0, 80, 120]
    shown = told["too_soon"].dropna()
    assert shown[ANY] == 222 and shown["mail"] == 80 and shown["email"] == 120
    assert not {"web", "wireless", "teleservice"} & set(
        shown.index
    )  # together eleven customers: no difference tells of fewer
    assert told["resting"].isna().loc["web"] and seen.loc["web", "resting"] > 100
    assert told["sent_most"].isna().all() and seen["sent_most"].notna().all()


def test_of_two_small_channels_the_next_larger_is_not_told_either(warehouse, tmp_path):
    planted = ["update contact_pressure set too_soon = 0"]
    planted += [
        f"update contact_pressure set too_soon = 1 where channel in ('{channel}', '(any)') and customer_id in "
        f"(select customer_id from contact_pressure where channel = '{channel}' order by 1 limit {customers})"
        for channel, customers in (("mail", 40), ("email", 30), ("web", 3))
    ]
    told = Warehouse(on_screen.changed(warehouse, tmp_path, *planted)).current().answer(Pressure(view=View(GROUPS)))
    shown = told.set_index("channel")["too_soon"].dropna()
    assert set(shown.index) == {ANY, "mail"}  # or the total less the others would be the three on web


@pytest.mark.parametrize("table", ["contact_pressure", "pressed"])
def test_rows_of_customers_are_seen_in_the_own_book_only_and_by_no_reader_of_groups(build, table):
    everything = build.answer(Listing(table, View(EVERYTHING), 100_000))
    own = build.answer(Listing(table, View(BOOK), 100_000))
    book = set(build.engine.ask("select customer_id from customer where manager_id = 'M01'", [])["customer_id"])
    assert set(own["customer_id"]) == set(everything["customer_id"]) & book and len(own) > 50
    for scope in (GROUPS, Scope(), Scope(members=(("partner_id", ("P001",)),), attributes=())):
        assert not len(build.answer(Listing(table, View(scope))))
    assert not len(build.answer(Pressure(view=View(Scope()))))


def test_a_list_taken_along_is_the_whole_one_of_the_own_book(build):
    asked = Listing("pressed", View(BOOK).only("hit", "now"), 25)
    made = export.make(build, export.Wanted(asked, "contact_pressure", "csv"))
    with made.file:
        rows = list(csv.reader(io.StringIO(made.file.read().decode("utf-8-sig"))))[1:]
    own = {one["customer_id"] for one in rows_of(build, "c.manager_id = 'M01'") if one["resting"]}
    assert sorted(row[1] for row in rows) == sorted(own) and len(own) > 10


def test_running_campaigns_tell_how_many_of_ones_own_they_contact(build, tmp_path):
    journal = Journal(str(tmp_path / "journal"), tmp_path / "keys" / "audit.keys", tmp_path / "checkpoints.jsonl")
    journal.migrate()
    assert pressure.running(build, View(EVERYTHING), journal) == (0, 0, 0)
    keys = build.engine.ask("select customer_id, manager_id from customer order by 1 limit 300", []).astype(str)
    arms = {key: "control" if place % 5 == 0 else "treated" for place, key in enumerate(keys["customer_id"])}
    campaigning.exported(journal, come(journal, "max", "manager M01"), come(journal, "ada", "approver"), arms)
    reached = {key for key, arm in arms.items() if arm == "treated"}
    assert pressure.running(build, View(EVERYTHING), journal) == (1, len(reached), 1)
    mine = reached & set(keys.loc[keys["manager_id"] == "M01", "customer_id"])
    assert pressure.running(build, View(BOOK), journal) == (1, len(mine), 1) and 0 < len(mine) < len(reached)
    few = View(GROUPS)
    assert pressure.running(build, few, journal)[1] == len(reached)


# ---- The page


@pytest.fixture
def open_page(capped, monkeypatch):
    """Open the page on this or another warehouse."""
    return lambda role="auditor", where=capped, **asked: on_screen.page(monkeypatch, where, PAGE, role, **asked)


def test_the_page_says_who_is_at_a_cap_and_what_came_too_soon(open_page, build):
    app, rows = open_page(), rows_of(build)
    everybody = [one for one in rows if one["channel"] == ANY]
    now = {one["customer_id"] for one in rows if one["resting"]}
    assert on_screen.card(app, "Customers at a cap now") == f"{len(now):,}"
    soon, contacts = (sum(one[name] for one in everybody) for name in ("too_soon", "contacts"))
    assert on_screen.card(app, "Contacts too soon").startswith(f"{soon:,} (")
    over = sum(one["last_30"] > 2 for one in everybody)
    reached = sum(one["last_30"] > 0 for one in everybody)
    title = f"{over:,} of {reached:,} customers contacted had more contacts in 30 days than the cap of 2 allows"
    assert title in on_screen.text_of(app) and any(title in alt for alt in on_screen.alts(app))
    assert f"of {contacts:,} contacts" in on_screen.text_of(app)
    listed = on_screen.table(app, "customer_id", "resting_on")
    assert len(listed) == 25 and set(listed["customer_id"]) <= now
    words = on_screen.text_of(app).lower()
    assert not any(word in words for word in ("caused", "because of", "effect", "lift", "leads to"))


def test_the_window_and_the_channel_are_in_the_address(open_page, build):
    app = open_page(days="90", on="E-mail")
    reached = sum(one["last_90"] > 0 for one in rows_of(build, "p.channel = 'email'"))
    assert f"of {reached:,} customers contacted on E-mail" in on_screen.text_of(app)
    assert "This address cannot be shown" in on_screen.text_of(open_page(days="31"))
    assert "This address cannot be shown" in on_screen.text_of(open_page(on="Pigeon"))


def test_readers_of_groups_see_no_customer_and_one_window(open_page):
    app = open_page("executive")
    assert "whatever the filters" in on_screen.text_of(app)
    assert not [frame for frame in app.dataframe if "customer_id" in frame.value.columns]
    assert "sent_most" not in on_screen.table(app, "channel", "reached").columns
    assert "This address cannot be shown" in on_screen.text_of(open_page("executive", days="7"))


def test_managers_see_their_own_book(open_page, build):
    app = open_page("manager M01")
    own = {one["customer_id"] for one in rows_of(build, "c.manager_id = 'M01'")}
    assert set(on_screen.table(app, "customer_id", "resting_on")["customer_id"]) <= own
    at_cap = {one["customer_id"] for one in rows_of(build, "c.manager_id = 'M01'") if one["resting"]}
    assert on_screen.card(app, "Customers at a cap now") == str(len(at_cap))


def test_without_contacts_or_caps_the_page_says_what_to_do(open_page, tiny, warehouse, tmp_path):
    assert "Not known without the feed contacts" in on_screen.text_of(open_page(where=tiny))
    uncapped = on_screen.changed(
        warehouse, tmp_path, "update feed_channels set min_days_between = null",
        "update contact_pressure set resting = false, too_soon = 0, beyond = 0, beyond_cost = 0",
        "update pressed set hit = 'never', resting_on = null",
    )  # fmt: skip
    said = on_screen.text_of(open_page(where=uncapped))
    assert "No caps are set" in said and "min_days_between in channels.csv" in said and "company.toml" in said
    assert "At a cap now: nobody in this view" in said
    nobody = tmp_path / "nobody"
    nobody.mkdir()
    said = on_screen.text_of(open_page(where=on_screen.changed(warehouse, nobody, "delete from contact_pressure")))
    assert "Nobody in this view was contacted in the last 12 months" in said
