"""The tables of the first version."""

from alembic import op

from data.journal.schema import METADATA

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    METADATA.create_all(op.get_bind())
