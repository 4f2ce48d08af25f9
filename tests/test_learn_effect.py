"""What a build learns of contacts: from feeds with planted campaigns, beside the same figures worked out with pandas."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from data.model_card import IN_USE, NOT_ENOUGH, UNPROVEN
from tests import campaign_build
from tests.campaign_company import COST_SHARE, EXTRA, SENT, WINDOW, World

WANTED = ("learned_effect", "learned_channel_effect", "learned_tested")
CAUSAL = re.compile(r"\b(caus\w*|incremental\w*|lift|uplift|effect of|because of|leads? to|changes?)\b", re.IGNORECASE)
PRICES = {"email": 0.05, "mail": 1.10, "wireless": 0.09, "courier": 4.0, "web": 0.02}


def contacts(
    world: World, channel: str, people: pd.DataFrame, days_before: int, answered: float, often: int = 1
) -> None:
    """Contacts outside of any test, of which so many are answered."""
    rows = people.loc[people.index.repeat(often), ["customer_id"]].reset_index(drop=True)
    number = sum(map(len, world.contacts))
    rows["contact_id"] = [f"X{number + n}" for n in range(len(rows))]
    rows["channel"], rows["direction"], rows["arm"] = channel, "out", "treated"
    rows["occurred_at"] = SENT - pd.Timedelta(days=days_before)
    rows["responded"] = world.rng.random(len(rows)) < answered
    rows["responded_at"] = rows["occurred_at"] + pd.Timedelta(days=1)
    rows["responded_at"] = rows["responded_at"].where(rows["responded"])
    world.contacts.append(rows)


def company(folder: Path) -> Path:
    """Mail tested twice; e-mail sent by rule; wireless tested on too few; a courier never sent; web sent three times."""
    world = World(np.random.default_rng(5))
    people = world.people("C", 2_400)
    world.campaign("mail-1", people, 0.5, 0.3)
    world.campaign("mail-2", people.iloc[:1_600], 0.7, 0.3)
    world.campaign("by-rule", people.iloc[800:], 0.6, 0.2, assignment="rule")
    world.contacts[-1]["channel"] = "email"
    world.campaign("few", people.iloc[:150], 0.5, 0.1)
    world.contacts[-1]["channel"] = "wireless"
    world.campaign("running", people, 0.5, 0.3, days=WINDOW + 60)
    contacts(world, "email", people.iloc[:1_000], 90, 0.3, 2)
    contacts(world, "wireless", people.iloc[:900], 60, 0.1)
    written = world.write(folder)
    lines = [f"{name},{name},mail,{price},,3,false" for name, price in PRICES.items()]
    head = "channel,label,kind,unit_cost,capacity_per_month,min_days_between,needs_consent"
    (written / "channels.csv").write_text("\n".join([head, *lines]) + "\n", "utf-8")
    return written


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder, a database with the tables, and the card."""
    folder = company(tmp_path_factory.mktemp("effects") / "feeds")
    con, cards = campaign_build.measured(folder, wanted=WANTED)
    return folder, con, next(card for card in cards if card.model == "contact-effect")


def table(con: duckdb.DuckDBPyConnection, name: str) -> pd.DataFrame:
    """All its rows."""
    return con.execute(f"select * from {name}").df()


def channel(built, name: str) -> pd.Series:
    """The row of one channel."""
    return table(built[1], "learned_channel_effect").set_index("channel").loc[name]


def test_only_customers_drawn_at_random_in_campaigns_that_ended_are_tested(built):
    folder, con, _ = built
    rows = table(con, "learned_tested")
    fed = pd.read_parquet(folder / "contacts.parquet")
    random = fed[fed["campaign_id"].isin(["mail-1", "mail-2"])]
    assert set(rows["campaign_id"]) == {"mail-1", "mail-2"} and set(rows["channel"]) == {"mail"}
    both = rows.merge(random, on=["campaign_id", "customer_id"])
    assert len(both) == len(rows) == len(random)
    assert (both["treated"] == (both["arm"] == "treated")).all()
    share = both["campaign_id"].map({"mail-1": 0.5, "mail-2": 0.7})
    np.testing.assert_allclose(both["p_treated"], share)


def test_outcomes_are_the_margin_of_the_window(built):
    folder, con, _ = built
    lines = pd.read_parquet(folder / "lines.parquet")
    lines = lines[(lines["ordered_at"] >= SENT) & (lines["ordered_at"] < SENT + pd.Timedelta(days=WINDOW))]
    margin = (lines["revenue"] - lines["cost"]).groupby(lines["customer_id"]).sum()
    rows = table(con, "learned_tested")
    np.testing.assert_allclose(rows["outcome"], rows["customer_id"].map(margin).fillna(0), atol=1e-9)


def test_the_tested_channels_effect_is_near_the_planted_one_and_near_the_plain_difference(built):
    row = channel(built, "mail")
    rows = table(built[1], "learned_tested")
    # customers of both campaigns: the second one's extra orders fall into the first one's window, in both its arms
    assert (row["basis"], row["campaigns"]) == ("tested", 2)
    assert (row["treated"], row["control"]) == (rows["treated"].sum(), (~rows["treated"]).sum())
    assert row["effect_low"] <= 0.3 * EXTRA * (1 - COST_SHARE) <= row["effect_high"]
    plain = rows.groupby(["campaign_id", "treated"])["outcome"].mean().unstack()
    weight = rows.groupby("campaign_id").size() / len(rows)
    difference = ((plain[True] - plain[False]) * weight).sum()
    assert abs(row["effect"] - difference) < (row["effect_high"] - row["effect_low"]) / 4


def test_everybody_has_a_figure_on_a_tested_channel_and_tested_customers_one_learned_apart(built):
    con = built[1]
    rows = table(con, "learned_effect")
    mail = rows[rows["channel"] == "mail"]
    assert set(mail["customer_id"]) == set(table(con, "customer_total")["customer_id"])
    assert (mail["basis"] == "tested").all() and mail["level"].nunique() == 1
    assert ((mail["effect_low"] < mail["effect"]) & (mail["effect"] < mail["effect_high"])).all()
    never = mail[~mail["customer_id"].isin(table(con, "learned_tested")["customer_id"])]
    assert len(never) and (never["effect_apart"] == never["effect"]).all()
    assert not rows.duplicated(["customer_id", "channel"]).any()


def test_nothing_random_means_unproven_and_the_words_say_no_more(built):
    """Contacts by a rule with a control group, too: who was left out was chosen."""
    rows = table(built[1], "learned_effect")
    assert set(rows.loc[rows["channel"] != "mail", "basis"]) == {"unproven"}
    assert set(rows.loc[rows["channel"] != "mail", "level"]) == {"customer"}
    email = channel(built, "email")
    assert (email["basis"], email["differs"], email["campaigns"], email["control"]) == ("unproven", "unproven", 0, 0)
    assert email["said"].startswith("Nobody was held out at random.")
    assert not CAUSAL.search(email["said"].replace("does not prove that a contact changes anything", ""))


def test_an_unproven_figure_is_the_rate_of_answers_times_the_margin_of_an_order(built):
    con = built[1]
    value = table(con, "learned_value").set_index("customer_id")
    margin = (value["expected_margin_12m"] / value["expected_purchases_12m"]).dropna()
    rows = table(con, "learned_effect").query("channel == 'email'").set_index("customer_id")
    rate = table(con, "learned_response").query("channel == 'email'").set_index("customer_id")
    assert set(rows.index) == set(margin.index)
    reached = rows.index.intersection(rate.index)
    for name, column in (("effect", "rate"), ("effect_low", "rate_low"), ("effect_high", "rate_high")):
        np.testing.assert_allclose(rows.loc[reached, name], rate.loc[reached, column] * margin[reached], rtol=1e-9)
    new = rows.index.difference(rate.index)
    usual = rows.loc[new, "effect"] / margin[new]
    raw = rate["answered"].sum() / rate["sent"].sum()
    assert len(new) and usual.max() == pytest.approx(usual.min()) and usual.iloc[0] == pytest.approx(raw, rel=0.05)
    assert (rows["effect_apart"] == rows["effect"]).all()
    email = channel(built, "email")
    assert email["effect"] == pytest.approx(rows["effect"].mean(), abs=1e-5)


def test_a_handful_held_out_proves_nothing(built):
    row = channel(built, "wireless")
    assert row["basis"] == "unproven" and 0 < row["control"] < 200
    assert row["said"].startswith(f"Only {row['control']} customers were held out at random")


def test_a_channel_that_nobody_was_contacted_on_has_no_figures(built):
    con = built[1]
    assert set(table(con, "learned_channel_effect")["channel"]) == {"mail", "email", "wireless"}
    assert set(table(con, "learned_effect")["channel"]) == {"mail", "email", "wireless"}


def test_the_card_names_what_was_tested_and_how_the_last_campaign_came_out(built):
    card = built[2]
    assert card.state == IN_USE and card.why == "Tested on: mail; unproven on: email, wireless."
    checks = {check["name"]: check for check in card.check}
    assert checks["channels tested"]["words"].startswith("1 of 3 channels that were used are tested (33 %)")
    assert checks["mail: enough held out"]["passed"] and checks["wireless: enough held out"]["passed"] is False
    assert checks["mail: last campaign as foretold"]["passed"] in (True, False)
    values = {(row["candidate"], row["measure"]) for row in card.backtest}
    assert {("earlier campaigns", "mail: mean effect"), ("last campaign", "mail: mean effect")} <= values


def test_learning_again_gives_every_bit_again(built):
    again, _ = campaign_build.measured(built[0], wanted=WANTED)
    for name in WANTED:
        pd.testing.assert_frame_equal(table(again, name), table(built[1], name), check_exact=True)


def test_several_contacts_count_as_several_and_broken_draws_do_not_count(tmp_path):
    """Everybody treated twice: half the margin each. A campaign that lost half of its control group is left out."""
    world = World(np.random.default_rng(6))
    people = world.people("C", 1_200)
    treated = world.campaign("twice", people, 0.5, 0.5)
    second = world.contacts[-1][treated].assign(contact_id=lambda rows: rows["contact_id"] + "-2")
    world.contacts.append(second.assign(occurred_at=SENT + pd.Timedelta(days=2)))
    world.campaign("lost", people, 0.5, 0.5)
    lost = world.contacts[-1]
    world.contacts[-1] = lost[(lost["arm"] == "treated") | (np.arange(len(lost)) % 2 == 0)].assign(channel="email")
    con, _ = campaign_build.measured(world.write(tmp_path / "feeds"), wanted=WANTED)
    assert set(table(con, "effect_trial")["campaign_id"]) == {"twice"}
    trial = table(con, "effect_trial").merge(table(con, "campaign_outcome"), on=["campaign_id", "customer_id"])
    np.testing.assert_allclose(trial["margin_x"], trial["margin_y"].astype(float) / 2, atol=1e-9)


@pytest.mark.parametrize(("sent", "state"), [(False, NOT_ENOUGH), (True, UNPROVEN)])
def test_companies_that_tested_nothing_say_so(tmp_path, sent, state):
    world = World(np.random.default_rng(7))
    people = world.people("C", 300)
    contacts(world, "mail", people if sent else people.iloc[:0], 60, 0.2)
    con, cards = campaign_build.measured(world.write(tmp_path / "feeds"), wanted=WANTED)
    assert next(card for card in cards if card.model == "contact-effect").state == state
    assert len(table(con, "learned_tested")) == 0 and len(table(con, "learned_channel_effect")) == int(sent)


def test_columns_are_those_that_plans_read(built):
    described = {
        "learned_effect": "customer_id channel effect effect_low effect_high effect_apart basis level",
        "learned_channel_effect": "channel basis campaigns treated control effect effect_low effect_high differs said",
        "learned_tested": "campaign_id customer_id channel treated p_treated outcome expected_held expected_treated "
        "effect_apart",
    }
    for name, columns in described.items():
        assert list(table(built[1], name).columns) == columns.split()
