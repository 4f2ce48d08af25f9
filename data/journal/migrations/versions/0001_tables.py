"""The tables of the first version, as they were then; data/journal/schema.py says what they are now."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "audit",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("session", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=200), nullable=False),
        sa.Column("target", sa.String(length=400), nullable=False),
        sa.Column("build", sa.String(length=200), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("key_id", sa.String(length=200), nullable=False),
        sa.Column("mac", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("audit_action", "audit", ["action", "seq"], unique=False)
    op.create_index("audit_actor", "audit", ["actor", "seq"], unique=False)
    op.create_index("audit_target", "audit", ["target", "seq"], unique=False)
    op.create_table(
        "note",
        sa.Column("note_id", sa.String(length=64), nullable=False),
        sa.Column("author", sa.String(length=64), nullable=False),
        sa.Column("audience", sa.String(length=200), nullable=False),
        sa.Column("team", sa.String(length=200), server_default="", nullable=False),
        sa.Column("target", sa.String(length=400), nullable=False),
        sa.Column("text", sa.String(length=2000), nullable=False),
        sa.Column("created_at", sa.String(length=32), nullable=False),
        sa.Column("deleted_at", sa.String(length=32), nullable=True),
        sa.CheckConstraint("audience in ('personal', 'team')", name="note_audience"),
        sa.PrimaryKeyConstraint("note_id"),
    )
    op.create_table(
        "person",
        sa.Column("person_id", sa.String(length=64), nullable=False),
        sa.Column("issuer", sa.String(length=400), nullable=False),
        sa.Column("subject", sa.String(length=400), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("first_seen_at", sa.String(length=32), nullable=False),
        sa.Column("last_seen_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("person_id"),
        sa.UniqueConstraint("issuer", "subject"),
    )
    op.create_table(
        "saved_view",
        sa.Column("view_id", sa.String(length=64), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("audience", sa.String(length=200), nullable=False),
        sa.Column("team", sa.String(length=200), server_default="", nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.String(length=32), nullable=False),
        sa.Column("deleted_at", sa.String(length=32), nullable=True),
        sa.CheckConstraint("audience in ('personal', 'team', 'company')", name="view_audience"),
        sa.PrimaryKeyConstraint("view_id"),
    )
    op.create_table(
        "toxic_pair",
        sa.Column("role_a", sa.String(length=200), nullable=False),
        sa.Column("role_b", sa.String(length=200), nullable=False),
        sa.CheckConstraint("role_a < role_b", name="toxic_pair_order"),
        sa.PrimaryKeyConstraint("role_a", "role_b"),
    )
    op.create_table(
        "default_view",
        sa.Column("role", sa.String(length=200), nullable=False),
        sa.Column("view_id", sa.String(length=64), nullable=False),
        sa.Column("set_by", sa.String(length=64), nullable=False),
        sa.Column("set_at", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["view_id"],
            ["saved_view.view_id"],
        ),
        sa.PrimaryKeyConstraint("role"),
    )
    op.create_table(
        "role_grant",
        sa.Column("grant_id", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=200), nullable=False),
        sa.Column("subject", sa.String(length=200), server_default="", nullable=False),
        sa.Column("kind", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.String(length=1000), nullable=False),
        sa.Column("asked_by", sa.String(length=64), nullable=False),
        sa.Column("asked_at", sa.String(length=32), nullable=False),
        sa.Column("decided_by", sa.String(length=64), nullable=True),
        sa.Column("decided_at", sa.String(length=32), nullable=True),
        sa.Column("decision", sa.String(length=200), nullable=True),
        sa.Column("expires_at", sa.String(length=32), nullable=True),
        sa.Column("revoked_by", sa.String(length=64), nullable=True),
        sa.Column("revoked_at", sa.String(length=32), nullable=True),
        sa.Column("reviewed_by", sa.String(length=64), nullable=True),
        sa.Column("reviewed_at", sa.String(length=32), nullable=True),
        sa.Column("review", sa.String(length=1000), nullable=True),
        sa.CheckConstraint("decision in ('granted', 'refused')", name="grant_decision"),
        sa.CheckConstraint("kind = 'emergency' or asked_by <> person_id", name="grant_not_for_oneself"),
        sa.CheckConstraint("kind = 'emergency' or decided_by <> asked_by", name="grant_second_person"),
        sa.CheckConstraint("kind = 'emergency' or decided_by <> person_id", name="grant_not_decided_by_oneself"),
        sa.CheckConstraint("kind = 'normal' or expires_at is not null", name="emergency_ends"),
        sa.CheckConstraint("kind in ('normal', 'emergency')", name="grant_kind"),
        sa.CheckConstraint("(decided_by is null) = (decision is null)", name="grant_decided"),
        sa.CheckConstraint("reviewed_by is null or reviewed_by <> person_id", name="emergency_reviewed_by_another"),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["person.person_id"],
        ),
        sa.PrimaryKeyConstraint("grant_id"),
    )
    op.create_index("grant_person", "role_grant", ["person_id"], unique=False)
    op.create_table(
        "session",
        sa.Column("session_id", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.String(length=64), nullable=False),
        sa.Column("provider", sa.String(length=200), nullable=False),
        sa.Column("held", sa.Text(), nullable=False),
        sa.Column("created_at", sa.String(length=32), nullable=False),
        sa.Column("last_seen_at", sa.String(length=32), nullable=False),
        sa.Column("ended_at", sa.String(length=32), nullable=True),
        sa.Column("ended_why", sa.String(length=200), nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["person.person_id"],
        ),
        sa.PrimaryKeyConstraint("session_id"),
    )
    op.create_index("session_person", "session", ["person_id", "created_at"], unique=False)
    op.create_table(
        "view_opening",
        sa.Column("view_id", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.String(length=64), nullable=False),
        sa.Column("build", sa.String(length=200), nullable=False),
        sa.Column("opened_at", sa.String(length=32), nullable=False),
        sa.Column("build_before", sa.String(length=200), nullable=True),
        sa.Column("opened_before_at", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(
            ["view_id"],
            ["saved_view.view_id"],
        ),
        sa.PrimaryKeyConstraint("view_id", "person_id"),
    )
    op.create_table(
        "view_version",
        sa.Column("view_id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("note", sa.String(length=2000), server_default="", nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("saved_by", sa.String(length=64), nullable=False),
        sa.Column("saved_at", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["view_id"],
            ["saved_view.view_id"],
        ),
        sa.PrimaryKeyConstraint("view_id", "version"),
    )
