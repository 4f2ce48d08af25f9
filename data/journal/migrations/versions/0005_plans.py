"""Channel plans, overrides of single customers, and lists of customers released from marketing contacts."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

KEY, WORD, MOMENT = sa.String(64), sa.String(200), sa.String(32)

ALLOWED = """(name = 'propose' and before = '' and after = 'waiting')
        or (name = 'release' and before = 'waiting' and after = 'released')
        or (name = 'refuse' and before = 'waiting' and after = 'refused')
        or (name = 'withdraw' and before = 'waiting' and after = 'withdrawn')
        or (name = 'end' and before = 'released' and after = 'ended')"""

APPEND_ONLY = ("release", "release_customer", "release_step")
FIXED = {
    "plan": ("plan_id author name created_at build policy figures file sha256", "removed_at removed_by"),
    "override": ("override_id customer_id kind channel reason by at", "ended_at ended_by"),
}
SAME = {
    "plan": "plan_id = new.plan_id",
    "override": "override_id = new.override_id",
    "release": "release_id = new.release_id",
    "release_customer": "release_id = new.release_id and customer_id = new.customer_id",
    "release_step": "release_id = new.release_id and step = new.step",
}

# A step goes on from the last one and names the list's own author; a list has customers.
LAST = "select coalesce(max(step), 0) from release_step where release_id = new.release_id"
WRONG_STEP = f"""new.step <> ({LAST}) + 1
    or new.before <> coalesce((select after from release_step where release_id = new.release_id
        and step = ({LAST})), '')
    or new.author <> (select author from release where release_id = new.release_id)
    or not exists (select 1 from release_customer c where c.release_id = new.release_id)"""
# A list is complete from the proposal on, and nobody who is to be kept is ever on one.
WRONG_CUSTOMER = """exists (select 1 from release_step s where s.release_id = new.release_id)
    or exists (select 1 from override o where o.customer_id = new.customer_id and o.kind = 'keep'
        and o.ended_at is null)"""
ORDERED = {"release_step": WRONG_STEP, "release_customer": WRONG_CUSTOMER}
OUT_OF_ORDER = {
    "release_step": "this step does not follow from the last one",
    "release_customer": "a proposed list stays as it is, and nobody who is kept is on one",
}


def upgrade() -> None:
    """Make the tables, and what guards them."""
    tables()
    if op.get_bind().dialect.name == "postgresql":
        postgresql()
    else:
        sqlite()


def tables() -> None:
    """The five tables."""
    op.create_table(
        "plan",
        sa.Column("plan_id", KEY, primary_key=True),
        sa.Column("author", KEY, nullable=False),
        sa.Column("name", WORD, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("build", WORD, nullable=False),
        sa.Column("policy", sa.Text, nullable=False),
        sa.Column("figures", sa.Text, nullable=False),
        sa.Column("file", WORD, nullable=False),
        sa.Column("sha256", KEY, nullable=False),
        sa.Column("removed_at", MOMENT),
        sa.Column("removed_by", KEY),
        sa.CheckConstraint("(removed_at is null) = (removed_by is null)", name="plan_removed"),
    )
    op.create_index("plan_author", "plan", ["author", "created_at"])
    op.create_table(
        "override",
        sa.Column("override_id", KEY, primary_key=True),
        sa.Column("customer_id", WORD, nullable=False),
        sa.Column("kind", WORD, nullable=False),
        sa.Column("channel", WORD, nullable=False, server_default=""),
        sa.Column("reason", sa.String(1000), nullable=False),
        sa.Column("by", KEY, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT),
        sa.Column("ended_by", KEY),
        sa.CheckConstraint("kind in ('channel', 'keep')", name="override_kind"),
        sa.CheckConstraint("kind = 'channel' or channel = ''", name="override_keep"),
        sa.CheckConstraint("reason <> ''", name="override_reason"),
        sa.CheckConstraint("(ended_at is null) = (ended_by is null)", name="override_ended"),
    )
    open_ones = sa.text("ended_at is null")
    op.create_index(
        "override_open",
        "override",
        ["customer_id", "kind"],
        unique=True,
        sqlite_where=open_ones,
        postgresql_where=open_ones,
    )
    op.create_table(
        "release",
        sa.Column("release_id", KEY, primary_key=True),
        sa.Column("author", KEY, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("build", WORD, nullable=False),
        sa.Column("note", sa.String(1000), nullable=False),
    )
    op.create_table(
        "release_customer",
        sa.Column("release_id", KEY, sa.ForeignKey("release.release_id"), primary_key=True),
        sa.Column("customer_id", WORD, primary_key=True),
        sa.Column("action", WORD, nullable=False),
        sa.Column("channel", WORD, nullable=False, server_default=""),
        sa.Column("expected", sa.Double, nullable=False),
        sa.Column("low", sa.Double, nullable=False),
        sa.Column("high", sa.Double, nullable=False),
        sa.Column("p_wrong", sa.Double, nullable=False),
        sa.Column("saving", sa.Double, nullable=False),
        sa.CheckConstraint("action in ('stop', 'cheaper')", name="release_action"),
        sa.CheckConstraint("(action = 'stop') = (channel = '')", name="release_channel"),
        sa.CheckConstraint("p_wrong between 0 and 1", name="release_p_wrong"),
    )
    op.create_index("release_customer_key", "release_customer", ["customer_id"])
    op.create_table(
        "release_step",
        sa.Column("release_id", KEY, sa.ForeignKey("release.release_id"), primary_key=True),
        sa.Column("step", sa.Integer, primary_key=True),
        sa.Column("name", WORD, nullable=False),
        sa.Column("before", WORD, nullable=False),
        sa.Column("after", WORD, nullable=False),
        sa.Column("author", KEY, nullable=False),
        sa.Column("by", KEY, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("build", WORD, nullable=False, server_default=""),
        sa.Column("reason", sa.String(1000), nullable=False, server_default=""),
        sa.Column("detail", sa.Text, nullable=False, server_default="{}"),
        sa.CheckConstraint(ALLOWED, name="release_step_allowed"),
        sa.CheckConstraint("name not in ('release', 'refuse') or by <> author", name="release_second_person"),
        sa.CheckConstraint("name not in ('propose', 'withdraw') or by = author", name="release_by_author"),
    )


def changed(table: str, differs: str) -> str:
    """The condition that an update touches what is fixed, or anything of a row that is closed."""
    always, once = (names.split() for names in FIXED[table])
    parts = [f"new.{name} {differs} old.{name}" for name in always]
    return " or ".join([*parts, f"old.{once[0]} is not null"])


def sqlite() -> None:
    """The guards in SQLite's words."""
    for table in (*APPEND_ONLY, *FIXED):
        refusal = f"begin select raise(abort, '{table} is append-only'); end"
        op.execute(f"create trigger {table}_no_delete before delete on {table} {refusal}")
        same = f"exists (select 1 from {table} where {SAME[table]})"
        has = f"begin select raise(abort, '{table} has this row'); end"
        op.execute(f"create trigger {table}_no_replace before insert on {table} when {same} {has}")
        if table in APPEND_ONLY:
            op.execute(f"create trigger {table}_no_update before update on {table} {refusal}")
        else:
            fixed = f"begin select raise(abort, 'what {table} says is decided and stays'); end"
            op.execute(f"create trigger {table}_fixed before update on {table} when {changed(table, 'is not')} {fixed}")
    # `insert or replace` would take the open override of a customer away without a word
    op.execute("""create trigger override_no_second before insert on override when new.ended_at is null and exists
        (select 1 from override where customer_id = new.customer_id and kind = new.kind and ended_at is null)
        begin select raise(abort, 'override is open for this customer'); end""")
    for table, wrong in ORDERED.items():
        refusal = f"begin select raise(abort, '{OUT_OF_ORDER[table]}'); end"
        op.execute(f"create trigger {table}_next before insert on {table} when {wrong} {refusal}")


def postgresql() -> None:
    """The guards in PostgreSQL's words, by the function of an earlier migration and one of their own each."""
    for table in (*APPEND_ONLY, *FIXED):
        for event in ("delete", "truncate", *(["update"] if table in APPEND_ONLY else [])):
            op.execute(f"""create trigger {table}_no_{event} before {event} on {table}
                for each statement execute function journal_refuse('is append-only')""")
        if table in FIXED:
            op.execute(f"""create trigger {table}_fixed before update on {table} for each row
                when ({changed(table, "is distinct from")})
                execute function journal_refuse('is decided and stays')""")
    for table, wrong in ORDERED.items():
        op.execute(f"""create function {table}_next() returns trigger language plpgsql as $$ begin
            perform pg_advisory_xact_lock(hashtextextended(new.release_id, 0));
            if {wrong} then
                raise exception '{OUT_OF_ORDER[table]}' using errcode = 'integrity_constraint_violation';
            end if;
            return new; end $$""")
        op.execute(f"create trigger {table}_next before insert on {table} for each row execute function {table}_next()")
