"""What the database itself refuses: changing what is append-only, undoing decisions, contradictory roles, forks."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

# Written out, not taken from data.rights: a pair that is added there needs a migration, and a test says so.
TOXIC = (
    ("admin", "approver"), ("admin", "auditor"), ("admin", "executive"), ("admin", "manager"), ("admin", "partner"),
    ("approver", "auditor"), ("approver", "manager"), ("approver", "partner"), ("auditor", "manager"),
    ("auditor", "partner"), ("executive", "manager"), ("executive", "partner"), ("manager", "partner"),
)  # fmt: skip

NO_UPDATE = ("audit", "view_version", "toxic_pair")
NO_DELETE = (*NO_UPDATE, "role_grant", "session", "person")

# Columns that stay as they were first written; those of the second kind once they have a value.
FIXED = {
    "role_grant": ("grant_id person_id role subject kind reason asked_by asked_at expires_at",
                   "decided_by decided_at decision revoked_by revoked_at reviewed_by reviewed_at review"),
    "session": ("session_id person_id provider held created_at", "ended_at ended_why"),
    "person": ("person_id issuer subject first_seen_at", ""),
}  # fmt: skip

# Two grants contradict each other when their times overlap: no clock, and so no clock that is set back, has a say.
GRANTED = "new.kind = 'normal' and new.decision = 'granted' and new.revoked_at is null"
CONTRADICTS = """select 1 from role_grant other
    join toxic_pair pair on (pair.role_a = new.role and pair.role_b = other.role)
        or (pair.role_b = new.role and pair.role_a = other.role)
    where other.person_id = new.person_id and other.grant_id <> new.grant_id
        and other.kind = 'normal' and other.decision = 'granted' and other.revoked_at is null
        and coalesce(other.expires_at, '9999') > new.decided_at
        and coalesce(new.expires_at, '9999') > other.decided_at"""
NEXT = "new.seq <> (select coalesce(max(seq), 0) + 1 from audit)"


def upgrade() -> None:
    """Make the triggers, and the table that one of them reads."""
    pairs = sa.table("toxic_pair", sa.column("role_a"), sa.column("role_b"))
    op.bulk_insert(pairs, [{"role_a": a, "role_b": b} for a, b in TOXIC])
    if op.get_bind().dialect.name == "postgresql":
        postgresql()
    else:
        sqlite()


def changed(table: str, differs: str) -> str:
    """The condition that an update touches what is fixed."""
    always, once = (names.split() for names in FIXED[table])
    conditions = [f"new.{name} {differs} old.{name}" for name in always]
    conditions += [f"(old.{name} is not null and new.{name} {differs} old.{name})" for name in once]
    return " or ".join(conditions)


def sqlite() -> None:
    """The guards in SQLite's words."""

    def guard(name: str, event: str, table: str, refusal: str, when: str = "") -> None:
        condition = f"when {when}" if when else ""
        op.execute(f"create trigger {name} before {event} on {table} {condition} begin {refusal}; end")

    for table in NO_UPDATE:
        guard(f"{table}_no_update", "update", table, f"select raise(abort, '{table} is append-only')")
    for table in NO_DELETE:
        guard(f"{table}_no_delete", "delete", table, f"select raise(abort, '{table} is append-only')")
    for table in FIXED:
        refusal = f"select raise(abort, 'what {table} says is decided and stays')"
        guard(f"{table}_fixed", "update", table, refusal, changed(table, "is not"))
    guard("audit_next", "insert", "audit", "select raise(abort, 'the audit goes on at its end only')", NEXT)
    # "insert or replace" deletes a row without asking the triggers on deleting
    for table, same in (
        ("role_grant", "grant_id = new.grant_id"),
        ("session", "session_id = new.session_id"),
        ("person", "person_id = new.person_id or (issuer = new.issuer and subject = new.subject)"),
        ("view_version", "view_id = new.view_id and version = new.version"),
        ("toxic_pair", "role_a = new.role_a and role_b = new.role_b"),
    ):
        exists = f"exists (select 1 from {table} where {same})"
        guard(f"{table}_no_replace", "insert", table, f"select raise(abort, '{table} has this row')", exists)
    for event in ("insert", "update"):
        refusal = f"select raise(abort, 'contradictory roles') where exists ({CONTRADICTS})"
        guard(f"role_grant_toxic_{event}", event, "role_grant", refusal, GRANTED)


def postgresql() -> None:
    """The guards in PostgreSQL's words."""
    refuse = "using errcode = 'integrity_constraint_violation'"
    op.execute(f"""create function journal_refuse() returns trigger language plpgsql as $$
        begin raise exception using message = tg_table_name || ' ' || tg_argv[0], {refuse[6:]}; end $$""")
    op.execute(f"""create function journal_next() returns trigger language plpgsql as $$ begin
        if {NEXT} then raise exception 'the audit goes on at its end only' {refuse}; end if;
        return new; end $$""")
    # the lock: two transactions at once would not see each other's grant
    op.execute(f"""create function journal_toxic() returns trigger language plpgsql as $$ begin
        if {GRANTED} then
            perform pg_advisory_xact_lock(hashtextextended(new.person_id, 0));
            if exists ({CONTRADICTS}) then raise exception 'contradictory roles' {refuse}; end if;
        end if;
        return new; end $$""")
    for table in NO_DELETE:
        events = ["delete", "truncate", *(["update"] if table in NO_UPDATE else [])]
        for event in events:
            op.execute(f"""create trigger {table}_no_{event} before {event} on {table}
                for each statement execute function journal_refuse('is append-only')""")
    for table in FIXED:
        op.execute(f"""create trigger {table}_fixed before update on {table} for each row
            when ({changed(table, "is distinct from")}) execute function journal_refuse('is decided and stays')""")
    op.execute("create trigger audit_next before insert on audit for each row execute function journal_next()")
    op.execute("""create trigger role_grant_toxic before insert or update on role_grant
        for each row execute function journal_toxic()""")
