"""Nobody changes the audit trail unnoticed: not through the database, not through its file, not with half of the keys."""

from __future__ import annotations

import hashlib
import hmac
import json
import random
import shutil
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pytest
import sqlalchemy as sa

from data.journal import audit, chain, checkpoints, database, files, grants, people, plans, segments
from data.journal.problems import JournalError
from data.journal.schema import (
    CAMPAIGN_RESPONSE,
    METADATA,
    OVERRIDE,
    RELEASE,
    RELEASE_CUSTOMER,
    RELEASE_STEP,
    SAVED_VIEW,
    VIEW_VERSION,
)
from data.journal.store import Journal
from data.rights import ENTER, SYSTEM, Actor
from tests import campaigning
from tests.colleagues import come
from tests.conftest import new_database, run_data

ROWS = 40


def filled(journal: Journal, rows: int = ROWS) -> Journal:
    """Rows of several actions, and a checkpoint at the last of them."""
    for n in range(rows):
        journal.record(Actor(f"p{n % 3}", session=f"s{n % 5}"), f"a{n % 4}", f"t{n}", "build-1", n=n, text="x" * n)
    journal.checkpoints.flush()
    return journal


def table(journal: Journal) -> list[dict]:
    """All rows, changeable."""
    return list(map(dict, audit.stream(journal)))


def insider(journal: Journal, *statements: str) -> None:
    """Somebody with the database's own password switches the guards off, acts, and switches them on again."""
    with journal.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if journal.engine.dialect.name == "postgresql":
            statements = (
                "set session_replication_role = replica",
                *statements,
                "set session_replication_role = origin",
            )
        else:
            made = connection.exec_driver_sql("select name, sql from sqlite_master where type = 'trigger'").all()
            statements = (*(f"drop trigger {name}" for name, _ in made), *statements, *(sql for _, sql in made))
        for statement in statements:
            connection.exec_driver_sql(statement)


def signed_again(journal: Journal, key: bytes, first: int) -> None:
    """Write the hashes of a changed trail anew, from a row on, with some key."""
    rows, statements = table(journal), []
    for before, row in zip([{"mac": ""}, *rows], rows):
        if row["seq"] >= first:
            row["mac"] = chain.mac(key, row, before["mac"])
            statements.append(f"update audit set mac = '{row['mac']}' where seq = {row['seq']}")
    insider(journal, *statements)


COLUMNS = "at, actor, session, action, target, build, detail, key_id, mac"
SWAP = [
    f"update audit set seq = {a} where seq = {b}" for a, b in ((-1, 12), (12, 13), (13, -1))
]  # rows 12 and 13 change places
TAMPERING = {
    "a field edited": ["update audit set target = 't999' where seq = 12"],
    "the actor edited": ["update audit set actor = 'p9' where seq = 12"],
    "the moment edited": ["update audit set at = '2026-01-01T00:00:00.000000Z' where seq = 12"],
    "the detail edited": ["update audit set detail = '{}' where seq = 12"],
    "one bit of a hash flipped": ["update audit set mac = '{flipped}' where seq = 12"],
    "a row deleted": ["delete from audit where seq = 12"],
    "the first row deleted": ["delete from audit where seq = 1"],
    "a hole in the middle": ["delete from audit where seq between 12 and 20"],
    "a row deleted and the rest renumbered": [
        "delete from audit where seq = 12",
        *(f"update audit set seq = {n - 1} where seq = {n}" for n in range(13, ROWS + 1)),
    ],
    "a row inserted": [
        *(f"update audit set seq = {n + 1} where seq = {n}" for n in range(ROWS, 11, -1)),
        f"insert into audit (seq, {COLUMNS}) select 12, {COLUMNS} from audit where seq = 11",
    ],
    "a row added at the end": [
        f"insert into audit (seq, {COLUMNS}) select {ROWS + 1}, {COLUMNS} from audit where seq = {ROWS}"
    ],
    "two rows swapped": SWAP,
    "two rows' contents swapped with their hashes kept": [
        *SWAP,
        "update audit set mac = '{mac12}' where seq = 12",
        "update audit set mac = '{mac13}' where seq = 13",
    ],
    "the end cut off": [f"delete from audit where seq > {ROWS - 5}"],
    "everything deleted": ["delete from audit"],
    "an unknown key named": ["update audit set key_id = 'other' where seq = 12"],
}


ONLY_BY_CHECKPOINTS = {"the end cut off", "everything deleted"}


@pytest.mark.parametrize("kind", TAMPERING)
def test_tampering_is_found(journal, kind):
    rows, keys = table(filled(journal)), journal.keys.all()
    assert audit.check(rows, keys, journal.checkpoints.read()[0]).ok
    flipped = f"{int(rows[11]['mac'], 16) ^ 1:064x}"
    words = {"{flipped}": flipped, "{mac12}": rows[11]["mac"], "{mac13}": rows[12]["mac"]}
    for statement in TAMPERING[kind]:
        for word, value in words.items():
            statement = statement.replace(word, value)
        insider(journal, statement)
    assert audit.check(table(journal), keys).ok == (kind in ONLY_BY_CHECKPOINTS)
    verdict = audit.verify(journal)
    assert not verdict.ok and verdict.faults
    assert not [fault for fault in verdict.faults if "guard" in fault], "the guards are back: the chain must tell"


def test_a_chain_written_anew_without_the_key_is_found(journal):
    filled(journal)
    insider(journal, "update audit set target = 't999' where seq = 12")
    signed_again(journal, b"a key of one's own, 32 bytes long", 12)
    assert not audit.verify(journal).ok


def test_a_chain_written_anew_with_the_key_is_found_by_the_checkpoints_elsewhere(journal):
    filled(journal)
    insider(journal, "update audit set target = 't999' where seq = 12")
    signed_again(journal, journal.keys.signing()[1], 12)
    assert audit.check(table(journal), journal.keys.all()).ok, "the chain alone cannot tell"
    verdict = audit.verify(journal)
    assert not verdict.ok and f"Row {ROWS} differs from its checkpoint." in verdict.faults


def test_a_restored_older_copy_is_found_by_the_checkpoints(tmp_path):
    journal = Journal(str(tmp_path / "journal"))
    journal.migrate()
    filled(journal)
    files.backup(journal, tmp_path / "copy.db")
    filled(journal, 70)
    journal.engine.dispose()
    for path in (tmp_path / "journal").glob("journal.db*"):
        path.unlink()
    shutil.copy(tmp_path / "copy.db", tmp_path / "journal" / "journal.db")
    verdict = audit.verify(journal)
    assert not verdict.ok and any("A checkpoint says there was a row" in fault for fault in verdict.faults)
    journal.engine.dispose()


def test_a_random_change_of_any_kind_is_found(journal):
    """500 changes, one at a time, to rows as the verifier gets them."""
    rows = table(filled(journal))
    keys, (lines, _, _) = journal.keys.all(), journal.checkpoints.read()
    assert audit.check(rows, keys, lines).ok
    chance, found, tried = random.Random(7), 0, 0
    for _ in range(500):
        changed = mutated([dict(row) for row in rows], chance)
        if changed != rows:
            tried += 1
            found += not audit.check(changed, keys, lines).ok
    assert found == tried > 450


def mutated(rows: list[dict], chance: random.Random) -> list[dict]:
    """The rows after one change."""
    n, m = sorted(chance.sample(range(len(rows)), 2))
    kind = chance.randrange(10)
    row = rows[n]
    if kind == 0:
        name = chance.choice(["at", "actor", "session", "action", "target", "build", "detail", "key_id"])
        at = chance.randrange(len(row[name]) + 1)
        row[name] = row[name][:at] + chance.choice("0aZ \u00e9\u202e") + row[name][at + chance.randrange(2) :]
    elif kind == 1:
        row["mac"] = f"{int(row['mac'], 16) ^ (1 << chance.randrange(256)):064x}"
    elif kind == 2:
        del rows[n]
    elif kind == 3:
        del rows[n]
        rows = [r | {"seq": i} for i, r in enumerate(rows, 1)]
    elif kind == 4:
        rows = [r | {"seq": i} for i, r in enumerate([*rows[:n], dict(rows[m]), *rows[n:]], 1)]
    elif kind == 5:
        rows[n], rows[m] = rows[m] | {"seq": n + 1}, row | {"seq": m + 1}
    elif kind == 6:
        rows = rows[: n + 1]
    elif kind == 7:
        del rows[n:m]
    elif kind == 8:
        previous = rows[n - 1]["mac"] if n else ""
        row["target"] += "x"
        for r in rows[n:]:  # the plain chain recomputed, as anybody can
            r["mac"] = hashlib.sha256((json.dumps(r, sort_keys=True) + previous).encode()).hexdigest()
            previous = r["mac"]
    else:
        row["seq"] += chance.choice([-1, 1, 1000])
    return rows


def test_the_verifier_refuses_rows_with_a_hole_even_when_it_is_given_no_checkpoint(journal):
    rows = table(filled(journal))
    assert audit.check(rows, journal.keys.all()).ok
    verdict = audit.check(rows[:10] + rows[15:], journal.keys.all())
    assert not verdict.ok and "Row 11 is missing: after 10 comes 16." in verdict.faults
    assert not audit.check(rows[5:], journal.keys.all()).ok


def test_each_hash_is_the_hmac_of_the_row_and_the_hash_before(journal):
    key, previous = journal.keys.signing()[1], ""
    for row in table(filled(journal, 5)):
        written = row.pop("mac")
        said = json.dumps(row | {"previous": previous}, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert hmac.new(key, said.encode(), hashlib.sha256).hexdigest() == written
        previous = written


def test_canonical_json_is_that_of_rfc_8785():
    # keys in the order of UTF-16 code units: of the standard's own example, an emoji comes before U+FB33
    ordered = {"€": 1, "\r": 2, "\ufb33": 3, "1": 4, "😀": 5, "\u0080": 6, "ö": 7}
    assert list(json.loads(chain.canonical(ordered)).values()) == [2, 4, 6, 7, 1, 5, 3]
    assert chain.canonical({"a": '"\\/\b\f\n\r\t\x0f\x7fé', "b": None, "c": True, "d": -5}) == (
        '{"a":"\\"\\\\/\\b\\f\\n\\r\\t\\u000f\x7fé","b":null,"c":true,"d":-5}'
    )


# The clock


def test_a_clock_that_is_set_back_is_remarked_and_is_no_fault(journal):
    moment = datetime(2026, 10, 25, 2, 30, tzinfo=UTC)
    for hours in (0, 1, 0, 2):
        journal.clock = lambda hours=hours: moment + timedelta(hours=hours)
        journal.record(SYSTEM, "tick")
    verdict = audit.verify(journal)
    assert verdict.ok and verdict.faults == []
    assert ["row 3" in remark for remark in verdict.remarks] == [True]


def test_moments_are_utc_whatever_the_zone_of_the_clock(journal):
    journal.clock = lambda: datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin"))
    journal.record(SYSTEM, "tick")
    assert audit.entries(journal)[0].at == "2026-10-25T01:30:00.000000Z"


# What the database refuses


REFUSED = [
    "update audit set target = 'x'", "delete from audit", "update view_version set name = 'x'", "delete from view_version",
    "delete from role_grant", "delete from session", "delete from person", "delete from toxic_pair",
    "update toxic_pair set role_a = 'a'", "update role_grant set role = 'admin'",
    "update role_grant set decided_by = 'x'", "update role_grant set asked_by = 'x'",
    "delete from campaign", "update campaign set author = 'x'", "delete from campaign_version",
    "update campaign_version set body = '{}'", "delete from campaign_step", "update campaign_step set after = 'graded'",
    "delete from campaign_response", "update campaign_response set flag = 'again'", "delete from campaign_delivery",
    "update campaign_delivery set rows = 1", "update campaign_delivery set ended_why = 'failed'",
    "delete from campaign_batch", "update campaign_batch set first_row = 7", "update campaign_batch set sent_at = null",
    "delete from plan", "update plan set figures = 'x'", "update plan set removed_by = 'x'", "delete from override",
    "update override set reason = 'x'", "update override set ended_by = 'x'", "delete from release",
    "update release set note = 'x'", "delete from release_customer", "update release_customer set saving = 0",
    "delete from release_step", "update release_step set after = 'released'",
    "delete from segment", "update segment set members = 'x'", "update segment set owner = 'x'",
    "update session set held = '[]'", "update session set ended_at = null", "update person set subject = 'x'",
    "insert into audit (seq, at, actor, session, action, target, build, detail, key_id, mac) values (99, '', '', '', '', '', '', '', '', '')",
    "insert into audit (seq, at, actor, session, action, target, build, detail, key_id, mac) values (1, '', '', '', '', '', '', '', '', '')",
]  # fmt: skip
REFUSED_BY_POSTGRESQL = [f"truncate {table} cascade" for table in database.NEVER_DELETED]
REFUSED_BY_SQLITE = [
    "replace into audit select 1, at, actor, session, action, 'x', build, detail, key_id, mac from audit where seq = 1",
    "replace into role_grant (grant_id, person_id, role, kind, reason, asked_by, asked_at) select grant_id, person_id, 'admin', kind, reason, asked_by, asked_at from role_grant",
    "replace into session select session_id, person_id, provider, '[]', created_at, last_seen_at, null, null from session",
]


def decided(journal: Journal) -> None:
    """At least one row in every table that the database guards."""
    ann, bob, cat = (come(journal, *who) for who in (("ann", "admin"), ("bob", "admin"), ("cat",)))
    grant = grants.ask(journal, ann, cat.person, "auditor", "year end")
    grants.decide(journal, bob, grant, True)

    people.end_session(journal, cat.session, "signed out")
    now = journal.now()
    with journal.write(ann, ENTER, "view.save") as connection:
        view = {"view_id": "v", "owner": ann.person, "audience": "personal", "version": 1, "created_at": now}
        connection.execute(SAVED_VIEW.insert(), view)
        version = {"view_id": "v", "version": 1, "name": "n", "body": "{}", "saved_by": ann.person, "saved_at": now}
        connection.execute(VIEW_VERSION.insert(), version)
    segments.save(journal, SYSTEM, "n", "", {"region": ["North"]}, "personal")
    author, approver = campaigning.people_of(journal)
    running = campaigning.launched(journal, author, approver, {"C1": "treated", "C2": "control"})
    answer = {"campaign_id": running.campaign_id, "response_id": "r", "customer_id": "C1", "kind": "order"}
    answer |= {"responded_at": now, "received_at": now, "source": "http", "sender": "crm", "arm": "treated"}
    with journal.write(author, ENTER, "campaign.responses") as connection:
        connection.execute(CAMPAIGN_RESPONSE.insert(), answer)
    plans.save(journal, author, "n", "b", "{}", {}, "p.parquet", "0" * 64)
    kept = {"override_id": "o", "customer_id": "C1", "kind": "keep", "reason": "r", "by": author.person, "at": now}
    listed = {"release_id": "r", "customer_id": "C2", "action": "stop", "expected": -1, "low": -2, "high": 1}
    step = {"release_id": "r", "step": 1, "name": "propose", "before": "", "after": "waiting", "at": now}
    with journal.write(author, ENTER, "release.propose") as connection:
        connection.execute(OVERRIDE.insert(), kept)
        release = {"release_id": "r", "author": author.person, "created_at": now, "build": "b", "note": "n"}
        connection.execute(RELEASE.insert(), release)
        connection.execute(RELEASE_CUSTOMER.insert(), listed | {"p_wrong": 0.1, "saving": 3})
        connection.execute(RELEASE_STEP.insert(), step | {"author": author.person, "by": author.person})


def test_the_database_itself_refuses_to_change_what_is_decided(journal):
    decided(journal)
    own = REFUSED_BY_SQLITE if journal.engine.dialect.name == "sqlite" else REFUSED_BY_POSTGRESQL
    before = {name: journal.rows(sa.select(METADATA.tables[name])) for name in database.NEVER_DELETED}
    assert all(before.values()), "an empty table would refuse nothing"
    for statement in REFUSED + own:
        with pytest.raises(sa.exc.IntegrityError), journal.engine.begin() as connection:
            connection.exec_driver_sql(statement)
    for name, rows in before.items():
        assert journal.rows(sa.select(METADATA.tables[name])) == rows
    assert audit.verify(journal).ok


def test_a_plain_sqlite_client_is_refused_too(tmp_path):
    journal = Journal(str(tmp_path / "journal"))
    journal.migrate()
    decided(journal)
    with sqlite3.connect(str(journal.url.database)) as client:
        for statement in REFUSED + REFUSED_BY_SQLITE:
            with pytest.raises(sqlite3.IntegrityError):
                client.execute(statement)
    client.close()
    journal.engine.dispose()


def test_every_guard_that_was_dropped_is_named(journal):
    postgres = journal.engine.dialect.name == "postgresql"
    names = {*database.GUARDS, *(database.POSTGRESQL_GUARDS if postgres else database.SQLITE_GUARDS)}
    query = (
        "select tgname, relname from pg_trigger join pg_class on pg_class.oid = tgrelid where not tgisinternal"
        if postgres else "select name, tbl_name from sqlite_master where type = 'trigger'"
    )  # fmt: skip
    with journal.engine.connect() as connection:
        there = dict(map(tuple, connection.exec_driver_sql(query)))
    assert set(there) == names
    chosen = sorted(names)[::4]
    with journal.engine.begin() as connection:
        for name in chosen:
            connection.exec_driver_sql(f"drop trigger {name}" + (f" on {there[name]}" if postgres else ""))
    verdict = audit.verify(journal)
    assert not verdict.ok
    assert verdict.faults == [f"The database's guard {name} is missing or switched off." for name in chosen]


def test_a_guard_that_is_switched_off_in_postgresql_is_named(postgres, tmp_path):
    journal = Journal(new_database(postgres), tmp_path / "k", tmp_path / "c")
    journal.migrate()
    with journal.engine.begin() as connection:
        connection.exec_driver_sql("alter table audit disable trigger audit_no_update")
    assert audit.verify(journal).faults == ["The database's guard audit_no_update is missing or switched off."]
    journal.engine.dispose()


def test_the_applications_role_in_postgresql_may_append_and_read_and_nothing_more(postgres, tmp_path, monkeypatch):
    address, role = new_database(postgres), f"app_{tmp_path.stat().st_ino}"
    with psycopg.connect(address, autocommit=True) as owner:
        owner.execute(f"create role {role} login password 'only-for-tests'")
    monkeypatch.setenv("RAPPORT_JOURNAL_ROLE", role)
    opened = Journal(address, tmp_path / "k", tmp_path / "c")
    opened.migrate()
    opened.engine.dispose()
    theirs = Journal(address.replace("//rapport:", f"//{role}:"), tmp_path / "k", tmp_path / "c")
    theirs.migrate()  # at its start the application looks whether there is anything to do
    decided(theirs)
    assert audit.verify(theirs).ok
    plain = address.replace("//rapport:", f"//{role}:")
    for table_name in database.NEVER_DELETED:
        for statement in (f"delete from {table_name}", f"truncate {table_name}", f"drop table {table_name} cascade",
                          f"alter table {table_name} disable trigger all"):  # fmt: skip
            with pytest.raises(psycopg.errors.InsufficientPrivilege), psycopg.connect(plain) as client:
                client.execute(statement)
    for statement in ("update audit set target = 'x'", "update view_version set name = 'x'", "create table t (a int)",
                      "insert into toxic_pair values ('a', 'b')", "set session_replication_role = replica",
                      "drop function journal_refuse() cascade", "update alembic_version set version_num = '0'"):  # fmt: skip
        with pytest.raises(psycopg.errors.InsufficientPrivilege), psycopg.connect(plain) as client:
            client.execute(statement)
    theirs.engine.dispose()


# Keys


def test_after_a_new_key_old_rows_verify_and_new_rows_are_signed_with_it(journal):
    filled(journal, 10)
    old = journal.keys.signing()[0]
    new = journal.keys.add()
    filled(journal, 10)
    assert [row["key_id"] for row in table(journal)] == [old] * 10 + [new] * 10
    assert audit.verify(journal).ok


def test_without_an_old_key_its_rows_are_a_fault(journal):
    filled(journal, 5)
    journal.keys.add()
    journal.record(SYSTEM, "tick")
    ids = json.loads(journal.keys.path.read_text())
    ids.pop(next(iter(ids)))
    journal.keys.path.write_text(json.dumps(ids))
    verdict = audit.verify(journal)
    assert "Row 1 is signed with a key that is not in the keys file." in verdict.faults


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o620])
def test_keys_that_other_accounts_can_reach_are_refused(journal, mode):
    journal.record(SYSTEM, "before")
    journal.keys.path.chmod(mode)
    with pytest.raises(JournalError, match="chmod 600"):
        journal.record(SYSTEM, "tick")
    assert audit.count(journal) == 1


def test_lost_keys_stop_the_journal_and_no_new_ones_are_made(journal):
    journal.record(SYSTEM, "before")
    journal.keys.path.unlink()
    again = Journal(journal.url.render_as_string(hide_password=False), journal.keys.path, journal.checkpoints.path)
    with pytest.raises(JournalError, match="missing"):
        again.migrate()
    assert not journal.keys.path.exists()
    with pytest.raises(JournalError, match="missing"):
        journal.record(SYSTEM, "tick")
    again.engine.dispose()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"a": 1}', '{"a": "zz"}', '{"a": "00"}', "geheim"])
def test_a_keys_file_that_holds_no_keys_is_refused_without_showing_it(journal, text):
    journal.keys.path.write_text(text)
    with pytest.raises(JournalError) as refused:
        journal.record(SYSTEM, "tick")
    assert "geheim" not in str(refused.value) and refused.value.__cause__ is None


# Checkpoints


def test_there_is_a_checkpoint_at_the_first_row_and_at_every_hundredth(journal):
    for n in range(250):
        journal.record(SYSTEM, "tick", str(n))
    lines, faults, remarks = journal.checkpoints.read()
    assert [line["seq"] for line in lines] == [1, 100, 200] and faults == remarks == []
    macs = {row["seq"]: row["mac"] for row in table(journal)}
    assert all(line["mac"] == macs[line["seq"]] for line in lines)
    journal.checkpoints.flush()
    assert [line["seq"] for line in journal.checkpoints.read()[0]] == [1, 100, 200, 250]


def test_a_row_is_in_a_checkpoint_soon_even_when_no_other_follows(journal, monkeypatch):
    monkeypatch.setattr(checkpoints, "SECONDS", 0.5)
    journal.record(SYSTEM, "first")
    journal.record(SYSTEM, "second")
    for _ in range(50):
        if [line["seq"] for line in journal.checkpoints.read()[0]] == [1, 2]:
            return
        time.sleep(0.1)
    raise AssertionError(journal.checkpoints.read())


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda text: text.replace('"seq":1}', '"seq":2}'), "was changed"),
        (lambda text: text.replace('"mac_of_line":"', '"mac_of_line":"0'), "was changed"),
        (lambda text: text.replace('"key_id":"', '"key_id":"0'), "not in the keys file"),
    ],
)
def test_a_changed_checkpoint_is_a_fault(journal, change, fault):
    filled(journal)
    path = journal.checkpoints.path
    path.write_text(change(path.read_text()))
    verdict = audit.verify(journal)
    assert not verdict.ok and any(fault in one for one in verdict.faults)


def test_a_checkpoint_torn_by_a_power_cut_is_a_remark_and_the_next_one_stands_on_its_own_line(journal):
    filled(journal)
    path = journal.checkpoints.path
    whole = path.read_text()
    path.write_text(whole + whole.splitlines()[-1][:60])
    filled(journal)
    verdict = audit.verify(journal)
    assert verdict.ok and len(verdict.remarks) == 1 and "torn" in verdict.remarks[0]
    assert [line["seq"] for line in journal.checkpoints.read()[0]][-2:] == [ROWS * 2, ROWS * 2 + 1]


def test_a_second_place_that_is_full_stops_nobody_and_is_said(journal, caplog, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(checkpoints.os, "write", full)
        journal.record(SYSTEM, "tick")
    assert audit.count(journal) == 1 and "No space left on device" in caplog.text
    journal.record(SYSTEM, "tick")
    assert [line["seq"] for line in journal.checkpoints.read()[0]] == [2]


# What people write into it


HOSTILE = {
    "line breaks": "a\r\nb\n2026-11-22 admin granted", "terminal colours": "\x1b[31mred\x1b[0m\x9b2J",
    "breaking out of JSON": '"},{"seq":1,"action":"grant', "other line breaks": "a\u2028b\u2029c\x85d\x0be",
    "right to left": "\u202e00.1", "nothing": "\x00", "half a character": "\ud800", "a million": "x" * 1_000_000,
    "a million line breaks": "\n" * 1_000_000, "quotes": '"' * 100_000, "no width": "a\u200bb\ufeff",
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_whatever_is_written_stays_one_bounded_line(journal, name, tmp_path):
    text = HOSTILE[name]
    journal.record(Actor(text, session=text), text, text, text, **{text: text, "b": text}, c=text, d=10**400)
    journal.record(SYSTEM, "many", **{f"k{n}": text for n in range(500)})
    assert files.export(journal, tmp_path / "trail.jsonl") == 3
    lines = (tmp_path / "trail.jsonl").read_text(encoding="utf-8").splitlines()  # splits at every kind of line break
    assert len(lines) == 3 and max(map(len, lines)) < 10_000
    assert [json.loads(line)["seq"] for line in lines] == [1, 2, 3]
    assert all(c.isprintable() for line in lines for c in line)
    assert max(len(row["detail"]) for row in table(journal)) <= 4_000
    assert audit.verify(journal).ok


def test_values_of_other_kinds_are_kept_as_text_and_lose_nobody_the_row(journal):
    journal.record(SYSTEM, "tick", a=1.5, b=Path("x"), c=2**60, d=None, e=False, f=[1])
    assert json.loads(audit.entries(journal)[0].detail) == {
        "a": "1.5", "b": "x", "c": hex(2**60), "d": None, "e": False, "f": "[1]"}  # fmt: skip


# Reading and the command line


def test_entries_are_filtered_newest_first_and_in_pages(journal):
    filled(journal)
    of_both = audit.entries(journal, action="a1", actor="p2")
    assert [row.target for row in of_both] == [f"t{n}" for n in range(ROWS - 1, -1, -1) if n % 4 == 1 and n % 3 == 2]
    assert audit.count(journal, action="a1", actor="p2") == len(of_both) > 2
    assert [row.seq for row in audit.entries(journal, limit=3, offset=2)] == [38, 37, 36]
    assert [row.seq for row in audit.entries(journal, target="t7")] == [8]
    moments = [row["at"] for row in table(journal)]
    assert audit.count(journal, since=moments[10], until=moments[20]) == 10


def test_a_run_of_the_verifier_is_noted_once(journal):
    filled(journal, 3)
    verdict = audit.verify(journal)
    assert (verdict.rows, verdict.last, verdict.checkpoints) == (3, 3, 2)
    assert audit.count(journal, action="audit.verify") == 1
    assert json.loads(audit.entries(journal)[0].detail) == {"faults": 0, "ok": True, "rows": 3}


def test_the_command_line_verifies_exports_and_backs_up(tmp_path):
    here = {"RAPPORT_JOURNAL": str(tmp_path / "journal")}
    journal = Journal(here["RAPPORT_JOURNAL"])
    journal.migrate()
    come(journal, "=1+1", "executive")
    done = run_data("audit", "verify", **here)
    assert done.returncode == 0 and "unbroken" in done.stdout, done.stderr
    assert run_data("audit", "export", "--to", tmp_path / "trail.jsonl", **here).returncode == 0
    exported = [json.loads(line) for line in (tmp_path / "trail.jsonl").read_text().splitlines()]
    assert [row["action"] for row in exported] == ["sign-in", "audit.verify", "audit.export"]
    assert audit.check(exported, journal.keys.all()).ok, "the file alone can be verified, with the keys"
    assert run_data("audit", "access-review", "--to", tmp_path / "review.csv", **here).returncode == 0
    assert ",'=1+1,executive," in (tmp_path / "review.csv").read_text()
    assert run_data("journal", "new-key", **here).returncode == 0
    assert run_data("journal", "backup", "--to", tmp_path / "copy.db", **here).returncode == 0
    assert {(tmp_path / name).stat().st_mode & 0o777 for name in ("trail.jsonl", "review.csv", "copy.db")} == {0o600}
    again = run_data("journal", "backup", "--to", tmp_path / "copy.db", **here)
    assert again.returncode == 1 and "exists already" in again.stderr and "Traceback" not in again.stderr
    lacking = run_data("audit", "export", **here)
    assert lacking.returncode == 1 and "--to FILE" in lacking.stderr
    insider(journal, "update audit set target = 'x' where seq = 1")
    done = run_data("audit", "verify", **here)
    assert done.returncode == 1 and "FAULT: Row 1 is not what was written" in done.stdout
    journal.engine.dispose()


def test_a_backup_made_while_others_write_is_whole_and_can_be_put_back(tmp_path):
    journal = Journal(str(tmp_path / "journal"))
    journal.migrate()
    filled(journal, 200)
    with ThreadPoolExecutor(2) as pool:
        going = [pool.submit(filled, journal, 300) for _ in range(2)]
        rows = files.backup(journal, tmp_path / "copy.db")
        for one in going:
            one.result()
    restored = tmp_path / "restored"
    restored.mkdir()
    shutil.copy(tmp_path / "copy.db", restored / "journal.db")
    other = Journal(str(restored), journal.keys.path, restored / "checkpoints.jsonl")
    other.migrate()
    assert 201 <= rows == audit.count(other) and audit.verify(other).ok
    other.record(SYSTEM, "goes on")
    assert audit.verify(other).ok
    for one in (journal, other):
        one.engine.dispose()


def test_postgresql_is_backed_up_with_its_own_tools(postgres, tmp_path):
    journal = Journal(new_database(postgres), tmp_path / "k", tmp_path / "c")
    journal.migrate()
    with pytest.raises(JournalError, match="pg_dump"):
        files.backup(journal, tmp_path / "copy.db")
    journal.engine.dispose()


def test_a_damaged_file_is_a_fault_and_no_crash(tmp_path):
    journal = Journal(str(tmp_path / "journal"))
    journal.migrate()
    filled(journal)
    insider(journal, "update audit set detail = cast(x'ff' as text) where seq = 12")
    verdict = audit.verify(journal)
    assert not verdict.ok
    journal.engine.dispose()
