"""Model cards: what a learned figure was made of, how it was tested, and against which baseline."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import date

import duckdb
import pandas as pd

IN_USE, BASELINE, NOT_ENOUGH = "in use", "baseline in use", "not enough data"
UNPROVEN = "unproven"  # shown, and marked, though not surely better than the baseline


@dataclass
class Card:
    """One model. question: what it answers. state: one of the four above; why: in a sentence.

    parameters are plain numbers, so that a figure can be worked out again without any stored object.
    """

    model: str
    title: str
    question: str
    method: str
    version: str
    state: str
    why: str
    cut_off: date
    customers: int
    interval: str = ""
    backtest: list[dict] = field(default_factory=list)
    calibration: list[dict] = field(default_factory=list)
    parameter: list[dict] = field(default_factory=list)
    check: list[dict] = field(default_factory=list)
    curve: list[dict] = field(default_factory=list)

    def test(self, cut_off: date, candidate: str, measure: str, value: float, customers: int, low=None, high=None):
        """One figure of a backtest: a candidate's measure on what came after a cut-off, with its interval."""
        self.backtest.append(
            {"cut_off": cut_off, "candidate": candidate, "measure": measure, "value": value, "low": low, "high": high}
            | {"customers": customers}
        )

    def bin(self, candidate: str, bin: int, customers: int, predicted: float, observed: float, low: float, high: float):
        """One bin of the calibration: what was predicted of these customers, and what came."""
        self.calibration.append(
            {"candidate": candidate, "bin": bin, "customers": customers, "predicted": predicted}
            | {"observed": observed, "low": low, "high": high}
        )

    def value(self, name: str, value: float, error: float | None = None):
        """One parameter, with its standard error where it has one."""
        self.parameter.append({"name": name, "value": value, "error": error})

    def checked(self, name: str, passed: bool | None, words: str):
        """One check, in words; passed is None where it could not be made."""
        self.check.append({"name": name, "passed": passed, "words": words})

    def point(self, curve: str, series: str, x: float, y: float, low: float | None = None, high: float | None = None):
        """One point of a curve."""
        self.curve.append({"curve": curve, "series": series, "x": x, "y": y, "low": low, "high": high})


PARTS = {
    "model_backtest": (
        "backtest",
        "cut_off date, candidate varchar, measure varchar, value double, low double, high double, customers integer",
    ),
    "model_calibration": (
        "calibration",
        "candidate varchar, bin integer, customers integer, predicted double, observed double, low double, high double",
    ),
    "model_parameter": ("parameter", "name varchar, value double, error double"),
    "model_check": ("check", "name varchar, passed boolean, words varchar"),
    "model_curve": ("curve", "curve varchar, series varchar, x double, y double, low double, high double"),
}
CARD = (
    "model varchar, title varchar, question varchar, method varchar, version varchar, state varchar, why varchar, "
    "cut_off date, customers integer, interval varchar"
)


def write(con: duckdb.DuckDBPyConnection, cards: list[Card]) -> None:
    """Store the cards and their parts, in the order they were made."""
    fill(con, "model_card", CARD, [asdict(card) for card in cards])
    for table, (part, columns) in PARTS.items():
        rows = [
            {"model": card.model, "place": place} | row
            for card in cards
            for place, row in enumerate(getattr(card, part))
        ]
        fill(con, table, f"model varchar, place integer, {columns}", rows)


def fill(con: duckdb.DuckDBPyConnection, table: str, columns: str, rows: list[dict]) -> None:
    """Create one table and put the rows in."""
    con.execute(f"create table {table} ({columns})")
    names = [column.split()[0] for column in columns.split(", ")]
    if rows:
        con.register("rows", pd.DataFrame(rows)[names])
        con.execute(f"insert into {table} select * from rows")
        con.unregister("rows")
