"""Responsiveness: shares and rates as worked out from the contacts themselves, and what is said where little is known."""

from __future__ import annotations

import itertools
from collections import defaultdict
from math import sqrt

import pytest

from components import responses, words
from tests import on_screen
from tests.conftest import ROOT

PAGE = "value/responsiveness"
OPENS = ("open", "opened", "view", "viewed", "read", "seen", "shown", "impression", "delivered")
Z = 1.6448536269514722


@pytest.fixture
def open_page(warehouse, monkeypatch):
    """Open the page on this or another warehouse."""
    return lambda role="auditor", where=warehouse, **asked: on_screen.page(monkeypatch, where, PAGE, role, **asked)


@pytest.fixture(scope="session")
def pairs(warehouse) -> dict[str, list[tuple[int, int]]]:
    """Contacts and answers of every customer by channel in the last 24 months, from the feed as it came."""
    kinds = ", ".join(f"'{kind}'" for kind in OPENS)
    rows = on_screen.asked(
        warehouse,
        f"""select channel, customer_id, count(*), count(*) filter (responded
            and coalesce(lower(response_kind), '') not in ({kinds})
            and timezone('Europe/Berlin', timezone('UTC', greatest(responded_at, occurred_at)))::date <= cut)
        from feed_contacts cross join cut_off
        where arm = 'treated' and direction = 'out'
            and timezone('Europe/Berlin', timezone('UTC', occurred_at))::date > cut - interval 24 month
            and timezone('Europe/Berlin', timezone('UTC', occurred_at))::date <= cut
        group by all""",
    )
    found = defaultdict(list)
    for channel, _, sent, answered in rows:
        found[channel].append((sent, answered))
    return dict(found)


def interval(part: list[tuple[int, int]]) -> tuple[float, float, float]:
    """Rate, and Wilson's 90 % interval with as many contacts as the answers of whole customers are worth."""
    contacts, answers = (sum(pair[i] for pair in part) for i in (0, 1))
    p, customers = answers / contacts, len(part)
    spread = customers / (customers - 1) * sum((k - p * n) ** 2 for n, k in part) / contacts**2
    effective = contacts / max(1, spread / (p * (1 - p) / contacts))
    middle = (p + Z**2 / (2 * effective)) / (1 + Z**2 / effective)
    half = Z / (1 + Z**2 / effective) * sqrt(p * (1 - p) / effective + Z**2 / (4 * effective**2))
    return p, middle - half, middle + half


def test_rates_of_channels_are_those_of_the_contacts_with_customers_as_clusters(warehouse, pairs):
    stored = on_screen.asked(
        warehouse, "select channel, customers, rate, low, high from response_intensity where least_contacts = 0"
    )
    assert {channel for channel, *_ in stored} == set(pairs)
    for channel, customers, *figures in stored:
        assert customers == len(pairs[channel])
        assert figures == pytest.approx(interval(pairs[channel]), rel=1e-9)


def test_groups_by_number_of_contacts_hold_every_customer_once_and_ten_at_least(warehouse, pairs):
    stored = on_screen.asked(
        warehouse,
        "select channel, least_contacts, most_contacts, customers, contacts, responses from response_intensity "
        "where least_contacts > 0 order by 1, 2",
    )
    groups = defaultdict(list)
    for channel, least, most, *sums in stored:
        inside = [(n, k) for n, k in pairs[channel] if least <= n <= (most or n)]
        assert sums == [len(inside), sum(n for n, _ in inside), sum(k for _, k in inside)]
        assert len(inside) >= 10
        groups[channel].append((least, most))
    for channel, limits in groups.items():
        assert limits[0][0] == 1 and limits[-1][1] is None
        assert all(most + 1 == least for (_, most), (least, _) in itertools.pairwise(limits))
        assert sum(row[3] for row in stored if row[0] == channel) == len(pairs[channel])


def test_the_cards_count_pairs_of_customer_and_channel(open_page, warehouse):
    [(high, low, unsure, reached, cost)] = on_screen.asked(
        warehouse,
        "select count(*) filter (response_state = 'high'), count(*) filter (response_state = 'low'), "
        "count(*) filter (response_state = 'not enough evidence'), count(*), sum(unresponsive_cost) "
        "from learned_response",
    )
    app = open_page()
    for label, number in (("High responders", high), ("Low responders", low), ("Not enough evidence", unsure)):
        assert on_screen.card(app, label) == f"{words.count(number)} ({words.share(number / reached)})"
    assert on_screen.card(app, "Cost of low responders") == words.money(cost, "EUR", short=True)
    assert high + low + unsure == reached


def test_a_filter_narrows_the_shares_but_says_that_rates_are_the_companys(open_page, warehouse):
    [(number, reached)] = on_screen.asked(
        warehouse,
        "select sum(unsure_responders), count(*) from learned_response join customer using (customer_id) "
        "where segment = 'home'",
    )
    app = open_page(segment="home")
    shown = f"{words.count(number)} ({words.share(number / reached)})"
    assert on_screen.card(app, "Not enough evidence") == shown
    assert "whatever the filters" in on_screen.text_of(app)


def test_what_an_open_is_and_what_only_a_holdout_answers_is_said(open_page):
    said = on_screen.text_of(open_page())
    assert "Opens are not responses" in said and "only a holdout answers" in said
    assert "tells nothing of what one more contact would do" in said
    assert "1.5 times the channel's usual rate" in said


def test_opens_that_were_counted_as_answers_are_found_by_name(open_page, warehouse, tmp_path):
    kinds = on_screen.asked(warehouse, "select sum(responses) from response_kind")
    [(opened,)] = on_screen.asked(warehouse, "select sum(responses) from response_kind where response_kind = 'click'")
    where = on_screen.changed(
        warehouse, tmp_path, "update response_kind set response_kind = 'opened twice' where response_kind = 'click'"
    )
    share = words.share(opened / kinds[0][0])
    assert f"{share} of what counts as an answer is an open" in on_screen.text_of(open_page(where=where))
    assert "Opens are not among the answers" in on_screen.text_of(open_page())


def test_kinds_of_answers_add_up_to_the_answers_of_the_contacts(warehouse, pairs):
    stored = dict(on_screen.asked(warehouse, "select channel, sum(responses) from response_kind group by 1"))
    for channel, part in pairs.items():
        late = stored[channel] - sum(k for _, k in part)
        assert 0 <= late <= 0.02 * stored[channel]  # answers after the last sale are known, but not learned from


def test_high_responders_are_listed_the_surest_first_and_lead_to_the_customer(open_page, warehouse):
    ((channel, _),) = on_screen.asked(
        warehouse,
        "select channel, count(*) from learned_response where response_state = 'high' group by 1 "
        "order by 2 desc, 1 limit 1",
    )
    expected = on_screen.asked(
        warehouse,
        f"select customer_id, sent, answered from learned_response where channel = '{channel}' "
        "and response_state = 'high' order by rate_low desc, customer_id limit 25",
    )
    app = open_page(channel=channel.capitalize())
    shown = on_screen.table(app, "customer_id", "sent", "answered")
    assert list(shown[["customer_id", "sent", "answered"]].itertuples(index=False, name=None)) == expected
    (offered,) = (box for box in app.selectbox if box.label.startswith("Open"))
    offered.select(expected[0][0]).run()
    assert not app.exception and app.text_input(key="customer").value == expected[0][0]


def test_where_nobody_is_low_that_is_said(open_page, warehouse, tmp_path):
    where = on_screen.changed(
        warehouse,
        tmp_path,
        "update learned_response set response_state = 'not enough evidence', low_responders = 0, high_responders = 0, "
        "unsure_responders = 1, unresponsive_cost = 0",
        "delete from responder",
    )
    app = open_page(where=where, answers="Low responders")
    said = on_screen.text_of(app)
    assert "No customer is known to answer above the usual; of 100.0\u202f% not enough is known" in said
    assert "No money is known to have gone to low responders" in said
    assert "Nobody is known to be a low responder" in said


def test_a_manager_sees_the_own_book_and_no_rate_of_the_company(open_page, warehouse):
    [(reached, unsure)] = on_screen.asked(
        warehouse,
        "select count(*), sum(unsure_responders) from learned_response join customer using (customer_id) "
        "where manager_id = 'M01'",
    )
    app = open_page("manager M01")
    shown = f"{words.count(unsure)} ({words.share(unsure / reached)})"
    assert on_screen.card(app, "Not enough evidence") == shown
    assert "you see a part of it" in on_screen.text_of(app) and "is answered most often" not in on_screen.text_of(app)
    own = {key for (key,) in on_screen.asked(warehouse, "select customer_id from customer where manager_id = 'M01'")}
    for frame in app.dataframe:
        if "customer_id" in frame.value:
            assert set(frame.value["customer_id"]) <= own


def test_readers_of_groups_see_no_customer(open_page):
    app = open_page("executive")
    assert "Single customers are not listed" in on_screen.text_of(app)
    assert not any("customer_id" in frame.value for frame in app.dataframe) and app.get("plotly_chart")


def test_small_groups_are_left_out_from_a_number_on(open_page, warehouse):
    ((channel, most),) = on_screen.asked(
        warehouse,
        "select channel, max(customers) from response_intensity where least_contacts > 0 group by 1 order by 2, 1 limit 1",
    )
    assert most < 300
    said = on_screen.text_of(open_page(channel=channel.capitalize(), least="300"))
    assert "fewer than 2 say nothing that would hold" in said


def test_without_contacts_the_page_says_what_is_missing(open_page, tmp_path_factory):
    app = open_page(where=on_screen.tiny(tmp_path_factory))
    assert "Not known without" in on_screen.text_of(app) and "contacts" in on_screen.text_of(app)
    assert not app.get("plotly_chart") and not app.metric


def test_a_view_of_which_nobody_was_contacted_is_said_to_be_empty(open_page, warehouse, tmp_path):
    where = on_screen.changed(warehouse, tmp_path, "delete from learned_response")
    assert "Nobody in this view was contacted" in on_screen.text_of(open_page(where=where))


def test_every_chart_has_a_text_alternative(open_page):
    texts = on_screen.alts(open_page())
    assert len(texts) >= 4 and all(texts)


@pytest.mark.parametrize(("limits", "said"), [((1, 1), "1"), ((3, 4), "3 to 4"), ((9, None), "9 or more")])
def test_groups_are_named_by_their_limits(limits, said):
    assert responses.between(*limits) == said


def test_the_page_is_short():
    assert len((ROOT / "pages" / f"{PAGE}.py").read_text(encoding="utf-8").splitlines()) <= 60
