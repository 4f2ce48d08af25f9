"""A campaign whose audience is a saved channel plan: whom it gives the channel, in the author's own book, for who may see it."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from data import audience, plan, plan_files, plan_rows
from data.audience_sources import bounded
from data.campaign import Promise
from data.journal import campaigns, overrides, plans
from data.journal.problems import Invalid
from data.journal.store import Journal
from data.rights import Actor
from data.view import Refused, View
from data.warehouse import Build, served
from models import assign_arm, assignment, explore
from tests import campaigning
from tests.colleagues import come

BOOK = "M01"


@pytest.fixture(scope="module")
def build(warehouse: Path) -> Build:
    return served(str(warehouse)).current()


@pytest.fixture
def journal(tmp_path: Path, build: Build) -> Journal:
    opened = Journal(str(tmp_path / "journal"), tmp_path / "keys" / "audit.keys", tmp_path / "checkpoints.jsonl")
    opened.migrate()
    moment = datetime.fromisoformat(build.manifest["as_of"]) + timedelta(days=2)
    opened.clock = lambda: moment
    return opened


@pytest.fixture
def author(journal: Journal) -> Actor:
    return come(journal, "max", f"manager {BOOK}")


@pytest.fixture
def approver(journal: Journal) -> Actor:
    return come(journal, "ada", "approver")


def kept(journal: Journal, actor: Actor, build: Build) -> tuple[str, dict[str, set[str]], dict[str, set[str]]]:
    """A plan that is saved, whom it gives each channel, and whom of these by chance."""
    view = View(build.scope_of(actor.held))
    policy = plan.start(build).but(random_share=0.3, most_contacts=None)
    found = plan.candidates(build, view, journal, assign_arm, policy)
    done = plan_rows.solve(found, policy, assignment, explore)
    given: dict[str, set[str]] = {}
    chance: dict[str, set[str]] = {}
    for row in plan_rows.rows(done).to_pylist():
        given.setdefault(row["channel"], set()).add(row["customer_id"])
        if row["drawn"] == "explore channel":
            chance.setdefault(row["channel"], set()).add(row["customer_id"])
    return plan_files.save(journal, actor, build, done, "October"), given, chance


def promise(plan_id: str, channel: str) -> Promise:
    return campaigning.promise(
        source="plan", options=(("plan", plan_id),), channel=channel, members=(), purpose="marketing",
        contact_cost=Decimal("0.01"), holdout=0.2,
    )  # fmt: skip


def test_the_audience_is_whom_the_plan_gives_the_channel_those_by_chance_included(journal, author, approver, build):
    plan_id, given, chance = kept(journal, author, build)
    scope = build.scope_of(author.held)
    channel = max((name for name in given if name), key=lambda name: len(given[name]))
    wanted = bounded(promise(plan_id, channel), scope)
    counted = audience.survey(build, View(scope), wanted, journal, assign_arm, actor=author)
    assert counted.candidates == counted.kept == len(given[channel])  # plan and campaign agree about who may be reached
    new = campaigns.draft(journal, author, wanted)
    campaigns.submit(journal, author, new, campaigns.get(journal, author, new).sha256)
    campaigns.approve(journal, approver, new, campaigns.get(journal, approver, new).sha256)
    froze = audience.export(journal, author, build, View(scope), new, assign_arm)
    drawn = {key for part in audience.assigned(journal, new) for key in part["customer_id"].to_pylist()}
    assert drawn == given[channel] and chance[channel] and chance[channel] <= drawn
    assert froze["treated"] + froze["control"] == len(drawn)
    again = plan.candidates(build, View(scope), journal, assign_arm, plan.start(build))
    assert {
        key for key, code in zip(again.customer_id, again.out) if code
    } == drawn  # and the next plan leaves them out


def test_who_is_locked_to_something_else_after_a_plan_was_kept_is_not_in_its_campaign(journal, author, build):
    plan_id, given, _ = kept(journal, author, build)
    channel = max((name for name in given if name), key=lambda name: len(given[name]))
    none, other, same = sorted(given[channel])[:3]
    for key, to in ((none, ""), (other, "another"), (same, channel)):
        overrides.lock(journal, author, build, key, to, "They asked for it.")
    scope = build.scope_of(author.held)
    counted = audience.survey(build, View(scope), promise(plan_id, channel), journal, assign_arm, actor=author)
    assert counted.candidates == len(given[channel]) - 2


def test_a_plan_of_everybody_is_narrowed_to_the_book_of_the_author(journal, author, approver, build):
    plan_id, given, _ = kept(journal, approver, build)
    channel = max((name for name in given if name), key=lambda name: len(given[name]))
    scope = build.scope_of(author.held)
    mine = set(plan.candidates(build, View(scope), journal, assign_arm, plan.start(build)).customer_id)
    counted = audience.survey(build, View(scope), promise(plan_id, channel), journal, assign_arm, actor=approver)
    assert counted.candidates == len(given[channel] & mine) < len(given[channel])


def test_somebody_elses_removed_or_unknown_plan_is_refused_with_the_same_words(journal, author, approver, build):
    theirs, _, _ = kept(journal, approver, build)
    mine, _, _ = kept(journal, author, build)
    plans.remove(journal, author, mine)
    scope, said = build.scope_of(author.held), set()
    for key in (theirs, mine, "0" * 32):
        with pytest.raises(Refused, match="no such plan") as refused:
            audience.survey(build, View(scope), promise(key, "email"), journal, assign_arm, actor=author)
        said.add(str(refused.value))
    assert len(said) == 1


def test_no_key_or_none_that_is_one_is_said(journal, author, build):
    scope = build.scope_of(author.held)
    with pytest.raises(Refused, match="needs the key of a saved channel plan"):
        audience.survey(build, View(scope), promise("", "email"), journal, assign_arm, actor=author)
    with pytest.raises(Invalid, match="is not the 32 digits"):
        audience.survey(build, View(scope), promise("October", "email"), journal, assign_arm, actor=author)
    with pytest.raises(PermissionError):
        audience.survey(build, View(scope), promise("0" * 32, "email"), journal, assign_arm)
