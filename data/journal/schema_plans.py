"""The journal's tables of channel plans, of overrides of single customers, and of lists of released customers."""

from __future__ import annotations

import sqlalchemy as sa

from data.journal.schema_kinds import KEY, METADATA, MOMENT, WORD

PLAN = sa.Table(  # a frozen channel plan; its customers are in the file
    "plan",
    METADATA,
    sa.Column("plan_id", KEY, primary_key=True),  # 128 random bits
    sa.Column("author", KEY, nullable=False),
    sa.Column("name", WORD, nullable=False),
    sa.Column("created_at", MOMENT, nullable=False),
    sa.Column("build", WORD, nullable=False),
    sa.Column("policy", sa.Text, nullable=False),  # canonical JSON
    sa.Column("figures", sa.Text, nullable=False),  # canonical JSON: value, bound, cost, contacts
    sa.Column("file", WORD, nullable=False),
    sa.Column("sha256", KEY, nullable=False),  # of the file
    sa.Column("removed_at", MOMENT),
    sa.Column("removed_by", KEY),
    sa.CheckConstraint("(removed_at is null) = (removed_by is null)", name="plan_removed"),
    sa.Index("plan_author", "author", "created_at"),
)

OVERRIDE = sa.Table(  # what a person decided about one customer, whatever a plan says
    "override",
    METADATA,
    sa.Column("override_id", KEY, primary_key=True),
    sa.Column("customer_id", WORD, nullable=False),
    sa.Column("kind", WORD, nullable=False),  # channel: this one and no other; keep: never released
    sa.Column("channel", WORD, nullable=False, server_default=""),  # empty: no contact
    sa.Column("reason", sa.String(1000), nullable=False),
    sa.Column("by", KEY, nullable=False),
    sa.Column("at", MOMENT, nullable=False),
    sa.Column("ended_at", MOMENT),
    sa.Column("ended_by", KEY),
    sa.CheckConstraint("kind in ('channel', 'keep')", name="override_kind"),
    sa.CheckConstraint("kind = 'channel' or channel = ''", name="override_keep"),
    sa.CheckConstraint("reason <> ''", name="override_reason"),
    sa.CheckConstraint("(ended_at is null) = (ended_by is null)", name="override_ended"),
    sa.Index(
        "override_open",
        "customer_id",
        "kind",
        unique=True,
        sqlite_where=sa.text("ended_at is null"),
        postgresql_where=sa.text("ended_at is null"),
    ),
)

RELEASE = sa.Table(  # a list of customers whom it no longer pays to contact
    "release",
    METADATA,
    sa.Column("release_id", KEY, primary_key=True),  # 128 random bits
    sa.Column("author", KEY, nullable=False),
    sa.Column("created_at", MOMENT, nullable=False),
    sa.Column("build", WORD, nullable=False),  # whose figures the list has
    sa.Column("note", sa.String(1000), nullable=False),
)

RELEASE_CUSTOMER = sa.Table(
    "release_customer",
    METADATA,
    sa.Column("release_id", KEY, sa.ForeignKey("release.release_id"), primary_key=True),
    sa.Column("customer_id", WORD, primary_key=True),
    sa.Column("action", WORD, nullable=False),  # stop: no contacts; cheaper: on this one channel only
    sa.Column("channel", WORD, nullable=False, server_default=""),
    sa.Column("expected", sa.Double, nullable=False),  # margin of the next twelve months, 90 % interval
    sa.Column("low", sa.Double, nullable=False),
    sa.Column("high", sa.Double, nullable=False),
    sa.Column("p_wrong", sa.Double, nullable=False),
    sa.Column("saving", sa.Double, nullable=False),  # a year
    sa.CheckConstraint("action in ('stop', 'cheaper')", name="release_action"),
    sa.CheckConstraint("(action = 'stop') = (channel = '')", name="release_channel"),
    sa.CheckConstraint("p_wrong between 0 and 1", name="release_p_wrong"),
    sa.Index("release_customer_key", "customer_id"),
)

RELEASE_STEP = sa.Table(  # what happened to a list; its state is where the last step led
    "release_step",
    METADATA,
    sa.Column("release_id", KEY, sa.ForeignKey("release.release_id"), primary_key=True),
    sa.Column("step", sa.Integer, primary_key=True),  # 1, 2, 3 without a gap
    sa.Column("name", WORD, nullable=False),
    sa.Column("before", WORD, nullable=False),
    sa.Column("after", WORD, nullable=False),
    sa.Column("author", KEY, nullable=False),
    sa.Column("by", KEY, nullable=False),
    sa.Column("at", MOMENT, nullable=False),
    sa.Column("build", WORD, nullable=False, server_default=""),  # the one on the screen
    sa.Column("reason", sa.String(1000), nullable=False, server_default=""),
    sa.Column("detail", sa.Text, nullable=False, server_default="{}"),  # JSON: who was taken off the list, and why
    sa.CheckConstraint(
        """(name = 'propose' and before = '' and after = 'waiting')
        or (name = 'release' and before = 'waiting' and after = 'released')
        or (name = 'refuse' and before = 'waiting' and after = 'refused')
        or (name = 'withdraw' and before = 'waiting' and after = 'withdrawn')
        or (name = 'end' and before = 'released' and after = 'ended')""",
        name="release_step_allowed",
    ),
    sa.CheckConstraint("name not in ('release', 'refuse') or by <> author", name="release_second_person"),
    sa.CheckConstraint("name not in ('propose', 'withdraw') or by = author", name="release_by_author"),
)
