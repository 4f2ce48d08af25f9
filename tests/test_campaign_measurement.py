"""What campaigns changed, as the build says: the published test, planted truth, and the same figures worked out by hand."""

from __future__ import annotations

import shutil

import numpy as np
import pandas as pd
import pytest

from models.adjustment import adjusted
from models.experiment import arm_of, contamination, sample_ratio, stratified, welch
from models.quality import wilson
from models.sequence import multiplier
from models.verdict import GAIN, NOT_MEASURABLE, NOT_PROVEN, NOT_YET
from tests import hillstrom
from tests.campaign_build import campaigns, measured
from tests.campaign_company import COST_SHARE, EXTRA, LAST, SENT, WINDOW, World
from tests.conftest import need
from tests.hillstrom import MENS, NONE, WOMENS

MANY = 300


@pytest.fixture(scope="module")
def published(shared_data, tmp_path_factory):
    """The published test as feeds, the table campaign made from it, and the database."""
    need((shared_data / "hillstrom.parquet").exists(), "hillstrom.parquet is not there")
    table = hillstrom.hillstrom(shared_data)
    folder = hillstrom.write(table, tmp_path_factory.mktemp("hillstrom") / "feeds")
    con, _ = measured(folder)
    return table, campaigns(con), con


# The published test


@pytest.mark.parametrize(
    ("campaign", "visit", "conversion", "spend"),
    [("men", 0.18276, 0.01253, 1.42262), ("women", 0.15140, 0.00884, 1.07720), ("none", 0.10617, 0.00573, 0.65279)],
)
def test_shares_and_spend_of_each_arm_are_those_published(published, campaign, visit, conversion, spend):
    names = ("response", "conversion", "revenue")
    rows = [published[1].loc[name] for name in (("men", "women") if campaign == "none" else (campaign,))]
    side = "control" if campaign == "none" else "treated"
    for row in rows:
        assert [row[f"{name}_{side}"] for name in names] == pytest.approx([visit, conversion, spend], abs=1e-5)


@pytest.mark.parametrize(
    ("campaign", "name", "effect", "error"),
    [
        ("men", "effect", 0.76983, 0.14525),
        ("women", "effect", 0.42441, 0.13033),
        ("men", "revenue_effect", 0.76983, 0.14525),
        ("men", "response_effect", 0.07659, 0.00339),
        ("women", "response_effect", 0.04523, 0.00323),
    ],
)
def test_effects_and_their_errors_are_those_published(published, campaign, name, effect, error):
    row = published[1].loc[campaign]
    assert (row[name], row[f"{name}_se"]) == pytest.approx((effect, error), abs=1e-5)


def test_the_control_group_of_both_e_mails_is_one_and_the_arms_are_as_large_as_they_were_drawn(published):
    table = published[1]
    assert table["treated_customers"].tolist() == [21_307, 21_387] == table["treated"].tolist()
    assert table["control_customers"].tolist() == [21_306] * 2 == table["control"].tolist()
    assert table["ratio_chi2"].to_numpy() == pytest.approx(0.2025, abs=5e-5) and set(table["ratio_df"]) == {2}
    assert table["ratio_p"].to_numpy() == pytest.approx(0.904, abs=5e-4)
    assert (table["treated_touched"] == 0).all() and (table["control_touched"] == 0).all()


@pytest.mark.parametrize(
    ("campaign", "attributed", "incremental", "low", "high", "inflation", "verdict"),
    [("men", 6.11, 2.85, 1.43, 4.27, 1.85, GAIN), ("women", 4.39, 1.12, -0.16, 2.40, 2.54, NOT_PROVEN)],
)
def test_attributed_stands_beside_incremental_roi_with_its_interval_and_the_verdict(
    published, campaign, attributed, incremental, low, high, inflation, verdict
):
    row = published[1].loc[campaign]
    names = ["attributed_roi", "incremental_roi", "incremental_roi_low", "incremental_roi_high", "inflation"]
    assert row[names].tolist() == pytest.approx([attributed, incremental, low, high, inflation], abs=5e-3)
    assert row["verdict"] == verdict and row["interval"] == "at the end" and row["days_left"] == 0
    assert row["cost"] == pytest.approx(0.10 * row["treated_customers"])
    assert (row["reason"] == "") == (verdict == GAIN)
    assert row["net"] == pytest.approx(row["incremental_roi"] * row["cost"])


@pytest.mark.parametrize(("campaign", "mail"), [("men", MENS), ("women", WOMENS)])
def test_the_adjusted_effect_is_the_models_on_what_pandas_knows_of_the_customers(published, campaign, mail):
    both = published[0][published[0]["segment"].isin([mail, NONE])]
    known = np.column_stack([both["history"], np.ones(len(both)), 30.0 * both["recency"]])
    alone = adjusted(both["spend"], both["segment"] == mail, known)
    row = published[1].loc[campaign]
    assert row["adjusted_effect"] == pytest.approx(alone.difference.estimate, abs=1e-9)
    assert row[["adjusted_low", "adjusted_high"]].tolist() == pytest.approx(
        [alone.difference.low, alone.difference.high], abs=1e-9
    )
    assert row["variance_ratio"] == pytest.approx(alone.variance_ratio, abs=1e-9)
    assert row["covariates"] == len(alone.columns) == 2


def test_without_a_margin_the_effect_is_told_and_what_is_missing(published, tmp_path):
    small = pd.concat([rows.head(3_000) for _, rows in published[0].groupby("segment")])
    feeds = hillstrom.FEEDS.replace("{margin}", "")
    con, _ = measured(hillstrom.write(small, tmp_path / "feeds", feeds))
    row = campaigns(con).loc["men"]
    assert row["effect"] == pytest.approx(
        small.loc[small.segment == MENS, "spend"].mean() - small.loc[small.segment == NONE, "spend"].mean()
    )
    assert pd.isna(row[["incremental_roi", "net", "attributed_roi", "margin_effect"]]).all()
    assert "margin_rate" in row["remark"] and "order lines have no cost" in row["remark"]
    assert row["verdict"] != GAIN  # whatever was spent more, it is not known to pay its cost


def test_shares_of_three_arms_are_found_in_the_probabilities_of_the_contacts(published, tmp_path):
    small = pd.concat([rows.head(900 + 40 * n) for n, (_, rows) in enumerate(published[0].groupby("segment"))])
    contacts = hillstrom.CONTACTS.replace("'random' as assignment", "'random' as assignment, 1.0 / 3 as p_assign")
    con, _ = measured(hillstrom.write(small, tmp_path / "feeds", hillstrom.FEEDS.replace("{share}", ""), contacts))
    by_hand = sample_ratio([900, 940, 980], [1 / 3] * 3)
    for row in campaigns(con).itertuples():
        assert (row.ratio_chi2, row.ratio_p) == pytest.approx((by_hand.chi2, by_hand.p), rel=1e-5)


def test_answers_to_be_judged_by_are_compared_with_what_those_held_out_answered(published, tmp_path):
    small = pd.concat([rows.head(4_000) for _, rows in published[0].groupby("segment")])
    con, _ = measured(hillstrom.write(small, tmp_path / "feeds", hillstrom.FEEDS.replace(",revenue,", ",responses,")))
    row = campaigns(con).loc["men"]
    by_hand = welch(*(arm_of(small.loc[small.segment == mail, "visit"]) for mail in (MENS, NONE)))
    assert row[["effect", "effect_se", "effect_low"]].tolist() == pytest.approx(
        [by_hand.estimate, by_hand.se, by_hand.low]
    )
    assert row["verdict"] == GAIN and by_hand.low > 0
    last = con.execute("select effect, low from campaign_day where campaign_id = 'men' order by day").fetchall()[-1]
    assert last == pytest.approx((by_hand.estimate, by_hand.low))


# Planted truth


def flawed(world: World) -> None:
    """Campaigns with which something is wrong."""
    world.campaign("by rule", world.people("RU", 800), 0.5, 0.3, assignment="rule")
    world.campaign("all", world.people("AL", 800, 3.0), 1.0, 0.0, cost=0.05)
    world.campaign("lost", world.people("LO", 3_000), 0.5, 0.3)
    sent = world.contacts[-1]
    gone = (sent["arm"] == "control") & (np.arange(len(sent)) % 5 == 0)
    world.contacts[-1] = sent[~gone]
    mixed = world.people("MI", 2_000)
    treated = world.campaign("mixed", mixed, 0.5, 0.3)
    world.campaign("mixing", mixed[treated], 1.0)
    world.campaign("few", world.people("FE", 15), 0.5)
    world.campaigns.append({"campaign_id": "planned", "measured_from": SENT, "measured_to": SENT})


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """A company whose campaigns truly do what `truth` says; their table, and the database."""
    world = World(np.random.default_rng(20_260_302))
    world.campaign("gain", world.people("GA", 4_000), 0.5, 0.3, cost=0.4)
    heavy = world.people("HE", 3_000, 3.0)
    world.campaign("heavy", heavy, 0.7, 0.0, cost=0.05)
    world.campaign("loss", world.people("LS", 2_000), 0.5, 0.05, cost=4.0)
    world.campaign("running", world.people("RN", 3_000), 0.5, 0.3, cost=0.4, days=60)
    strata = world.people("ST", 4_000)
    often = strata["rate"] > strata["rate"].median()
    world.campaign("strata", strata, np.where(often, 0.8, 0.3), 0.1)
    flawed(world)
    for number in range(MANY):
        chance = 0.2 * (number % 2)
        promised = (chance + 0.05 * world.rng.standard_normal()) * EXTRA * (1 - COST_SHARE)
        said = {"expected_effect": round(promised, 2), "expected_low": round(promised - 1, 2)}
        said |= {
            "expected_high": round(promised + 1, 2),
            "owner": f"O{number % 3}",
            "basis": ["model", "guess"][number % 2],
        }
        world.campaign(f"many-{number:03}", world.people(f"M{number:03}-", 200), 0.5, chance, **said)
    folder = world.write(tmp_path_factory.mktemp("planted") / "feeds")
    con, cards = measured(folder)
    return world, campaigns(con), con, cards, folder


def by_customer(world: World, name: str, days: int = WINDOW) -> pd.DataFrame:
    """Arm and margin in the window of everybody in a campaign, by pandas; whoever has a control row is control."""
    sent = pd.concat(world.contacts).query("campaign_id == @name")
    arm = sent.groupby("customer_id")["arm"].min()
    lines = pd.concat(world.lines)
    inside = lines[(lines["ordered_at"] >= SENT) & (lines["ordered_at"] < SENT + pd.Timedelta(days=days))]
    margin = (inside["revenue"] - inside["cost"]).groupby(inside["customer_id"]).sum()
    return pd.DataFrame({"arm": arm, "margin": margin.reindex(arm.index).fillna(0.0)})


def difference(customers: pd.DataFrame):
    return welch(*(arm_of(customers.loc[customers["arm"] == arm, "margin"]) for arm in ("treated", "control")))


@pytest.mark.parametrize("name", ["gain", "heavy", "loss", "many-007"])
def test_the_effect_is_what_pandas_finds_over_everybody_drawn(planted, name):
    world, table = planted[:2]
    by_hand, row = difference(by_customer(world, name)), table.loc[name]
    names = ["effect", "effect_se", "effect_low", "effect_high", "treated_customers", "control_customers"]
    expected = [by_hand.estimate, by_hand.se, by_hand.low, by_hand.high, by_hand.treated.n, by_hand.control.n]
    assert row[names].astype(float).tolist() == pytest.approx(expected, rel=1e-9)
    assert row["outcome"] == "margin"


def test_a_planted_gain_is_proven_and_a_planted_loss_too(planted):
    world, table = planted[:2]
    gain, loss = table.loc["gain"], table.loc["loss"]
    assert gain["verdict"] == GAIN and gain["effect_low"] < world.truth["gain"] < gain["effect_high"]
    assert gain["net"] == pytest.approx(gain["treated_customers"] * gain["effect"] - gain["cost"])
    assert loss["verdict"] == "proven loss" and loss["net_high"] < 0 and loss["next_step"].startswith("Stop it")


def test_a_campaign_without_effect_on_heavy_buyers_is_attributed_a_gain_and_proven_nothing(planted):
    table = planted[1]
    assert table.loc["heavy", "attributed_roi"] > 5
    assert table.loc["heavy", "verdict"] == NOT_PROVEN
    assert table.loc["heavy", "effect_low"] < 0 < table.loc["heavy", "effect_high"]
    assert table.loc["all", "attributed_roi"] > 5
    assert table.loc["all", "verdict"] == NOT_MEASURABLE
    assert pd.isna(table.loc["all", ["effect", "net", "incremental_roi", "inflation", "control_customers"]]).all()
    assert table.loc["all", "reason"].startswith("Nobody was held out")
    assert "holdout be drawn at random" in table.loc["all", "next_step"]


def test_intervals_hold_the_planted_effect_as_often_as_they_say(planted):
    world, table = planted[:2]
    many = table[table.index.str.startswith("many")]
    truth = many.index.map(world.truth)
    error = 3 * np.sqrt(0.05 * 0.95 / MANY)
    for low, high in (("effect_low", "effect_high"), ("adjusted_low", "adjusted_high")):
        assert np.mean((many[low] <= truth) & (truth <= many[high])) == pytest.approx(0.95, abs=error)
    idle = many[truth == 0]
    assert (idle["effect_low"] > 0).mean() + (idle["effect_high"] < 0).mean() <= 0.05 + error * np.sqrt(2)


def test_who_was_drawn_with_different_shares_is_compared_within_them(planted):
    world, table = planted[:2]
    customers = by_customer(world, "strata")
    sent = pd.concat(world.contacts).query("campaign_id == 'strata'").set_index("customer_id")
    share = np.where(sent["arm"] == "treated", sent["p_assign"], 1 - sent["p_assign"]).round(6)
    customers["share"] = pd.Series(share, sent.index)
    sides = {
        str(key): tuple(arm_of(part.loc[part["arm"] == arm, "margin"]) for arm in ("treated", "control"))
        for key, part in customers.groupby("share")
    }
    by_hand, row = stratified(sides), table.loc["strata"]
    assert (row["effect"], row["effect_se"]) == pytest.approx((by_hand.estimate, by_hand.se), rel=1e-9)
    assert row["effect"] == pytest.approx(world.truth["strata"], abs=4 * row["effect_se"])
    assert abs(difference(customers).estimate - world.truth["strata"]) > 4 * row["effect_se"]  # heavy buyers drawn more
    counts = customers.groupby(["share", "arm"]).size().unstack()[["treated", "control"]]
    ratio = sample_ratio(counts, [[key, 1 - key] for key in counts.index])
    assert (row["ratio_chi2"], row["ratio_df"]) == pytest.approx((ratio.chi2, 2))


def test_what_went_wrong_is_said_and_nothing_is_proven(planted):
    table = planted[1]
    lost, mixed, rule = table.loc["lost"], table.loc["mixed"], table.loc["by rule"]
    assert lost["effect_low"] > 0 and lost["verdict"] == NOT_PROVEN and lost["ratio_p"] < 0.001
    assert "sample ratio is broken" in lost["reason"] and not lost["sound"]
    share = contamination(
        int(mixed["treated_customers"]), int(mixed["treated_customers"]), int(mixed["control_customers"]), 0
    )
    assert (mixed["treated_touched"], mixed["control_touched"], mixed["touched_p"]) == (1, 0, share.p)
    assert mixed["verdict"] == NOT_PROVEN and "Other campaigns reached 100.0% of the treated" in mixed["reason"]
    assert rule["verdict"] == NOT_MEASURABLE and "not drawn at random" in rule["reason"] and pd.isna(rule["effect"])
    assert table.loc["planned", "reason"] == "The contacts feed has no contact of it."


def test_of_a_handful_of_customers_no_figures_are_told(planted):
    few = planted[1].loc["few"]
    assert few["treated_customers"] + few["control_customers"] == 15
    assert pd.isna(few[["treated_mean", "control_mean", "effect", "net", "revenue_control"]]).all()
    assert few["verdict"] == NOT_PROVEN and few["reason"].startswith("Too few")
    days = planted[2].execute("select campaign_id, count(*) from campaign_day group by all").fetchall()
    assert "few" not in dict(days) and dict(days)["gain"] > 0


# While it runs, and day by day


def test_a_running_campaign_has_no_verdict_and_an_interval_that_holds_at_any_look(planted):
    world, table, con = planted[:3]
    row, by_hand = table.loc["running"], difference(by_customer(world, "running", 60))
    assert row["verdict"] == NOT_YET and row["interval"] == "at any look" and row["days_left"] == 11
    assert row["effect"] == pytest.approx(by_hand.estimate)
    assert row["effect_low"] < by_hand.low and by_hand.high < row["effect_high"]
    assert pd.isna(row[["adjusted_effect", "attributed_roi"]]).all()
    days = con.execute("select * from campaign_day where campaign_id = 'running' order by day").df()
    assert days["day"].iloc[-1].date() == LAST.date() and set(days["interval"]) == {"at any look"}
    assert days[["effect", "low", "high"]].iloc[-1].tolist() == pytest.approx(
        row[["effect", "effect_low", "effect_high"]].tolist()
    )


def test_each_day_is_the_difference_so_far_and_its_width_that_of_the_sequence(planted):
    world, table, con = planted[:3]
    days = con.execute("select * from campaign_day where campaign_id = 'gain' order by day").df().set_index("day")
    lines = pd.concat(world.lines)
    before = lines[(lines["ordered_at"] < SENT) & (lines["ordered_at"] >= SENT - pd.Timedelta(days=WINDOW))]
    margin = (before["revenue"] - before["cost"]).groupby(before["customer_id"]).sum()
    arm = by_customer(world, "gain")["arm"]
    sides = [arm_of(margin.reindex(arm.index[arm == side]).fillna(0)) for side in ("treated", "control")]
    n = np.array([side.n for side in sides])
    variance = np.average([side.variance for side in sides], weights=n)
    for day in (pd.Timestamp("2026-03-08"), pd.Timestamp("2026-03-20")):
        closes = (day + pd.Timedelta(days=1)).tz_localize("Europe/Berlin")
        so_far = difference(by_customer(world, "gain", (closes - SENT) / pd.Timedelta(days=1)))
        half = multiplier(so_far.se**2 / (variance * (1 / n).sum())) * so_far.se
        found = days.loc[day]
        assert [found["effect"], found["low"], found["high"]] == pytest.approx(
            [so_far.estimate, so_far.estimate - half, so_far.estimate + half]
        )
        assert found["treated_mean"] - found["control_mean"] == pytest.approx(found["effect"])
    end = days.iloc[-1]
    assert end["interval"] == "at the end" and (days["interval"].iloc[:-1] == "at any look").all()
    assert [end["low"], end["high"]] == pytest.approx(table.loc["gain", ["effect_low", "effect_high"]].tolist())


def test_too_early_there_is_no_interval(planted):
    few = planted[2].execute("select low, high from campaign_day where campaign_id = 'many-001' order by day").df()
    assert few.iloc[:-1].isna().all(axis=None) and few.iloc[-1].notna().all()


# Promises


def test_promises_stand_beside_what_came_by_owner_and_by_basis(planted):
    _, table, con, cards = planted[:4]
    board = con.execute("select * from learned_forecast").df().set_index(["by", "name"])
    graded = table[table["sound"] & table["expected_effect"].notna()]
    assert set(board.index) == {("all", "")} | {("owner", f"O{n}") for n in range(3)} | {
        ("basis", name) for name in ("model", "guess")
    }
    for by, name in board.index:
        part = graded if by == "all" else graded[graded[by] == name]
        promised, n = part["expected_effect"].astype(float), part["treated_customers"].astype(float)
        gap = promised - part["margin_effect"]
        row = board.loc[(by, name)]
        assert row["campaigns"] == len(part) and row["promised"] == pytest.approx((promised * n).sum())
        assert row["realised"] == pytest.approx(part["incremental_margin"].sum())
        assert row["bias"] == pytest.approx(gap.mean()) and row["bias_low"] < row["bias"] < row["bias_high"]
        inside = sum(abs(gap) <= 1.959964 * np.sqrt((1 / 1.959964) ** 2 + part["margin_effect_se"] ** 2))
        assert row["inside"] == inside
        assert (row["inside_low"], row["inside_high"]) == pytest.approx(tuple(map(float, wilson(inside, len(part)))))
        assert row["enough"]
    assert len(graded) > 100
    assert board.loc[("all", ""), "inside_share"] == pytest.approx(0.95, abs=0.06)
    (card,) = [card for card in cards if card.model == "campaign_forecasts"]
    assert card.state == "in use" and f"over {len(graded)} campaigns" in card.why


# How it is made


def test_made_in_parts_every_figure_is_the_same_to_the_last_bit(planted):
    _, table, con, _, folder = planted
    again, _ = measured(folder, parts=3)
    pd.testing.assert_frame_equal(campaigns(again), table, check_exact=True)
    days = "select * from campaign_day order by campaign_id, day"
    pd.testing.assert_frame_equal(again.execute(days).df(), con.execute(days).df(), check_exact=True)


def test_whoever_was_held_out_and_contacted_all_the_same_counts_as_held_out(planted, tmp_path):
    world, folder = planted[0], planted[4]
    shutil.copytree(folder, tmp_path / "feeds")
    sent = pd.concat(world.contacts, ignore_index=True)
    slipped = sent[(sent["campaign_id"] == "gain") & (sent["arm"] == "control")].head(50)
    extra = slipped.assign(arm="treated", contact_id=slipped["contact_id"] + "-slipped")
    pd.concat([sent, extra], ignore_index=True).to_parquet(tmp_path / "feeds" / "contacts.parquet")
    row, before = campaigns(measured(tmp_path / "feeds")[0]).loc["gain"], planted[1].loc["gain"]
    assert row["treated"] == before["treated"] + 50 and row["control_customers"] == before["control_customers"]
    assert row["effect"] == before["effect"]


def test_every_randomised_campaign_of_the_simulated_company_is_measured_near_its_truth(company):
    table = campaigns(measured(company)[0])
    contacts = pd.read_parquet(company / "contacts.parquet", columns=["contact_id", "campaign_id"])
    truth = pd.read_parquet(company / "truth" / "contacts.parquet", columns=["contact_id", "margin"])
    expected = contacts.merge(truth, on="contact_id").groupby("campaign_id")["margin"].mean()
    drawn = table[table["effect"].notna()]
    assert len(drawn) > 15 and set(drawn.index) <= set(expected.index)
    distance = (drawn["margin_effect"] - expected.reindex(drawn.index)) / drawn["margin_effect_se"]
    assert distance.abs().max() < 4.5
    assert set(table.loc[~table.index.isin(expected.index), "verdict"]) == {NOT_MEASURABLE}
