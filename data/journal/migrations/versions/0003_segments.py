"""Segments: named combinations of filters. What one holds is fixed; its name and audience may change."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

FIXED, ONCE = ("segment_id", "owner", "members", "created_at"), "deleted_at"
REFUSAL = "what segment says is decided and stays"


def upgrade() -> None:
    """Make the table, and what guards it."""
    op.create_table(
        "segment",
        sa.Column("segment_id", sa.String(length=64), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("audience", sa.String(length=200), nullable=False),
        sa.Column("team", sa.String(length=200), server_default="", nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("note", sa.String(length=2000), server_default="", nullable=False),
        sa.Column("members", sa.Text(), nullable=False),
        sa.Column("created_at", sa.String(length=32), nullable=False),
        sa.Column("changed_at", sa.String(length=32), nullable=False),
        sa.Column("deleted_at", sa.String(length=32), nullable=True),
        sa.CheckConstraint("audience in ('personal', 'team', 'company')", name="segment_audience"),
        sa.PrimaryKeyConstraint("segment_id"),
    )
    if op.get_bind().dialect.name == "postgresql":
        postgresql()
    else:
        sqlite()


def changed(differs: str) -> str:
    """The condition that an update touches what is fixed."""
    parts = [f"new.{name} {differs} old.{name}" for name in FIXED]
    return " or ".join([*parts, f"(old.{ONCE} is not null and new.{ONCE} {differs} old.{ONCE})"])


def sqlite() -> None:
    """The guards in SQLite's words."""
    refuse = "begin select raise(abort, '{}'); end"
    op.execute(f"create trigger segment_no_delete before delete on segment {refuse.format('segment is append-only')}")
    same = "exists (select 1 from segment where segment_id = new.segment_id)"
    op.execute(
        f"create trigger segment_no_replace before insert on segment when {same} "
        f"{refuse.format('segment has this row')}"
    )
    op.execute(
        f"create trigger segment_fixed before update on segment when {changed('is not')} {refuse.format(REFUSAL)}"
    )


def postgresql() -> None:
    """The guards in PostgreSQL's words, by the function of the migration before."""
    for event in ("delete", "truncate"):
        op.execute(f"""create trigger segment_no_{event} before {event} on segment
            for each statement execute function journal_refuse('is append-only')""")
    op.execute(f"""create trigger segment_fixed before update on segment for each row
        when ({changed("is distinct from")}) execute function journal_refuse('is decided and stays')""")
