"""Segments in the journal: what is kept, who may use and change them, and what the databases refuse."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa

from data.journal import misses, segments, views
from data.journal.problems import Invalid
from data.journal.schema import AUDIT, SEGMENT
from data.journal.segments import NoSegment
from data.rights import ADMIN, APPROVER, AUDITOR, EXECUTIVE, MANAGER, PARTNER_ROLE, Actor, Forbidden, Held
from data.typed import BadText
from data.view_format import BadView, Body
from tests.conftest import ticking

MEMBERS = {"risk_band": ["high", "medium"], "region": ["North"]}


def somebody(role: str, name: str = "", **more) -> Actor:
    """A person with one role; the same name is the same person."""
    name = name or f"one {role}"
    return Actor(name, f"Name of {name}", (Held(role, "B1"),), f"session of {name}", **more)


OWNER, COLLEAGUE, EXEC = somebody(MANAGER, "owner"), somebody(MANAGER, "colleague"), somebody(EXECUTIVE)


@pytest.fixture
def kept(journal, monkeypatch):
    """A journal of either database whose clock goes on by a second at every look; nobody has guessed yet."""
    return ticking(journal, monkeypatch)


def keep(journal, owner: Actor = OWNER, audience: str = "personal", **more) -> str:
    """A segment of somebody."""
    return segments.save(
        journal, owner, more.get("name", "High risk north"), "", more.get("members", MEMBERS), audience
    )


def trail(journal) -> list[tuple[str, str]]:
    """Actor and action of every audit row, in order."""
    return [(row.actor, row.action) for row in journal.rows(sa.select(AUDIT).order_by(AUDIT.c.seq))]


def test_a_segment_comes_back_as_it_was_kept(kept):
    found = segments.get(kept, OWNER, keep(kept))
    assert dict(found.members) == {name: tuple(values) for name, values in MEMBERS.items()}
    assert (found.name, found.audience, found.shared_with) == ("High risk north", "personal", "only the owner")
    assert len(found.segment_id) >= 22
    assert trail(kept) == [("owner", "segment.save")]


def test_names_and_audience_change_but_never_what_it_holds(kept):
    one = keep(kept)
    before = segments.get(kept, OWNER, one)
    segments.rename(kept, OWNER, one, "North, at risk", "for the spring", "team", MANAGER)
    after = segments.get(kept, COLLEAGUE, one)
    assert (after.name, after.note, after.team) == ("North, at risk", "for the spring", MANAGER)
    assert after.members == before.members and after.changed_at > before.changed_at
    with pytest.raises(sa.exc.DBAPIError), kept.unaudited() as connection:
        connection.execute(sa.update(SEGMENT).values(members=json.dumps({})))


@pytest.mark.parametrize("change", ["owner = 'me'", "segment_id = 'x'", "created_at = '2020'"])
def test_the_database_refuses_to_change_what_is_fixed(kept, change):
    keep(kept)
    with pytest.raises(sa.exc.DBAPIError), kept.unaudited() as connection:
        connection.exec_driver_sql(f"update segment set {change}")


def test_the_database_deletes_no_segment_and_revives_none(kept):
    segments.delete(kept, OWNER, keep(kept))
    for statement in ("delete from segment", "update segment set deleted_at = null"):
        with pytest.raises(sa.exc.DBAPIError), kept.unaudited() as connection:
            connection.exec_driver_sql(statement)
    assert len(kept.rows(sa.select(SEGMENT))) == 1


def test_a_deleted_one_is_gone_for_everybody_and_kept_for_the_audit(kept):
    one = keep(kept, audience="company")
    assert segments.get(kept, EXEC, one)
    segments.delete(kept, OWNER, one)
    for actor in (OWNER, EXEC):
        with pytest.raises(NoSegment):
            segments.get(kept, actor, one)
        assert segments.listing(kept, actor) == []
    with pytest.raises(NoSegment):
        segments.delete(kept, OWNER, one)


@pytest.mark.parametrize(
    ("audience", "readers"),
    [
        ("personal", {"owner"}),
        ("team", {"owner", "colleague"}),
        ("company", {"owner", "colleague", "one executive", "one approver", "one auditor", "one admin"}),
    ],
)
def test_who_may_use_it_goes_by_its_audience_and_partners_never_may(kept, audience, readers):
    one = keep(kept, audience=audience)
    everybody = (OWNER, COLLEAGUE, EXEC, *map(somebody, (APPROVER, AUDITOR, ADMIN, PARTNER_ROLE)))
    listed = {actor.person for actor in everybody if segments.listing(kept, actor)}
    opened = set()
    for actor in everybody:
        try:
            segments.get(kept, actor, one)
            opened.add(actor.person)
        except NoSegment:
            pass
    assert listed == opened == readers


def test_somebody_elses_a_deleted_one_and_one_that_never_was_are_refused_in_the_same_words(kept):
    private, deleted = keep(kept), keep(kept, audience="company")
    segments.delete(kept, OWNER, deleted)
    said = set()
    for one in (private, deleted, "x" * 22):
        with pytest.raises(NoSegment) as refusal:
            segments.get(kept, COLLEAGUE, one)
        said.add(str(refusal.value))
    assert len(said) == 1
    assert trail(kept)[-1] == ("colleague", "denied")


def test_whoever_guesses_has_to_wait(kept):
    for _ in range(misses.MOST):
        with pytest.raises(NoSegment):
            segments.get(kept, COLLEAGUE, "guess")
    with pytest.raises(misses.TooManyMisses):
        segments.get(kept, COLLEAGUE, "guess")


def test_nobody_but_the_owner_changes_one_and_a_try_is_on_record(kept):
    one = keep(kept, audience="company")
    for change in (
        lambda: segments.rename(kept, COLLEAGUE, one, "Mine", "", "personal"),
        lambda: segments.delete(kept, COLLEAGUE, one),
        lambda: keep(kept, somebody(AUDITOR)),
        lambda: segments.delete(kept, somebody(MANAGER, "owner", viewed_by="ines"), one),
        lambda: segments.rename(kept, OWNER, one, "A", "", "team", EXECUTIVE),
    ):
        with pytest.raises(Forbidden):
            change()
        assert trail(kept)[-1][1] == "denied"
    assert segments.get(kept, OWNER, one).name == "High risk north"


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"region": []},
        {"customer_id": ["C0000001"]},
        {"month": ["2026-01-01"]},
        {"channel": ["email"]},
        {"partner_id": ["P1"]},
    ],
)
def test_a_segment_is_made_of_attributes_of_customers_and_holds_at_least_one(kept, members):
    with pytest.raises(Invalid):
        keep(kept, members=members)
    assert kept.rows(sa.select(SEGMENT)) == []


def test_values_are_bounded_visible_and_nobodys_address(kept):
    with pytest.raises(BadView):
        keep(kept, members={"region": ["N\u202eorth"]})
    with pytest.raises(BadView):
        keep(kept, members={"region": [f"r{i}" for i in range(901)]})
    with pytest.raises(BadView):
        keep(kept, members={"Region; drop": ["North"]})
    for wrong in ({"members": {"region": ["ann@example.com"]}}, {"name": ""}, {"name": "call +49 170 1234567"}):
        with pytest.raises(BadText):
            keep(kept, **wrong)
    with pytest.raises(Invalid):
        keep(kept, audience="everybody")


def test_one_person_keeps_a_bounded_number(kept, monkeypatch):
    monkeypatch.setattr(segments, "MOST_SEGMENTS", 2)
    first = keep(kept)
    keep(kept)
    with pytest.raises(Invalid):
        keep(kept)
    segments.delete(kept, OWNER, first)
    assert keep(kept) and keep(kept, EXEC)


def test_where_it_is_used_are_the_views_that_name_it_and_that_the_reader_may_open(kept):
    one, other = keep(kept, audience="company"), keep(kept, audience="company")
    shown = Body("overview", (("within", (one,)), ("region", ("North",))))
    mine = views.save(kept, OWNER, "Mine", "", shown, "personal")
    everybodys = views.save(kept, OWNER, "Ours", "", shown, "company")
    views.save(kept, OWNER, "Another", "", Body("overview", (("within", (other,)),)), "company")
    assert {view.view_id for view in segments.used_in(kept, OWNER, one)} == {mine, everybodys}
    assert {view.view_id for view in segments.used_in(kept, EXEC, one)} == {everybodys}
