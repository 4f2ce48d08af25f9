"""Campaigns: versions of the promise, the steps it went, deliveries with their batches, and responses."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

KEY, WORD, MOMENT = sa.String(64), sa.String(200), sa.String(32)

ALLOWED = """(name = 'draft' and before = '' and after = 'draft')
        or (name = 'submit' and before = 'draft' and after = 'submitted')
        or (name = 'return' and before = 'submitted' and after = 'draft')
        or (name = 'approve' and before = 'submitted' and after = 'approved')
        or (name = 'export' and before = 'approved' and after = 'exported')
        or (name = 'launch' and before = 'exported' and after = 'measuring')
        or (name = 'grade' and before = 'measuring' and after = 'graded')
        or (name = 'withdraw' and before in ('draft', 'submitted', 'approved', 'exported')
            and after = 'withdrawn')"""

APPEND_ONLY = ("campaign", "campaign_version", "campaign_step", "campaign_response")
FIXED = {
    "campaign_delivery": (
        "delivery_id campaign_id target kind pseudonyms purpose by at expires_at rows dropped sha256 file",
        "ended_at ended_why",
    ),
    "campaign_batch": ("delivery_id batch first_row rows idempotency_key", "sent_at"),
}
SAME = {
    "campaign": "campaign_id = new.campaign_id",
    "campaign_version": "campaign_id = new.campaign_id and version = new.version",
    "campaign_step": "campaign_id = new.campaign_id and step = new.step",
    "campaign_response": "campaign_id = new.campaign_id and response_id = new.response_id",
    "campaign_delivery": "delivery_id = new.delivery_id",
    "campaign_batch": (
        "(delivery_id = new.delivery_id and batch = new.batch) or idempotency_key = new.idempotency_key"
    ),
}

# A step goes on from the last one, is about the campaign's own promise, and from the submission on about that version.
LAST = "select coalesce(max(step), 0) from campaign_step where campaign_id = new.campaign_id"
WRONG_STEP = f"""new.step <> ({LAST}) + 1
    or new.before <> coalesce((select after from campaign_step where campaign_id = new.campaign_id
        and step = ({LAST})), '')
    or new.author <> (select author from campaign where campaign_id = new.campaign_id)
    or not exists (select 1 from campaign_version v where v.campaign_id = new.campaign_id
        and v.version = new.version and v.sha256 = new.sha256)
    or (new.name = 'submit' and new.version <> (select max(v.version) from campaign_version v
        where v.campaign_id = new.campaign_id))
    or (new.name not in ('draft', 'submit', 'withdraw') and not exists (select 1 from campaign_step s
        where s.campaign_id = new.campaign_id and s.step = ({LAST})
        and s.version = new.version and s.sha256 = new.sha256))
    or (new.name = 'withdraw' and exists (select 1 from campaign_delivery d
        left join campaign_batch b on b.delivery_id = d.delivery_id and b.sent_at is not null
        where d.campaign_id = new.campaign_id and (d.ended_at is null or b.sent_at is not null)))"""
# The promise may change while it is a draft, and never again.
WRONG_VERSION = """new.version <> (select coalesce(max(version), 0) from campaign_version
        where campaign_id = new.campaign_id) + 1
    or exists (select 1 from campaign_step s where s.campaign_id = new.campaign_id and s.after <> 'draft'
        and s.step = (select max(step) from campaign_step where campaign_id = new.campaign_id))"""
ORDERED = {"campaign_step": WRONG_STEP, "campaign_version": WRONG_VERSION}
OUT_OF_ORDER = {
    "campaign_step": "this step does not follow from the last one",
    "campaign_version": "what was submitted stays as it is",
}


def upgrade() -> None:
    """Make the tables, and what guards them."""
    tables()
    if op.get_bind().dialect.name == "postgresql":
        postgresql()
    else:
        sqlite()


def tables() -> None:
    """The six tables."""
    op.create_table(
        "campaign",
        sa.Column("campaign_id", KEY, primary_key=True),
        sa.Column("author", KEY, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
    )
    op.create_table(
        "campaign_version",
        sa.Column("campaign_id", KEY, sa.ForeignKey("campaign.campaign_id"), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("sha256", KEY, nullable=False),
        sa.Column("saved_by", KEY, nullable=False),
        sa.Column("saved_at", MOMENT, nullable=False),
    )
    op.create_table(
        "campaign_step",
        sa.Column("campaign_id", KEY, primary_key=True),
        sa.Column("step", sa.Integer, primary_key=True),
        sa.Column("name", WORD, nullable=False),
        sa.Column("before", WORD, nullable=False),
        sa.Column("after", WORD, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("sha256", KEY, nullable=False),
        sa.Column("author", KEY, nullable=False),
        sa.Column("by", KEY, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("reason", sa.String(1000), nullable=False, server_default=""),
        sa.Column("detail", sa.Text, nullable=False, server_default="{}"),
        sa.ForeignKeyConstraint(
            ["campaign_id", "version"],
            ["campaign_version.campaign_id", "campaign_version.version"],
            name="step_of_version",
        ),
        sa.CheckConstraint(ALLOWED, name="step_allowed"),
        sa.CheckConstraint("name not in ('approve', 'return') or by <> author", name="step_second_person"),
    )
    op.create_table(
        "campaign_delivery",
        sa.Column("delivery_id", KEY, primary_key=True),
        sa.Column("campaign_id", KEY, sa.ForeignKey("campaign.campaign_id"), nullable=False),
        sa.Column("target", WORD, nullable=False),
        sa.Column("kind", WORD, nullable=False),
        sa.Column("pseudonyms", sa.Boolean, nullable=False),
        sa.Column("purpose", WORD, nullable=False),
        sa.Column("by", KEY, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.Column("dropped", sa.Integer, nullable=False),
        sa.Column("sha256", KEY, nullable=False),
        sa.Column("file", WORD, nullable=False),
        sa.Column("ended_at", MOMENT),
        sa.Column("ended_why", WORD),
        sa.CheckConstraint("ended_why in ('complete', 'cancelled', 'failed')", name="delivery_ended"),
        sa.CheckConstraint("(ended_at is null) = (ended_why is null)", name="delivery_ended_why"),
    )
    op.create_index("delivery_campaign", "campaign_delivery", ["campaign_id", "at"])
    op.create_table(
        "campaign_batch",
        sa.Column("delivery_id", KEY, sa.ForeignKey("campaign_delivery.delivery_id"), primary_key=True),
        sa.Column("batch", sa.Integer, primary_key=True),
        sa.Column("first_row", sa.Integer, nullable=False),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.Column("idempotency_key", KEY, nullable=False, unique=True),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("tried_at", MOMENT),
        sa.Column("problem", sa.String(1000), nullable=False, server_default=""),
        sa.Column("sent_at", MOMENT),
    )
    op.create_table(
        "campaign_response",
        sa.Column("campaign_id", KEY, sa.ForeignKey("campaign.campaign_id"), primary_key=True),
        sa.Column("response_id", WORD, primary_key=True),
        sa.Column("customer_id", WORD, nullable=False),
        sa.Column("kind", WORD, nullable=False),
        sa.Column("responded_at", MOMENT, nullable=False),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.Column("source", WORD, nullable=False),
        sa.Column("sender", WORD, nullable=False),
        sa.Column("arm", WORD, nullable=False),
        sa.Column("flag", WORD, nullable=False, server_default=""),
    )
    op.create_index("response_customer", "campaign_response", ["campaign_id", "customer_id"])


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
            perform pg_advisory_xact_lock(hashtextextended(new.campaign_id, 0));
            if {wrong} then
                raise exception '{OUT_OF_ORDER[table]}' using errcode = 'integrity_constraint_violation';
            end if;
            return new; end $$""")
        op.execute(f"create trigger {table}_next before insert on {table} for each row execute function {table}_next()")
