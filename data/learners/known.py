"""What every learner may know, what it gives back, and how it asks what was known at a day."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from data.files import one
from data.model_card import Card

AT, BETWEEN = (Path(__file__).parent.parent / "sql" / name for name in ("at", "between"))


@dataclass(frozen=True)
class Known:
    """What every learner may know.

    floor: smallest investment that is rated, currency. cut: last day of the data in the company's zone; nothing that
    happened or was recorded later is learned from. horizon: days without a purchase that count as lost. contractual:
    customers say when they leave. feeds: the feeds and feed.columns that hold anything.
    """

    floor: float
    cut: date
    horizon: int
    contractual: bool
    feeds: frozenset[str]
    say: Callable[[str], None] = print


@dataclass(frozen=True)
class Learnt:
    """What a learner found: its table, one row a key, and the cards that say how good it is.

    frame: a data frame, or a relation of its connection where the rows need not pass through Python.
    """

    frame: pd.DataFrame | Any
    cards: tuple[Card, ...] = ()


def known(con: duckdb.DuckDBPyConnection, floor: float, feeds: frozenset[str], say: Callable[[str], None]) -> Known:
    """What the learners share; needs the table cut_off."""
    cut, horizon, contractual = one(con, "select cut, horizon_days, contractual from cut_off")
    return Known(floor, cut, horizon, contractual, feeds, say)


def at(con: duckdb.DuckDBPyConnection, name: str, cut: date, **values: object) -> pd.DataFrame:
    """What one file of data/sql/at says of the day `cut`, from what was known then; further values are bound too."""
    return con.execute((AT / f"{name}.sql").read_text(encoding="utf-8"), {"cut": cut, **values}).df()


def between(con: duckdb.DuckDBPyConnection, name: str, since: date, until: date) -> pd.DataFrame:
    """What one file of data/sql/between says of the months from `since` to `until`, both included."""
    text = (BETWEEN / f"{name}.sql").read_text(encoding="utf-8")
    return con.execute(text, {"since": since, "until": until}).df()
