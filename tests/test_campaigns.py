"""The campaign ledger: one way through, two people, one promise that stays, and each recipient in one batch."""

from __future__ import annotations

import json
import threading
from decimal import Decimal

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from data import campaign_files
from data.campaign import difference, parse, sha256_of
from data.journal import audit, campaign_history, campaigns, deliveries
from data.journal.campaign_rows import STEPS, NoCampaign, Step
from data.journal.campaign_rows import told as told_to
from data.journal.problems import Invalid, JournalError
from data.journal.schema import AUDIT, CAMPAIGN_BATCH, CAMPAIGN_STEP, CAMPAIGN_VERSION
from data.rights import SYSTEM, Actor, Forbidden, Held
from tests.campaigning import approved, delivered, exported, launched, people_of, promise, submitted
from tests.colleagues import come

ARMS = {f"C{number:03}": "control" if number % 5 == 0 else "treated" for number in range(50)}


def forced(journal, name: str, before: str, after: str, **changes):
    """Write a step past all code, as somebody with the database's password would."""
    rows = journal.rows(sa.select(CAMPAIGN_STEP).order_by(CAMPAIGN_STEP.c.step.desc()).limit(1))
    row = dict(rows[0]._mapping) | {"step": rows[0].step + 1, "name": name, "before": before, "after": after} | changes
    with journal.unaudited() as connection:
        connection.execute(CAMPAIGN_STEP.insert(), row)


# The promise


def test_a_promise_is_one_text_and_the_text_is_the_promise():
    one = promise(members=(("segment", ("b", "a", "a")), ("region", ("North",))), holdout=0.1234)
    assert parse(one.text()) == one
    assert one.members == (("region", ("North",)), ("segment", ("a", "b")))
    assert promise(members=(("region", ("North",)), ("segment", ("a", "b"))), holdout=0.1234).text() == one.text()
    held = json.loads(one.text())
    assert (held["budget"], held["holdout"], held["expected"]) == ("1000.0000", "0.1234", "0.4000")
    assert one.text() == json.dumps(held, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


@given(
    st.decimals(min_value=0, max_value=10**9, places=4),
    st.integers(1, 366),
    st.integers(100, 5_000),
    st.dictionaries(st.sampled_from(["region", "segment", "country"]), st.lists(st.sampled_from("abcde"), max_size=4)),
)
def test_any_promise_comes_back_from_its_text(budget, window, holdout, members):
    one = promise(budget=budget, window_days=window, holdout=holdout / 10_000, members=tuple(members.items()))
    assert parse(one.text()) == one
    assert sha256_of(parse(one.text()).text()) == sha256_of(one.text())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"budget": -1}, "0 or more"),
        ({"contact_cost": "NaN"}, "amount"),
        ({"budget": "1e400"}, "amount"),
        ({"budget": "1.00001"}, "four decimal places"),
        ({"fixed_cost": "ten"}, "amount"),
        ({"holdout": 0.0}, "Held out"),
        ({"holdout": 0.6}, "Held out"),
        ({"holdout": 0.10001}, "steps of 0.01 %"),
        ({"exploration": 0.3}, "Exploration"),
        ({"window_days": 0}, "Window"),
        ({"window_days": 1.5}, "Window"),
        ({"window_days": True}, "Window"),
        ({"outcome": "opens"}, "outcome"),
        ({"expected_low": 1}, "interval"),
        ({"name": " "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"hypothesis": "call +49 170 1234567"}, "personal data"),
        ({"members": (("region", ("max.muster@example.com",)),)}, "personal data|categories only"),
        ({"name": "a\u202eb"}, "cannot be seen"),
        ({"source": "../x"}, "source"),
        ({"members": tuple((f"a{n}", ("x",)) for n in range(51))}, "at most"),
    ],
)
def test_a_promise_that_cannot_be_kept_is_refused_in_words(changes, said):
    with pytest.raises(Invalid, match=said):
        promise(**changes)


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"format":2}', promise().text()[:-1], "9" * 5_000])
def test_a_text_that_is_no_promise_is_refused(text):
    with pytest.raises(Invalid):
        parse(text)
    surplus = json.dumps(json.loads(promise().text()) | {"surplus": 1})
    with pytest.raises(Invalid, match="format"):
        parse(surplus)


def test_the_difference_names_what_changed_as_a_reader_would():
    old, new = promise(), promise(budget=2_000, members=(("region", ("North", "South")),))
    assert difference(old, new) == [("Filters", "region: North", "region: North, South"), ("Budget", "1000", "2000")]
    assert difference(old, old) == []


def test_costs_are_exact():
    one = promise(contact_cost="0.05", offer_cost="1.2001", fixed_cost="99.99")
    assert one.cost(12_345) == Decimal("12345") * Decimal("1.2501") + Decimal("99.99")


# The way of a campaign


def test_a_campaign_goes_its_way_and_every_step_is_in_the_audit(journal):
    author, approver = people_of(journal)
    found = launched(journal, author, approver, ARMS)
    assert found.state == "measuring"
    campaigns.grade(journal, found.campaign_id, {"verdict": "proven gain", "build": "b", "effect": "1.20"})
    done = campaigns.steps(journal, author, found.campaign_id)
    assert [one.name for one in done] == ["draft", "submit", "approve", "export", "launch", "grade"]
    assert [one.after for one in done] == ["draft", "submitted", "approved", "exported", "measuring", "graded"]
    assert [one.by_name for one in done][:4] == ["Max", "Max", "Ada", "Max"]
    assert done[-1].detail["verdict"] == "proven gain"
    assert campaigns.frozen(journal, found.campaign_id)["control"] == 10
    target = f"campaign:{found.campaign_id}"
    on_record = [row.action for row in journal.rows(sa.select(AUDIT).where(AUDIT.c.target == target))]
    assert on_record == [
        f"campaign.{name}" for name in ("draft", "submit", "approve", "export", "deliver", "sent", "grade")
    ]
    assert audit.verify(journal).ok


def test_nobody_approves_an_own_campaign_by_code_or_by_the_database(journal):
    author, approver = people_of(journal)
    waiting = submitted(journal, author)
    with pytest.raises(Forbidden):
        campaigns.approve(journal, author, waiting.campaign_id, waiting.sha256)
    both = come(journal, "max", "approver", iat=2)  # the same person comes back with the other role
    assert both.person == author.person
    with pytest.raises(Forbidden, match="yourself"):
        campaigns.approve(journal, both, waiting.campaign_id, waiting.sha256)
    with pytest.raises(Forbidden, match="yourself"):
        campaigns.send_back(journal, both, waiting.campaign_id, waiting.sha256, "no")
    with pytest.raises(sa.exc.IntegrityError):
        forced(journal, "approve", "submitted", "approved", by=author.person)
    with pytest.raises(sa.exc.IntegrityError):  # nor under another author's name
        forced(journal, "approve", "submitted", "approved", by=author.person, author=approver.person)
    assert campaigns.get(journal, author, waiting.campaign_id).state == "submitted"
    refused = journal.rows(sa.select(AUDIT).where(AUDIT.c.action == "denied"))
    assert len(refused) == 3
    campaigns.approve(journal, approver, waiting.campaign_id, waiting.sha256)


def test_what_is_approved_is_what_was_read(journal):
    author, approver = people_of(journal)
    first = submitted(journal, author)
    campaigns.send_back(journal, approver, first.campaign_id, first.sha256, "The budget is too small.")
    campaigns.revise(journal, author, first.campaign_id, promise(budget=2_000), first.version)
    second = campaigns.get(journal, author, first.campaign_id)
    campaigns.submit(journal, author, first.campaign_id, second.sha256)
    with pytest.raises(Invalid, match="not the version you have read"):
        campaigns.approve(journal, approver, first.campaign_id, first.sha256)
    assert campaigns.decided_before(journal, approver, first.campaign_id) == promise()
    campaigns.approve(journal, approver, first.campaign_id, second.sha256)
    with pytest.raises(Invalid, match="not the version"):
        campaigns.export(journal, author, first.campaign_id, first.sha256, {})
    with pytest.raises(sa.exc.IntegrityError):
        forced(journal, "export", "approved", "exported", version=first.version, sha256=first.sha256)


def test_nothing_changes_after_the_submission(journal):
    author, approver = people_of(journal)
    for make in (submitted, approved):
        found = make(journal, author, *([approver] if make is approved else []))
        with pytest.raises(Invalid, match="only a draft"):
            campaigns.revise(journal, author, found.campaign_id, promise(window_days=90), found.version)
        row = {"campaign_id": found.campaign_id, "version": 2, "body": "{}", "sha256": "0", "saved_by": "x"}
        with pytest.raises(sa.exc.IntegrityError), journal.unaudited() as connection:
            connection.execute(CAMPAIGN_VERSION.insert(), row | {"saved_at": journal.now()})
    found = launched(journal, author, approver, ARMS)
    with pytest.raises(Invalid, match="measuring already"):
        campaigns.withdraw(journal, author, found.campaign_id, "I do not like the figures.")
    assert campaigns.versions(journal, author, found.campaign_id) == {1: promise()}


def test_a_campaign_that_reached_nobody_can_be_withdrawn_after_its_export_and_its_customers_are_free(journal):
    author, approver = people_of(journal)
    found = exported(journal, author, approver, ARMS)
    delivery = delivered(journal, author, found, rows=40, batch_rows=20)
    with pytest.raises(Invalid, match="Cancel it first"):
        campaigns.withdraw(journal, author, found.campaign_id, "A mistake in the offer.")
    with pytest.raises(sa.exc.IntegrityError):
        forced(journal, "withdraw", "exported", "withdrawn")
    deliveries.cancel(journal, author, delivery)
    assert [one.campaign_id for one in campaigns.running(journal)] == [found.campaign_id]
    campaigns.withdraw(journal, author, found.campaign_id, "A mistake in the offer.")
    assert campaigns.running(journal) == []
    reached = exported(journal, author, approver, ARMS)
    deliveries.sent(journal, delivered(journal, author, reached, rows=40, batch_rows=20), 0)
    with pytest.raises(Invalid):
        campaigns.withdraw(journal, author, reached.campaign_id, "Too late.")


def test_two_windows_of_one_author_do_not_overwrite_each_other(journal):
    author, _ = people_of(journal)
    new = campaigns.draft(journal, author, promise())
    assert campaigns.revise(journal, author, new, promise(name="From one window"), 1) == 2
    with pytest.raises(Invalid, match="another window"):
        campaigns.revise(journal, author, new, promise(name="From the other"), 1)
    assert campaigns.get(journal, author, new).promise.name == "From one window"


def test_a_hundred_approvals_at_once_are_one(journal):
    author, _ = people_of(journal)
    approvers = [come(journal, f"approver {number}", "approver") for number in range(10)]
    waiting = submitted(journal, author)
    start, came = threading.Barrier(20), []

    def press(number: int) -> None:
        start.wait()
        for _ in range(5):
            try:
                campaigns.approve(journal, approvers[number % 10], waiting.campaign_id, waiting.sha256)
                came.append("approved")
            except Invalid:
                came.append("refused")

    threads = [threading.Thread(target=press, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(came) == ["approved"] + ["refused"] * 99
    names = [one.name for one in campaigns.steps(journal, author, waiting.campaign_id)]
    assert names == ["draft", "submit", "approve"]
    assert audit.verify(journal).ok


def test_a_campaign_of_somebody_else_does_not_exist(journal):
    author, approver = people_of(journal)
    other, executive = come(journal, "moritz", "manager M02"), come(journal, "erin", "executive")
    own, never = submitted(journal, author).campaign_id, "0" * 32
    said = []
    for key in (own, never):
        for ask in (campaigns.get, campaigns.steps, campaigns.versions, deliveries.of):
            with pytest.raises(NoCampaign) as refusal:
                ask(journal, other, key)
            said.append(str(refusal.value))
        with pytest.raises(NoCampaign):
            campaigns.withdraw(journal, other, key, "It is not mine.")
    assert len(set(said)) == 1
    assert campaigns.listing(journal, other) == []
    assert [one.campaign_id for one in campaigns.listing(journal, executive)] == [own]
    assert campaigns.get(journal, approver, own).author_name == "Max"
    with pytest.raises(Forbidden):
        campaigns.listing(journal, come(journal, "pia", "partner P1"))


@pytest.mark.parametrize(
    ("excluded", "told"),
    [
        ({"no consent": 12, "too soon": 40}, {"no consent": 12, "too soon": 40}),
        ({"no consent": 3, "too soon": 40, "quiet period": 12}, {"too soon": 40, "for other reasons": 15}),
        ({"no consent": 4, "too soon": 40, "quiet period": 7}, {"too soon": 40, "for other reasons": 11}),
        ({"no consent": 3, "must keep": 4}, None),
        ({"no consent": 3}, None),
        ({}, {}),
    ],
)
def test_readers_of_groups_learn_no_reason_of_fewer_than_ten_not_by_a_difference_either(excluded, told):
    detail = {"file": "f", "treated": 90, "control": 10, "candidates": 100 + sum(excluded.values())}
    text = json.dumps(detail | {"excluded": excluded}, sort_keys=True)
    frozen = Step(5, "export", "approved", "exported", 1, "", "m", "Max", "", "", text)
    executive = Actor("e", held=(Held("executive"),))
    seen = told_to(executive, frozen).detail
    assert seen.get("excluded") == told and ("candidates" in seen) == (told is not None)
    left_out = seen.get("candidates", 100) - 100 - sum((seen.get("excluded") or {}).values())
    assert not left_out and not any(0 < number < 10 for number in (seen.get("excluded") or {}).values())
    for role in ("manager", "approver", "auditor"):
        assert told_to(Actor("x", held=(Held(role),)), frozen) == frozen
    assert told_to(SYSTEM, frozen) == frozen


def test_the_steps_that_readers_of_groups_see_are_the_told_ones(journal):
    author, approver = people_of(journal)
    found = approved(journal, author, approver)
    froze = {"file": "f", "candidates": 103, "excluded": {"no consent": 3}, "treated": 90, "control": 10}
    campaigns.export(journal, author, found.campaign_id, found.sha256, froze)
    executive = come(journal, "erin", "executive")
    key = found.campaign_id
    for reader, known in ((author, True), (approver, True), (executive, False)):
        for steps in (campaigns.steps(journal, reader, key), campaign_history.histories(journal, reader)[key]):
            assert ("excluded" in steps[-1].detail) == known and steps[-1].detail["treated"] == 90


@pytest.mark.parametrize("role", ["executive", "auditor", "admin", "partner P1"])
def test_only_managers_write_campaigns_and_only_approvers_decide(journal, role):
    author, _ = people_of(journal)
    waiting = submitted(journal, author)
    somebody = come(journal, "somebody", role)
    with pytest.raises(Forbidden):
        campaigns.draft(journal, somebody, promise())
    with pytest.raises(Forbidden):
        campaigns.approve(journal, somebody, waiting.campaign_id, waiting.sha256)
    assert campaigns.get(journal, author, waiting.campaign_id).state == "submitted"


def test_budgets_of_an_author_add_up_within_a_month(journal):
    author, approver = people_of(journal)
    limit = Decimal(2_500)

    def submit(budget: str) -> str:
        new = campaigns.draft(journal, author, promise(budget=budget))
        campaigns.submit(journal, author, new, campaigns.get(journal, author, new).sha256, limit)
        return new

    first, second = submit("1000"), submit("1000.5")
    with pytest.raises(Invalid, match=r"3,000\.50, and 2,500\.00 is the limit"):  # split to stay below it
        submit("1000")
    assert campaigns.spoken_for(journal, author.person, journal.now()[:7]) == Decimal("2000.5")
    assert campaigns.spoken_for(journal, author.person, "2001-01") == 0
    campaigns.withdraw(journal, author, first, "The second one is enough.")
    submit("1000")
    back = campaigns.get(journal, author, second)
    campaigns.send_back(journal, approver, second, back.sha256, "Cheaper, please.")
    assert campaigns.spoken_for(journal, author.person, journal.now()[:7]) == Decimal(1_000)
    other = come(journal, "moritz", "manager M02")
    assert campaigns.spoken_for(journal, other.person, journal.now()[:7]) == 0


# Deliveries


def test_every_recipient_is_in_exactly_one_batch_and_a_batch_is_sent_once(journal):
    author, approver = people_of(journal)
    found = exported(journal, author, approver, ARMS)
    delivery = delivered(journal, author, found, rows=40, batch_rows=12)
    parts = deliveries.batches(journal, delivery)
    assert [row for one in parts for row in range(one.first_row, one.first_row + one.rows)] == list(range(40))
    assert len({one.idempotency_key for one in parts}) == 4
    deliveries.tried(journal, delivery, 0, "The target answered 503.")
    assert deliveries.pending(journal)[0].problem == "The target answered 503."
    assert campaigns.get(journal, author, found.campaign_id).state == "exported"
    for one in parts:
        deliveries.sent(journal, delivery, one.batch)
        assert campaigns.get(journal, author, found.campaign_id).state == "measuring"
        with pytest.raises(Invalid, match="sent before"):
            deliveries.sent(journal, delivery, one.batch)
    launches = [one for one in campaigns.steps(journal, author, found.campaign_id) if one.name == "launch"]
    first, second, *_ = deliveries.batches(journal, delivery)
    assert len(launches) == 1 and str(first.sent_at) <= launches[0].at < str(second.sent_at)
    ended = deliveries.get(journal, delivery)
    assert (ended.ended_why, ended.sent, ended.problem) == ("complete", 40, "")
    assert deliveries.pending(journal) == []
    assert deliveries.batches(journal, delivery)[0].attempts == 2
    with pytest.raises(Invalid, match="already"):
        delivered(journal, author, found)
    with pytest.raises(sa.exc.IntegrityError), journal.unaudited() as connection:
        connection.execute(sa.update(CAMPAIGN_BATCH).values(problem="x"))


def test_a_delivery_can_be_stopped_and_what_was_sent_counts(journal):
    author, approver = people_of(journal)
    for sent in (0, 1):
        found = exported(journal, author, approver, ARMS)
        delivery = delivered(journal, author, found, rows=40, batch_rows=10)
        for part in range(sent):
            deliveries.sent(journal, delivery, part)
        with pytest.raises(NoCampaign):
            deliveries.cancel(journal, come(journal, "moritz", "manager M02"), delivery)
        deliveries.cancel(journal, author, delivery)
        with pytest.raises(Invalid, match="ended already"):
            deliveries.cancel(journal, author, delivery)
        assert campaigns.get(journal, author, found.campaign_id).state == ("measuring" if sent else "exported")
        if sent:  # one that was on its way when it was stopped has arrived: true is what the target has
            deliveries.sent(journal, delivery, sent)
            assert (deliveries.get(journal, delivery).sent, deliveries.get(journal, delivery).ended_why) == (
                20,
                "cancelled",
            )
    again = delivered(
        journal, author, next(c for c in campaigns.listing(journal, author) if c.state == "exported")
    )  # nobody had it: it may be sent anew
    deliveries.fail(journal, again, "The address is gone.")
    assert deliveries.get(journal, again).ended_why == "failed"


def test_only_an_exported_campaign_leaves(journal):
    author, approver = people_of(journal)
    for found in (submitted(journal, author), approved(journal, author, approver)):
        with pytest.raises(Invalid, match="only an exported one"):
            delivered(journal, author, found)
    found = exported(journal, author, approver, ARMS)
    with pytest.raises(Forbidden):
        delivered(journal, approver, found)
    with pytest.raises(Invalid, match="too many"):
        delivered(journal, author, found, rows=1_000_000, batch_rows=1)


# The files


def test_the_secret_is_made_once_and_read_by_nobody_else(journal):
    made: list[str] = []
    threads = [threading.Thread(target=lambda: made.append(campaign_files.secret(journal))) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 1 and len(made) == 12
    path = campaign_files.store_folder(journal) / campaign_files.SECRET
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    with pytest.raises(JournalError, match="chmod 600"):
        campaign_files.secret(journal)
    path.chmod(0o600)
    path.write_text("short")
    with pytest.raises(JournalError, match="damaged"):
        campaign_files.secret(journal)


def test_a_file_is_what_the_journal_says_or_it_is_not_read(journal):
    author, approver = people_of(journal)
    found = exported(journal, author, approver, ARMS)
    froze = campaigns.frozen(journal, found.campaign_id)
    path = campaign_files.at(journal, found.campaign_id, froze["file"], froze["sha256"])
    assert list(path.parent.iterdir()) == [path]  # no draft stays behind
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(JournalError, match="not what was exported"):
        campaign_files.at(journal, found.campaign_id, froze["file"], froze["sha256"])
    path.unlink()
    with pytest.raises(JournalError, match="Restore"):
        campaign_files.at(journal, found.campaign_id, froze["file"], froze["sha256"])
    with pytest.raises(JournalError, match="no key"):
        campaign_files.folder_of(journal, "../../etc")


def test_a_file_that_could_not_be_written_leaves_nothing(journal, tmp_path):
    def broken(draft):
        draft.write_bytes(b"half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        campaign_files.put(tmp_path / "c", "assigned", broken)
    assert list((tmp_path / "c").iterdir()) == []


def test_the_steps_that_are_allowed_are_those_the_database_allows(journal):
    """Every step from every state, by the database itself: 8 steps, 8 states before and after."""
    author, approver = people_of(journal)
    allowed = {(name, before, after) for name, (befores, after) in STEPS.items() for before in befores}
    states = ("", *campaigns_states())
    bring = {
        "draft": lambda: campaigns.draft(journal, author, promise()),
        "submitted": lambda: submitted(journal, author),
        "approved": lambda: approved(journal, author, approver),
    }
    for state, make in bring.items():
        make()
        took = 0
        for name in STEPS:
            for before in states:
                for after in states[1:]:
                    if (name, before, after) in allowed and before == state:
                        took += 1
                        continue
                    with pytest.raises(sa.exc.IntegrityError):
                        forced(journal, name, before, after, by=approver.person)
        assert took == sum(before == state for _, before, _ in allowed)


def campaigns_states() -> tuple[str, ...]:
    """Every state a campaign may be in."""
    return tuple(dict.fromkeys(after for _, after in STEPS.values()))
