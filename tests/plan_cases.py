"""Random customers for channel plans, every plan of a few of them, and the linear program that HiGHS solves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csc_matrix

from models.assignment import FREE, NOBODY, Terms

COST = np.array([20, 300, 7_000, 35_000, 1_000, 2_500])  # ten-thousandths: e-mail, push, letter, call, text, advert
KINDS = ("independent", "responses", "half units", "equal", "segments", "negative")


@dataclass(frozen=True)
class Case:
    """Effects (n, c), costs (c,), who may be contacted (n, c)."""

    effect: np.ndarray
    cost: np.ndarray
    allowed: np.ndarray


def case(kind: str, n: int, channels: int = 5, seed: int = 1) -> Case:
    """n customers whose effects differ in the way that `kind` says; 70 % may be contacted by each channel."""
    rng = np.random.default_rng([seed, n, KINDS.index(kind)])
    shape = (n, channels)
    if kind == "independent":
        effect = rng.lognormal(0, 1, shape)
    elif kind == "responses":  # a contact is answered now and then, and customers spend differently
        effect = rng.gamma(2, 30, (n, 1)) * rng.beta(1, 40, shape) * np.linspace(1, 2, channels)
    elif kind == "half units":
        effect = rng.integers(0, 8, shape) / 2
    elif kind == "equal":  # no reliable difference between customers
        effect = np.tile(rng.uniform(0.5, 5, channels), (n, 1))
    elif kind == "segments":
        effect = rng.uniform(0, 6, (7, channels))[rng.integers(0, 7, n)]
    else:
        effect = rng.normal(-0.5, 2, shape)
    return Case(effect, COST[:channels].copy(), rng.random(shape) < 0.7)


def limits(n: int, money: float | None = 0.07, channels: int = 5, least_roi: float | None = None) -> Terms:
    """A budget of so much a customer, room for a tenth by letter, a sixtieth by call, a fifth by text."""
    room = (None, None, n // 10, n // 60, n // 5, None)[:channels]
    return Terms(None if money is None else round(money * n * 10_000), room, least_roi)


def best_of_all(some: Case, terms: Terms, fixed: np.ndarray) -> tuple[float, int, np.ndarray] | None:
    """Value, cost and channels of the best of all plans, of equals the cheapest, then the first; None without any."""
    n = len(some.effect)
    order = [*np.argsort(some.cost, kind="stable"), NOBODY]
    offered = some.allowed & ~np.isnan(some.effect)
    options = [
        [c for c in order if c == NOBODY or offered[row, c]] if fixed[row] == FREE else [int(fixed[row])]
        for row in range(n)
    ]
    plans = np.stack(np.meshgrid(*options, indexing="ij"), -1).reshape(-1, n)
    effect = np.column_stack([np.nan_to_num(some.effect), np.zeros(n)])[np.arange(n), plans].sum(axis=1)
    spent = np.append(some.cost, 0)[plans].sum(axis=1)
    fits = np.ones(len(plans), bool) if terms.budget is None else spent <= terms.budget
    for c, room in enumerate(terms.capacity):
        if room is not None:
            fits &= (plans == c).sum(axis=1) <= room
        fits &= ~((plans == c) & ~some.allowed[:, c]).any(axis=1)
    if terms.least_roi is not None:
        fits &= effect - (1 + terms.least_roi) * spent / 10_000 >= -1e-10
    if not fits.any():
        return None
    value = np.round(effect - spent / 10_000, 9)
    first = np.lexsort((np.arange(len(plans)), spent, -value, ~fits))[0]
    return float(value[first]), int(spent[first]), plans[first]


@dataclass(frozen=True)
class Program:
    """max worth · x, matrix x ≤ most, 0 ≤ x ≤ 1: a share of every offered contact, of some channel each."""

    worth: np.ndarray
    matrix: csc_matrix
    most: np.ndarray
    channel: np.ndarray


def program(some: Case, terms: Terms) -> Program:
    """The linear program of a plan: one row for each customer, then the limits."""
    n, channels = some.effect.shape
    channel, row = np.nonzero((some.allowed & ~np.isnan(some.effect)).T)
    worth = some.effect[row, channel] - some.cost[channel] / 10_000
    lines, columns, amounts, most = [row], [np.arange(len(row))], [np.ones(len(row))], [np.ones(n)]
    for used, limit in [
        (some.cost[channel] / 10_000, None if terms.budget is None else terms.budget / 10_000),
        *[((channel == c).astype(float), terms.capacity[c]) for c in range(channels)],
        (0 if terms.least_roi is None else terms.least_roi * some.cost[channel] / 10_000 - worth, 0.0),
    ]:
        if limit is not None and np.any(used):
            columns.append(np.flatnonzero(used))
            lines.append(np.full(len(columns[-1]), n + len(most) - 1))
            amounts.append(np.asarray(used)[columns[-1]])
            most.append(np.array([float(limit)]))
    entries = np.concatenate(amounts), (np.concatenate(lines), np.concatenate(columns))
    return Program(worth, csc_matrix(entries, (n + len(most) - 1, len(row))), np.concatenate(most), channel)


def highs_of(made: Program, whole: bool = False, **options: object) -> Any:
    """HiGHS with the program in it; `whole` = customers may not be divided."""
    import highspy  # cannot be in one process with OR-tools: both bring a library of the same name

    model = highspy.HighsLp()
    model.num_row_, model.num_col_ = made.matrix.shape
    model.col_cost_, model.col_lower_, model.col_upper_ = -made.worth, 0 * made.worth, np.ones(len(made.worth))
    model.row_lower_, model.row_upper_ = np.full(len(made.most), -np.inf), made.most
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_, model.a_matrix_.index_ = made.matrix.indptr, made.matrix.indices
    model.a_matrix_.value_ = made.matrix.data
    if whole:
        model.integrality_ = [highspy.HighsVarType.kInteger] * len(made.worth)
    highs = highspy.Highs()
    for name, value in ({"output_flag": False} | options).items():
        highs.setOptionValue(name, value)
    highs.passModel(model)
    return highs


def value_by(highs: Any) -> float | None:
    """Run HiGHS: the optimal value, None when it did not get there."""
    highs.run()
    done = highs.modelStatusToString(highs.getModelStatus()) == "Optimal"
    return -highs.getInfo().objective_function_value if done else None


def by_highs(some: Case, terms: Terms, whole: bool = False) -> float:
    """The optimal value of the program, to a hundred-thousandth where customers may not be divided."""
    value = value_by(highs_of(program(some, terms), whole, mip_rel_gap=1e-5))
    assert value is not None
    return value
