"""The journal's tables: what people decide. Written only through data.journal.store, changed only by a migration.

Moments are text in UTC, `2026-11-22T16:49:33.123456Z`: they sort, they are the same in SQLite and PostgreSQL, and the
audit's keyed hash covers exactly what is stored.
"""

from __future__ import annotations

import sqlalchemy as sa

from data.journal.schema_kinds import KEY, METADATA, MOMENT, WORD
from data.journal.schema_plans import OVERRIDE as OVERRIDE
from data.journal.schema_plans import PLAN as PLAN
from data.journal.schema_plans import RELEASE as RELEASE
from data.journal.schema_plans import RELEASE_CUSTOMER as RELEASE_CUSTOMER
from data.journal.schema_plans import RELEASE_STEP as RELEASE_STEP

PERSON = sa.Table(
    "person",
    METADATA,
    sa.Column("person_id", KEY, primary_key=True),  # a hash of issuer and subject
    sa.Column("issuer", sa.String(400), nullable=False),
    sa.Column("subject", sa.String(400), nullable=False),
    sa.Column("name", WORD, nullable=False),  # as the identity provider calls an employee
    sa.Column("first_seen_at", MOMENT, nullable=False),
    sa.Column("last_seen_at", MOMENT, nullable=False),
    sa.UniqueConstraint("issuer", "subject"),
)

SESSION = sa.Table(
    "session",
    METADATA,
    sa.Column("session_id", KEY, primary_key=True),  # a hash of issuer, subject, nonce and time of issue
    sa.Column("person_id", KEY, sa.ForeignKey("person.person_id"), nullable=False),
    sa.Column("provider", WORD, nullable=False),
    sa.Column("held", sa.Text, nullable=False),  # roles from the provider's groups, as JSON: [["manager", "M01"]]
    sa.Column("created_at", MOMENT, nullable=False),
    sa.Column("last_seen_at", MOMENT, nullable=False),
    sa.Column("ended_at", MOMENT),
    sa.Column("ended_why", WORD),
    sa.Index("session_person", "person_id", "created_at"),
)

ROLE_GRANT = sa.Table(
    "role_grant",
    METADATA,
    sa.Column("grant_id", KEY, primary_key=True),
    sa.Column("person_id", KEY, sa.ForeignKey("person.person_id"), nullable=False),
    sa.Column("role", WORD, nullable=False),
    sa.Column("subject", WORD, nullable=False, server_default=""),  # whose book, or which partner
    sa.Column("kind", WORD, nullable=False),  # normal, emergency
    sa.Column("reason", sa.String(1000), nullable=False),
    sa.Column("asked_by", KEY, nullable=False),
    sa.Column("asked_at", MOMENT, nullable=False),
    sa.Column("decided_by", KEY),
    sa.Column("decided_at", MOMENT),
    sa.Column("decision", WORD),  # granted, refused
    sa.Column("expires_at", MOMENT),
    sa.Column("revoked_by", KEY),
    sa.Column("revoked_at", MOMENT),
    sa.Column("reviewed_by", KEY),  # of an emergency, afterwards
    sa.Column("reviewed_at", MOMENT),
    sa.Column("review", sa.String(1000)),
    sa.CheckConstraint("kind in ('normal', 'emergency')", name="grant_kind"),
    sa.CheckConstraint("decision in ('granted', 'refused')", name="grant_decision"),
    sa.CheckConstraint("(decided_by is null) = (decision is null)", name="grant_decided"),
    # two people, neither of them the one who gets the role
    sa.CheckConstraint("kind = 'emergency' or asked_by <> person_id", name="grant_not_for_oneself"),
    sa.CheckConstraint("kind = 'emergency' or decided_by <> asked_by", name="grant_second_person"),
    sa.CheckConstraint("kind = 'emergency' or decided_by <> person_id", name="grant_not_decided_by_oneself"),
    sa.CheckConstraint("kind = 'normal' or expires_at is not null", name="emergency_ends"),
    sa.CheckConstraint("reviewed_by is null or reviewed_by <> person_id", name="emergency_reviewed_by_another"),
    sa.Index("grant_person", "person_id"),
)

TOXIC_PAIR = sa.Table(  # roles that one person may not hold together; a trigger on role_grant reads them
    "toxic_pair",
    METADATA,
    sa.Column("role_a", WORD, primary_key=True),
    sa.Column("role_b", WORD, primary_key=True),
    sa.CheckConstraint("role_a < role_b", name="toxic_pair_order"),
)

SAVED_VIEW = sa.Table(
    "saved_view",
    METADATA,
    sa.Column("view_id", KEY, primary_key=True),  # 128 random bits
    sa.Column("owner", KEY, nullable=False),
    sa.Column("audience", WORD, nullable=False),  # personal, team, company
    sa.Column("team", WORD, nullable=False, server_default=""),  # the role it is shared with
    sa.Column("version", sa.Integer, nullable=False),  # the current one
    sa.Column("created_at", MOMENT, nullable=False),
    sa.Column("deleted_at", MOMENT),
    sa.CheckConstraint("audience in ('personal', 'team', 'company')", name="view_audience"),
)

VIEW_VERSION = sa.Table(
    "view_version",
    METADATA,
    sa.Column("view_id", KEY, sa.ForeignKey("saved_view.view_id"), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("name", WORD, nullable=False),
    sa.Column("note", sa.String(2000), nullable=False, server_default=""),
    sa.Column("body", sa.Text, nullable=False),  # page and every parameter, as JSON with its format
    sa.Column("saved_by", KEY, nullable=False),
    sa.Column("saved_at", MOMENT, nullable=False),
)

DEFAULT_VIEW = sa.Table(
    "default_view",
    METADATA,
    sa.Column("role", WORD, primary_key=True),
    sa.Column("view_id", KEY, sa.ForeignKey("saved_view.view_id"), nullable=False),
    sa.Column("set_by", KEY, nullable=False),
    sa.Column("set_at", MOMENT, nullable=False),
)

VIEW_OPENING = sa.Table(
    "view_opening",
    METADATA,
    sa.Column("view_id", KEY, sa.ForeignKey("saved_view.view_id"), primary_key=True),
    sa.Column("person_id", KEY, primary_key=True),
    sa.Column("build", WORD, nullable=False),  # the one that was shown
    sa.Column("opened_at", MOMENT, nullable=False),
    sa.Column("build_before", WORD),  # shown at the opening before, by an older build
    sa.Column("opened_before_at", MOMENT),
)

SEGMENT = sa.Table(
    "segment",
    METADATA,
    sa.Column("segment_id", KEY, primary_key=True),  # 128 random bits
    sa.Column("owner", KEY, nullable=False),
    sa.Column("audience", WORD, nullable=False),  # personal, team, company
    sa.Column("team", WORD, nullable=False, server_default=""),  # the role it is shared with
    sa.Column("name", WORD, nullable=False),
    sa.Column("note", sa.String(2000), nullable=False, server_default=""),
    sa.Column("members", sa.Text, nullable=False),  # attributes of customers and their values, as a view's body
    sa.Column("created_at", MOMENT, nullable=False),
    sa.Column("changed_at", MOMENT, nullable=False),
    sa.Column("deleted_at", MOMENT),
    sa.CheckConstraint("audience in ('personal', 'team', 'company')", name="segment_audience"),
)

NOTE = sa.Table(
    "note",
    METADATA,
    sa.Column("note_id", KEY, primary_key=True),
    sa.Column("author", KEY, nullable=False),
    sa.Column("audience", WORD, nullable=False),  # personal, team
    sa.Column("team", WORD, nullable=False, server_default=""),
    sa.Column("target", sa.String(400), nullable=False),  # what it is about, as data/journal/notes.py says
    sa.Column("text", sa.String(2000), nullable=False),
    sa.Column("created_at", MOMENT, nullable=False),
    sa.Column("deleted_at", MOMENT),
    sa.CheckConstraint("audience in ('personal', 'team')", name="note_audience"),
)

CAMPAIGN = sa.Table(
    "campaign",
    METADATA,
    sa.Column("campaign_id", KEY, primary_key=True),  # 128 random bits, hexadecimal: the key in feeds and exports, too
    sa.Column("author", KEY, nullable=False),
    sa.Column("created_at", MOMENT, nullable=False),
)

CAMPAIGN_VERSION = sa.Table(
    "campaign_version",
    METADATA,
    sa.Column("campaign_id", KEY, sa.ForeignKey("campaign.campaign_id"), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("body", sa.Text, nullable=False),  # the promise, as canonical JSON
    sa.Column("sha256", KEY, nullable=False),  # of the body: what is approved is what is sent
    sa.Column("saved_by", KEY, nullable=False),
    sa.Column("saved_at", MOMENT, nullable=False),
)

CAMPAIGN_STEP = sa.Table(  # what happened to a campaign; its state is where the last step led
    "campaign_step",
    METADATA,
    sa.Column("campaign_id", KEY, primary_key=True),
    sa.Column("step", sa.Integer, primary_key=True),  # 1, 2, 3, … without a gap
    sa.Column("name", WORD, nullable=False),
    sa.Column("before", WORD, nullable=False),
    sa.Column("after", WORD, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),  # the version of the promise that it is about
    sa.Column("sha256", KEY, nullable=False),
    sa.Column("author", KEY, nullable=False),
    sa.Column("by", KEY, nullable=False),
    sa.Column("at", MOMENT, nullable=False),
    sa.Column("reason", sa.String(1000), nullable=False, server_default=""),
    sa.Column("detail", sa.Text, nullable=False, server_default="{}"),  # JSON: what was frozen, what was measured
    sa.ForeignKeyConstraint(
        ["campaign_id", "version"], ["campaign_version.campaign_id", "campaign_version.version"], name="step_of_version"
    ),
    sa.CheckConstraint(
        """(name = 'draft' and before = '' and after = 'draft')
        or (name = 'submit' and before = 'draft' and after = 'submitted')
        or (name = 'return' and before = 'submitted' and after = 'draft')
        or (name = 'approve' and before = 'submitted' and after = 'approved')
        or (name = 'export' and before = 'approved' and after = 'exported')
        or (name = 'launch' and before = 'exported' and after = 'measuring')
        or (name = 'grade' and before = 'measuring' and after = 'graded')
        or (name = 'withdraw' and before in ('draft', 'submitted', 'approved', 'exported')
            and after = 'withdrawn')""",
        name="step_allowed",
    ),
    sa.CheckConstraint("name not in ('approve', 'return') or by <> author", name="step_second_person"),
)

CAMPAIGN_DELIVERY = sa.Table(  # one sending of a campaign's recipients to one target
    "campaign_delivery",
    METADATA,
    sa.Column("delivery_id", KEY, primary_key=True),
    sa.Column("campaign_id", KEY, sa.ForeignKey("campaign.campaign_id"), nullable=False),
    sa.Column("target", WORD, nullable=False),  # download, or a name in targets.toml
    sa.Column("kind", WORD, nullable=False),  # csv, xlsx, parquet, jsonl
    sa.Column("pseudonyms", sa.Boolean, nullable=False),  # keys that this delivery alone uses
    sa.Column("purpose", WORD, nullable=False),
    sa.Column("by", KEY, nullable=False),
    sa.Column("at", MOMENT, nullable=False),
    sa.Column("expires_at", MOMENT, nullable=False),  # when the receiver must have deleted it
    sa.Column("rows", sa.Integer, nullable=False),
    sa.Column("dropped", sa.Integer, nullable=False),  # recipients whose consent was withdrawn since the export
    sa.Column("sha256", KEY, nullable=False),  # of the list as it is kept
    sa.Column("file", WORD, nullable=False),
    sa.Column("ended_at", MOMENT),
    sa.Column("ended_why", WORD),  # complete, cancelled, failed
    sa.CheckConstraint("ended_why in ('complete', 'cancelled', 'failed')", name="delivery_ended"),
    sa.CheckConstraint("(ended_at is null) = (ended_why is null)", name="delivery_ended_why"),
    sa.Index("delivery_campaign", "campaign_id", "at"),
)

CAMPAIGN_BATCH = sa.Table(  # the recipients of a delivery, in the order of its list: each row is in one batch only
    "campaign_batch",
    METADATA,
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

CAMPAIGN_RESPONSE = sa.Table(
    "campaign_response",
    METADATA,
    sa.Column("campaign_id", KEY, sa.ForeignKey("campaign.campaign_id"), primary_key=True),
    sa.Column("response_id", WORD, primary_key=True),  # the sender's own: sent again, it is the same response
    sa.Column("customer_id", WORD, nullable=False),
    sa.Column("kind", WORD, nullable=False),
    sa.Column("responded_at", MOMENT, nullable=False),
    sa.Column("received_at", MOMENT, nullable=False),
    sa.Column("source", WORD, nullable=False),  # http, upload
    sa.Column("sender", WORD, nullable=False),  # the person or the machine
    sa.Column("arm", WORD, nullable=False),
    sa.Column("flag", WORD, nullable=False, server_default=""),  # why it is kept but does not count
    sa.Index("response_customer", "campaign_id", "customer_id"),
)

AUDIT = sa.Table(
    "audit",
    METADATA,
    sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False),
    sa.Column("at", MOMENT, nullable=False),
    sa.Column("actor", KEY, nullable=False),
    sa.Column("session", KEY, nullable=False),
    sa.Column("action", WORD, nullable=False),  # view.save, grant.ask, denied, …
    sa.Column("target", sa.String(400), nullable=False),
    sa.Column("build", WORD, nullable=False),  # the build on the screen, where there was one
    sa.Column("detail", sa.Text, nullable=False),  # canonical JSON (RFC 8785), bounded
    sa.Column("key_id", WORD, nullable=False),
    sa.Column("mac", sa.String(64), nullable=False),  # HMAC-SHA256 over this row and the mac before
    sa.Index("audit_actor", "actor", "seq"),
    sa.Index("audit_action", "action", "seq"),
    sa.Index("audit_target", "target", "seq"),
)
