"""The Campaign page: a draft from the first word to its submission, what is drawn and sent, and the record."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from components import campaign_plan, words
from data.audience import Survey
from data.journal import audit, campaigns, deliveries, people, store
from data.journal.store import Journal
from data.rights import Actor
from models import power
from tests import on_screen
from tests.campaigning import exported, launched, promise, submitted
from tests.colleagues import CLAIMS, come, held
from tests.conftest import ROOT
from tests.on_screen import alts, card, table, text_of

PAGE = "pages/work/campaign.py"
Z = 1.959963985 + 0.841621234  # of 97.5 % and 80 %
HOSTILE = "![x](http://evil.example/p.png) <b>b</b> :red[r] $y$"


@pytest.fixture(autouse=True)
def journal(tmp_path, monkeypatch, warehouse) -> Journal:
    """Every test has its own campaigns."""
    monkeypatch.setenv("RAPPORT_JOURNAL", str(tmp_path / "journal"))
    monkeypatch.setenv("RAPPORT_WAREHOUSE", str(warehouse))
    return store.journal()


@pytest.fixture
def book(by_hand) -> str:
    """The manager with most customers."""
    asked = "select manager_id from customer where manager_id like 'M%' group by 1 order by count(*) desc, 1 limit 1"
    return by_hand(asked)[0][0]


def opened(journal: Journal, sub: str, *roles: str, **parameters: str) -> AppTest:
    """The page as one and the same person opens it in a new window."""
    claims = CLAIMS | {"sub": sub, "iat": 1, "name": sub.title()}
    assert people.alive(journal, people.sign_in(journal, claims, "demo", held(*roles)))
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.user = claims | {"is_logged_in": True, "provider": "demo"}
    for name, value in parameters.items():
        app.query_params[name] = value
    app.switch_page(PAGE).run()
    assert not app.exception
    return app


def press(app: AppTest, label: str) -> AppTest:
    """Press a button."""
    next(button for button in app.button if button.label == label).click()
    app.run()
    assert not app.exception
    return app


def to(app: AppTest, part: str) -> AppTest:
    """Go on to a section of the draft, or back."""
    parts = ("Who", "Why", "What", "Holdout", "Check")
    while f"On: {part}" not in labels(app) and f"Back: {part}" not in labels(app):
        shown = next(label for label in labels(app) if label.startswith("On: ")).removeprefix("On: ")
        press(
            app, f"On: {shown}" if parts.index(shown) <= parts.index(part) else f"Back: {parts[parts.index(shown) - 2]}"
        )
    return press(app, next(label for label in labels(app) if label in (f"On: {part}", f"Back: {part}")))


def labels(app: AppTest) -> set[str]:
    """What can be pressed."""
    return {button.label for button in app.button}


def begun(journal: Journal, book: str, name: str = "Spring", **parameters: str) -> AppTest:
    """A draft that was begun on the screen."""
    app = opened(journal, "max", f"manager {book}", **parameters)
    app.text_input(key="_campaign_new_name").set_value(name)
    app.text_area(key="_campaign_new_hypothesis").set_value("They buy sooner when they are reminded.")
    return press(app, "Begin")


def the_only(journal: Journal) -> campaigns.Campaign:
    """The one campaign there is."""
    (found,) = campaigns.listing(journal, campaigns.SYSTEM)
    return found


def field(app: AppTest, name: str, value: object) -> AppTest:
    """Change a field, and leave it."""
    key = f"_campaign_field_{name}"
    kinds = (app.number_input, app.text_input, app.text_area, app.selectbox, app.slider, app.toggle, app.multiselect)
    next(one for kind in kinds for one in kind if one.key == key).set_value(value)
    app.run()
    assert not app.exception
    return app


def author_of(journal: Journal, book: str) -> tuple[Actor, Actor]:
    """The author behind `opened`, and an approver."""
    return come(journal, "max", f"manager {book}"), come(journal, "ada", "approver")


# Writing


def test_opening_addresses_changes_nothing_and_beginning_keeps_a_draft(journal, book):
    app = opened(journal, "max", f"manager {book}", source="churn")
    assert not campaigns.listing(journal, campaigns.SYSTEM)
    assert app.selectbox(key="_campaign_new_source").value == "churn"
    app = begun(journal, book)
    found = the_only(journal)
    assert found.promise.name == "Spring" and found.state == "draft"
    assert app.query_params["campaign"] in (found.campaign_id, [found.campaign_id])
    assert ("manager_id", (book,)) in found.promise.members


def test_filters_of_the_address_become_those_of_the_draft(journal, book, by_hand):
    ((risk,),) = by_hand(
        f"select risk_band from customer where manager_id = '{book}' group by 1 order by count(*) desc limit 1"
    )
    begun(journal, book, risk_band=risk)
    assert dict(the_only(journal).promise.members)["risk_band"] == (risk,)


def test_a_forecast_typed_in_any_order_takes_along_what_was_not_said_yet(journal, book):
    to(app := begun(journal, book), "Why")
    field(app, "expected", 4.0)
    kept = the_only(journal).promise
    assert [float(one) for one in (kept.expected_low, kept.expected, kept.expected_high)] == [0.0, 4.0, 4.0]
    field(field(app, "expected_high", 6.0), "expected_low", 1.0)
    field(app, "expected_low", 5.0)  # past a figure that was said: refused, and nothing is changed behind the back
    assert "Not saved" in text_of(app)
    kept = the_only(journal).promise
    assert [float(one) for one in (kept.expected_low, kept.expected, kept.expected_high)] == [1.0, 4.0, 6.0]


def test_a_draft_that_promises_nothing_has_no_chance_and_no_holdout_cost(journal, book):
    to(app := begun(journal, book), "Holdout")
    assert "nothing is promised yet" in text_of(app)
    assert words.NOT_KNOWN in card(app, "Cost of the holdout")
    to(app, "Check")
    assert any("exceeded by €8.90" in str(one.value) for one in app.table)


def test_every_field_that_is_left_is_kept_and_there_in_a_new_window(journal, book):
    to(app := begun(journal, book), "Why")
    for name, value in (("expected_high", 7.0), ("expected", 4.0), ("expected_low", 1.5), ("hypothesis", "Because.")):
        field(app, name, value)
    to(app, "What")
    field(field(app, "budget", 250.0), "window_days", 45)
    to(app, "Holdout")
    field(app, "holdout", 25.0)
    kept = the_only(journal).promise
    assert (str(kept.expected_low), str(kept.expected), str(kept.expected_high)) == ("1.5000", "4.0000", "7.0000")
    assert (kept.hypothesis, kept.budget, kept.window_days, kept.holdout) == ("Because.", 250, 45, 0.25)
    key = the_only(journal).campaign_id
    fresh = opened(journal, "max", f"manager {book}", campaign=key, part="What")
    assert fresh.number_input(key="_campaign_field_budget").value == 250
    assert fresh.number_input(key="_campaign_field_window_days").value == 45


def test_what_cannot_be_is_not_kept_and_the_reason_is_said(journal, book):
    to(app := begun(journal, book), "Why")
    field(field(app, "expected_high", 3.0), "expected", 5.0)
    assert "What is expected must lie inside its own interval" in text_of(app)
    assert the_only(journal).version == 2 and app.number_input(key="_campaign_field_expected").value == 5
    press(app, "On: What")
    assert app.number_input(key="_campaign_field_expected").value == 5, "nothing typed is lost by going on"
    field(app, "expected_high", 6.0)
    assert "Not saved" not in text_of(app) and the_only(journal).promise.expected == 5


def test_a_change_of_another_window_is_said_and_nothing_is_overwritten(journal, book):
    one = begun(journal, book)
    to(one, "What")
    other = opened(journal, "max", f"manager {book}", campaign=the_only(journal).campaign_id, part="What")
    field(other, "budget", 99.0)
    field(one, "budget", 11.0)
    assert "changed in another window" in text_of(one) and the_only(journal).promise.budget == 99
    press(one, "Show the newer version")
    assert one.number_input(key="_campaign_field_budget").value == 99
    field(one, "budget", 12.0)
    assert the_only(journal).promise.budget == 12


def test_a_channel_brings_its_cost_and_the_audience_is_counted_as_sql_counts_it(journal, book, by_hand):
    to(app := begun(journal, book), "What")
    field(app, "channel", "email")
    ((cost,),) = by_hand("select unit_cost from channel where channel = 'email'")
    assert the_only(journal).promise.contact_cost == cost
    to(app, "Who")
    of_book = f"from customer where manager_id = '{book}'"
    ((candidates,),) = by_hand(f"select count(*) {of_book}")
    assert card(app, "Candidates") == words.count(candidates)
    asked = f"""
        select count(*) {of_book} and customer_id not in (
            select customer_id from consent_state where channel = 'email' and purpose = 'marketing'
            qualify row_number() over (partition by customer_id order by recorded_at desc) = 1 and allowed)"""
    rows = table(app, "reason", "number").set_index("reason")["number"]
    assert rows.get("No consent", 0) == by_hand(asked)[0][0] > 0
    assert rows.sum() == candidates
    kept = rows["In the campaign"]
    assert card(app, "In the campaign") == words.count(kept)
    assert card(app, "Held out") == words.count(round(kept * 0.1))


def test_a_filter_narrows_the_audience(journal, book, by_hand):
    asked = (
        f"select risk_band, count(*) from customer where manager_id = '{book}' group by 1 order by 2 desc, 1 limit 1"
    )
    ((risk, number),) = by_hand(asked)
    field(app := begun(journal, book), "member_risk_band", [risk])
    assert card(app, "Candidates") == words.count(number)
    field(app, "member_risk_band", [])
    assert "risk_band" not in dict(the_only(journal).promise.members)


def test_the_smallest_effect_and_the_chance_are_those_of_the_formula(journal, book, by_hand, warehouse):
    to(app := begun(journal, book), "Why")
    field(field(app, "expected_high", 900.0), "expected", 600.0)
    to(app, "Holdout")
    kept = the_only(journal).promise
    served = json.loads((warehouse / "CURRENT.json").read_text(encoding="utf-8"))["build"]
    end = json.loads((warehouse / f"{served}.json").read_text(encoding="utf-8"))["as_of"]
    since = pd.Timestamp(end).tz_convert("UTC").tz_localize(None) - pd.Timedelta(days=30)
    rows = by_hand(f"""
        select coalesce(sum(l.revenue - coalesce(l.cost, 0)), 0)::double
        from customer c left join feed_lines l on l.customer_id = c.customer_id and l.ordered_at > timestamp '{since}'
        where c.manager_id = '{book}' and c.customer_id not in (
            select customer_id from consent_state where channel = 'web' and not allowed)
        group by c.customer_id""")
    outcome = pd.Series([row[0] for row in rows])
    n, control = len(outcome), round(len(outcome) * kept.holdout)
    se = math.sqrt(outcome.var() * (1 / (n - control) + 1 / control))
    assert card(app, "Smallest effect found") == words.money(Z * se, "EUR")
    few = outcome.ne(0).sum() * control / n
    assert few < 30 and card(app, "Chance to prove the promise") == "0\u202f%", (
        "too few of the holdout buy for a verdict"
    )
    assert f"about {few:.0f} of the smaller arm will buy, and a verdict needs 30" in text_of(app)
    cost = control * (600 - float(kept.each))
    assert card(app, "Cost of the holdout") == words.money(cost, "EUR", short=True)
    assert any("Chance to prove the promise by share held out" in alt for alt in alts(app))


@pytest.mark.parametrize("active", [4_000, 590])
def test_the_chance_is_that_of_the_formula_and_none_where_no_verdict_is_given(active):
    survey = Survey(10_000, 10_000, (), (), 1.0, 400.0, active)
    plan = campaign_plan.planned(promise(expected="2", expected_high="3", holdout=0.05), survey, power)
    se = math.sqrt(400 * (1 / 9_500 + 1 / 500))
    chance = 0.5 * (1 + math.erf(((2 - 0.05) / se - 1.959963985) / math.sqrt(2)))
    assert plan.chance == pytest.approx(chance if active * 0.05 >= 30 else 0, abs=1e-6) and plan.se == pytest.approx(se)
    shown = 400 * (Z / 1.95) ** 2 / (0.05 * 0.95)
    assert plan.needed == pytest.approx(max(shown, 30 / (active / 10_000 * 0.05)), abs=1)


def test_what_stands_in_the_way_is_said_and_nothing_can_be_submitted(journal, book):
    to(app := begun(journal, book), "Check")
    assert "more than its budget of €0.00" in text_of(app)
    assert app.button(key="_campaign_submit").disabled
    assert "Nothing is promised: the expected margin is €0.00." in text_of(app)


def test_it_is_submitted_as_read_and_taken_back_with_a_reason(journal, book):
    to(app := begun(journal, book), "What")
    field(app, "budget", 500.0)
    to(app, "Check")
    press(app, "Submit for approval")
    found = the_only(journal)
    assert found.state == "submitted" and "Waits for approval" in text_of(app)
    press(app, "Withdraw this campaign")
    assert the_only(journal).state == "submitted" and "reason" in text_of(app).lower()
    app.text_area(key="_campaign_reason").set_value("The offer is not ready.")
    press(app, "Withdraw this campaign")
    assert the_only(journal).state == "withdrawn" and "The offer is not ready." in text_of(app)


def test_who_reads_a_campaign_again_sees_what_changed_since_the_last_time(journal, book):
    author, approver = author_of(journal, book)
    found = submitted(journal, author, members=(("manager_id", (book,)),))
    campaigns.send_back(journal, approver, found.campaign_id, found.sha256, "Say less.")
    changed = promise(members=(("manager_id", (book,)),), name="Another name")
    campaigns.revise(journal, author, found.campaign_id, changed, found.version)
    now = campaigns.get(journal, author, found.campaign_id)
    campaigns.submit(journal, author, found.campaign_id, now.sha256)
    said = text_of(opened(journal, "ada", "approver", campaign=found.campaign_id))
    assert "It waits for your decision" in said and "1 change since it was submitted the time before" in said
    assert "**Sent back** by Ada" in said and "Say less." in said


# From approval to the recipients


def test_an_approved_campaign_is_drawn_sent_and_recorded(journal, book):
    author, approver = author_of(journal, book)
    found = submitted(
        journal, author, members=(("manager_id", (book,)),), channel="web", purpose="marketing", holdout=0.3
    )
    key = found.campaign_id
    campaigns.approve(journal, approver, key, found.sha256)
    app = press(opened(journal, "max", f"manager {book}", campaign=key), "Export")
    froze = campaigns.frozen(journal, key)
    assert the_only(journal).state == "exported"
    assert card(app, "Treated") == words.count(froze["treated"]) and card(app, "Held out") == words.count(
        froze["control"]
    )
    assert "It is measured with the next build." in text_of(app)
    app.toggle(key="_campaign_pseudonyms").set_value(True)
    press(app, "Make the file")
    (one,) = deliveries.of(journal, author, key)
    assert (one.rows, one.pseudonyms, one.target) == (froze["treated"], True, "download")
    assert list(table(app, "target", "rows")["rows"]) == [froze["treated"]]
    app.button(key=f"_delivery_get_{one.delivery_id}").click().run()
    assert not app.exception
    assert any("/export/" in str(element.proto) for element in app.get("link_button"))
    deliveries.sent(journal, one.delivery_id, 0)
    said = text_of(opened(journal, "max", f"manager {book}", campaign=key))
    assert "30 days left" in said and "**Launched** by Rapport" in said and "Running" in said


def test_an_open_sending_shows_how_far_it_is_what_is_wrong_and_can_be_cancelled(journal, book):
    author, approver = author_of(journal, book)
    arms = {f"C{n}": "control" if n < 10 else "treated" for n in range(40)}
    found = exported(journal, author, approver, arms)
    new = deliveries.open_delivery(
        journal, author, found.campaign_id, "crm", "jsonl", False, 30, 30, 0, "f", "0" * 64, batch_rows=10
    )
    deliveries.sent(journal, new, 0)
    deliveries.tried(journal, new, 1, "The target answered 503.")
    app = opened(journal, "max", f"manager {book}", campaign=found.campaign_id)
    rows = table(app, "target", "sent").iloc[0]
    assert (rows["rows"], rows["sent"], rows["state"]) == (30, 10, "Problem")
    assert "The target answered 503." in text_of(app) and {"Go on sending", "Cancel"} <= labels(app)
    press(app, "Cancel")
    assert (
        deliveries.get(journal, new).ended_why == "cancelled"
        and table(app, "target", "sent")["state"][0] == "Cancelled"
    )


# The record


def test_the_record_of_a_campaign_of_the_feeds_has_the_figures_of_the_feeds(journal, by_hand):
    chosen = by_hand("""
        select campaign_id, measured_from, measured_to, cost::double from campaign
        where control_customers > 100 and effect is not null order by campaign_id limit 1""")
    key, since, until, cost = chosen[0]
    outcome = pd.DataFrame(
        by_hand(f"""
            select a.arm, a.customer_id, coalesce(sum(l.revenue - coalesce(l.cost, 0)), 0)::double
            from (select distinct arm, customer_id from feed_contacts where campaign_id = '{key}' and direction = 'out') a
            left join feed_lines l on l.customer_id = a.customer_id
                and l.ordered_at >= timestamp '{since}' and l.ordered_at < timestamp '{until}'
            group by 1, 2"""),
        columns=["arm", "customer_id", "outcome"],
    )
    arms = outcome.groupby("arm")["outcome"].agg(["size", "mean"])
    gained = arms.loc["treated", "size"] * (arms.loc["treated", "mean"] - arms.loc["control", "mean"])
    app = opened(journal, "otto", "auditor", campaign=key)
    assert card(app, "Incremental margin") == words.money(gained, "EUR", short=True)
    assert card(app, "Incremental ROI") == words.ratio(gained / cost - 1)
    shown = table(app, "arm", "number").set_index("arm")
    assert dict(shown["number"]) == {"Treated": arms.loc["treated", "size"], "Held out": arms.loc["control", "size"]}
    assert shown.loc["Held out", "mean"] == pytest.approx(arms.loc["control", "mean"])
    ((answers,),) = by_hand(f"select count(*) from feed_contacts where campaign_id = '{key}' and responded")
    assert card(app, "Answers") == words.count(answers)
    (alt,) = alts(app)
    ((verdict, reason),) = by_hand(f"select verdict, reason from campaign where campaign_id = '{key}'")
    assert f"{verdict.capitalize()}: " in alt and reason in text_of(app)
    figure = next(one for one in app.get("plotly_chart"))
    line = next(trace for trace in json.loads(figure.proto.spec)["data"] if trace.get("name") == "effect a customer")
    ((days,),) = by_hand(f"select count(*) from campaign_day where campaign_id = '{key}' and effect is not null")
    assert len(line["customdata"]) == days
    assert not labels(app) & {"Export", "Withdraw this campaign", "Make the file"}


def test_without_a_control_group_it_is_not_measurable_and_what_would_make_it_so_is_said(journal, by_hand):
    ((key,),) = by_hand("select campaign_id from campaign where verdict = 'not measurable' order by 1 limit 1")
    app = opened(journal, "erin", "executive", campaign=key)
    assert "Not measurable" in text_of(app) and "let a holdout be drawn at random" in text_of(app)
    assert card(app, "Incremental margin") == words.NOT_KNOWN and not alts(app)


def test_a_campaign_that_is_measured_shows_its_author_the_figures_of_the_build(journal, book, warehouse, tmp_path):
    author, approver = author_of(journal, book)
    found = launched(journal, author, approver, {f"C{n}": "control" if n < 10 else "treated" for n in range(40)})
    ((other,),) = on_screen.asked(
        warehouse, "select campaign_id from campaign where effect is not null and control > 100 order by 1 limit 1"
    )
    where = on_screen.changed(
        warehouse,
        Path(tmp_path),
        *(
            f"update {name} set campaign_id = '{found.campaign_id}' where campaign_id = '{other}'"
            for name in ("campaign", "campaign_day")
        ),
    )
    ((margin, effect),) = on_screen.asked(
        where, f"select incremental_margin, margin_effect from campaign where campaign_id = '{found.campaign_id}'"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAPPORT_WAREHOUSE", str(where))
        app = opened(journal, "max", f"manager {book}", campaign=found.campaign_id)
        assert card(app, "Incremental margin") == words.money(margin, "EUR", short=True)
        assert words.money(effect, "EUR") in str([one.value for one in app.table]) and alts(app)
        stranger = opened(journal, "mia", "manager M99", campaign=found.campaign_id)
        assert "There is no such campaign" in text_of(stranger) and not stranger.metric and not alts(stranger)


# Who may what


def test_somebody_elses_campaign_reads_like_one_that_never_was(journal, book, by_hand):
    author, _ = author_of(journal, book)
    found = submitted(journal, author, name="Secret plan")
    ((of_feeds,),) = by_hand("select min(campaign_id) from campaign")
    said = []
    for key in (found.campaign_id, "0" * 32, of_feeds):
        app = opened(journal, "mia", "manager M99", campaign=key)
        said.append(text_of(app).replace(key, ""))
        assert "There is no such campaign, or you may not see it." in said[-1] and "Secret plan" not in said[-1]
    assert len(set(said)) == 1


@pytest.mark.parametrize("role", ["executive", "auditor", "approver"])
def test_others_read_and_change_nothing(journal, book, role):
    author, approver = author_of(journal, book)
    draft = campaigns.draft(journal, author, promise())
    found = submitted(journal, author, name="Waiting")
    campaigns.approve(journal, approver, found.campaign_id, found.sha256)
    doing = {"Begin", "Export", "Withdraw this campaign", "Submit for approval", "Make the file", "On: Why"}
    for key in ("", draft, found.campaign_id):
        app = opened(journal, "eve", role, **({"campaign": key} if key else {}))
        assert not labels(app) & doing
    assert "Waiting" in text_of(app)


@pytest.mark.parametrize("role", ["admin", "partner P01"])
def test_without_the_permission_the_page_says_so(journal, role):
    app = opened(journal, "ines", role)
    assert "Begin a campaign" not in text_of(app) and "Begin" not in labels(app)


def test_nothing_can_be_done_through_somebody_elses_eyes(journal, book):
    author, approver = author_of(journal, book)
    found = submitted(journal, author)
    campaigns.approve(journal, approver, found.campaign_id, found.sha256)
    claims = CLAIMS | {"sub": "ines", "iat": 1, "name": "Ines"}
    people.sign_in(journal, claims, "demo", held("admin"))
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.user = claims | {"is_logged_in": True, "provider": "demo"}
    app.session_state["_seen_as"] = author.person
    app.query_params["campaign"] = found.campaign_id
    app.switch_page(PAGE).run()
    assert not app.exception
    assert "Spring offer" in text_of(app) and not labels(app) & {"Export", "Withdraw this campaign"}
    assert the_only(journal).state == "approved" and not audit.entries(journal, action="campaign.export")


def test_texts_of_people_are_no_markup(journal, book):
    author, _ = author_of(journal, book)
    draft = campaigns.draft(journal, author, promise(name=HOSTILE, hypothesis=HOSTILE, offer=HOSTILE))
    key = campaigns.get(journal, author, draft)
    campaigns.submit(journal, author, draft, key.sha256)
    campaigns.withdraw(journal, author, draft, HOSTILE)
    app = opened(journal, "max", f"manager {book}", campaign=draft)
    written = [str(one.value) for kind in (app.markdown, app.header) for one in kind if "evil" in str(one.value)]
    written += [str(value) for one in app.table for value in one.value.iloc[:, -1] if "evil" in str(value)]
    assert len(written) >= 4
    assert not any("](http" in text or ":red[r" in text or " <b>" in text for text in written)
