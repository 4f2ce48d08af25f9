"""Histories of purchases at a cut-off, and the models that learned from them: what value and churn have in common."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import duckdb
import numpy as np
import pandas as pd

from data.learners import known as facts
from data.learners.known import Known

if TYPE_CHECKING:  # scipy is loaded by builds only, never by the web process
    from models.gamma_gamma import GammaGamma
    from models.histories import Histories
    from models.purchase import PurchaseModel

WEEK = 7.0  # days
MOST_CUTS = 3
TESTED = 100_000  # customers, about, whom a cut-off before the newest looks at
DROPOUT = ("MBG/NBD", "Pareto/NBD")  # what may be chosen; NBD and BG/NBD are for comparison


@dataclass(frozen=True)
class History:
    """Customers in the order of their keys, and their distinct histories.

    frame: (customers,) as data/sql/at/value_history.sql gives it. rows: distinct histories, in weeks, with counts.
    row: (customers,) which of them each customer has.
    """

    cut: date
    frame: pd.DataFrame
    rows: Histories
    row: np.ndarray

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def columns(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """x, t_x and T (weeks) of the distinct histories."""
        return self.rows.x, self.rows.t_x, self.rows.T

    @property
    def x(self) -> np.ndarray:
        """Repeat days of each customer."""
        return self.rows.x[self.row]

    @property
    def mean_spend(self) -> np.ndarray:
        """Mean revenue of the repeat days, 0 where there is none or returns exceed it: (customers,)."""
        return np.maximum(np.nan_to_num(self.frame["repeat_spend"].to_numpy(float)), 0.0)


@dataclass(frozen=True)
class Fitted:
    """Purchase models by name, and the spend model (None when nobody's spend is positive), at one cut-off.

    first_spend: nobody has bought twice, so spend was learned from first purchases.
    """

    models: dict[str, PurchaseModel]
    spend: GammaGamma | None
    first_spend: bool = False


learned: WeakKeyDictionary[duckdb.DuckDBPyConnection, dict[date, Fitted]] = WeakKeyDictionary()


def history(con: duckdb.DuckDBPyConnection, known: Known, cut: date, ahead: int = 0) -> History:
    """Every customer who had bought at the cut-off, with what came in the days ahead of it.

    Of cut-offs before the newest, which only test, a part of the customers is enough.
    """
    from models.histories import Histories

    window = {"until": cut + timedelta(days=ahead), "known": known.cut, "parts": parts(con, known, cut)}
    frame = facts.at(con, "value_history", cut, **window)
    x, last, age = (frame[name].to_numpy(np.int64) for name in ("x", "t_x_days", "t_days"))
    base = int(age.max(initial=0)) + 1
    key, row, counts = np.unique((x * base + age) * base + last, return_inverse=True, return_counts=True)
    rest, last = np.divmod(key, base)
    x, age = np.divmod(rest, base)
    return History(cut, frame, Histories(x, last / WEEK, age / WEEK, counts.astype(float)), row)


def parts(con: duckdb.DuckDBPyConnection, known: Known, cut: date) -> int:
    """Of how many customers one is looked at."""
    if cut == known.cut:
        return 1
    customers = con.execute(
        "select count(distinct customer_id) from purchase_day where day <= $cut and known_day <= $cut", {"cut": cut}
    ).fetchall()[0][0]
    return max(round(customers / TESTED), 1)


def at(con: duckdb.DuckDBPyConnection, known: Known, cut: date) -> Fitted:
    """The models that learned from what was known at the cut-off, fitted once in a build."""
    fits = learned.setdefault(con, {})
    return fits[cut] if cut in fits else fitted(con, known, history(con, known, cut))


def fitted(con: duckdb.DuckDBPyConnection, known: Known, found: History) -> Fitted:
    """The same for a history that is at hand."""
    from models.bg_nbd import BetaGeometric
    from models.mbg_nbd import ModifiedBetaGeometric
    from models.nbd import NBD
    from models.pareto_nbd import ParetoNBD

    fits = learned.setdefault(con, {})
    if found.cut not in fits:
        known.say(f"    purchase models of {len(found):,} customers at {found.cut}")
        candidates: dict[str, Any] = {
            "NBD": NBD, "BG/NBD": BetaGeometric, "MBG/NBD": ModifiedBetaGeometric, "Pareto/NBD": ParetoNBD,
        }  # fmt: skip
        models = {name: candidate().fit_histories(found.rows) for name, candidate in candidates.items()}
        fits[found.cut] = Fitted(models, *spending(found))
    return fits[found.cut]


def spending(found: History) -> tuple[GammaGamma | None, bool]:
    """The spend model, learned from repeat purchases, from first ones where nobody came back, or None."""
    from models.gamma_gamma import GammaGamma

    if (found.mean_spend > 0).any():
        return GammaGamma().fit(found.x, found.mean_spend), False
    first = found.frame["first_spend"].to_numpy(float)
    if not (first > 0).any():
        return None, True
    return GammaGamma().fit(np.ones(len(first)), np.maximum(first, 0)), True


def cut_offs(con: duckdb.DuckDBPyConnection, known: Known) -> list[date]:
    """Days whose future is known for a whole horizon, newest first, each with at least a horizon of history before."""
    first = con.execute("select min(day) from purchase_day where purchases = 1").fetchall()[0][0]
    step = timedelta(days=known.horizon)
    return [
        known.cut - k * step
        for k in range(1, MOST_CUTS + 1)
        if first is not None and known.cut - (k + 1) * step >= first
    ]
