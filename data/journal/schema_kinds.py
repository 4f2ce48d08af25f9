"""The kinds of columns that the journal's tables are made of, and the list that all of its tables are in."""

from __future__ import annotations

import sqlalchemy as sa

METADATA = sa.MetaData()
KEY, WORD, MOMENT = sa.String(64), sa.String(200), sa.String(32)
