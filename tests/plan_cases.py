"""Random customers for channel plans, every plan of a few of them, and the linear program that HiGHS solves."""

from __future__ import annotations

from dataclasses import dataclass

import highspy
import numpy as np

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


def program(some: Case, terms: Terms) -> tuple[highspy.HighsLp, np.ndarray]:
    """The linear program of a plan (a share of every offered contact, in [0, 1]), and the channel of each column."""
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
    line, column, amount = map(np.concatenate, (lines, columns, amounts))
    by_column = np.lexsort((line, column))
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = len(row), n + len(most) - 1
    model.col_cost_, model.col_lower_, model.col_upper_ = -worth, np.zeros(len(row)), np.ones(len(row))
    model.row_lower_, model.row_upper_ = np.full(model.num_row_, -np.inf), np.concatenate(most)
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_ = np.searchsorted(column[by_column], np.arange(len(row) + 1)).astype(np.int32)
    model.a_matrix_.index_ = line[by_column].astype(np.int32)
    model.a_matrix_.value_ = amount[by_column]
    return model, channel


def by_highs(some: Case, terms: Terms, whole: bool = False, **options: object) -> tuple[float, np.ndarray]:
    """Optimal value, and the prices of the coupling limits; `whole` = customers may not be divided."""
    model, channel = program(some, terms)
    if whole:
        model.integrality_ = [highspy.HighsVarType.kInteger] * len(channel)
    highs = highspy.Highs()
    for name, value in ({"output_flag": False, "mip_rel_gap": 0.0} | options).items():
        highs.setOptionValue(name, value)
    highs.passModel(model)
    highs.run()
    if highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        raise TimeoutError(f"HiGHS ended with {highs.modelStatusToString(highs.getModelStatus())}.")
    return -highs.getInfo().objective_function_value, -np.array(highs.getSolution().row_dual)[len(some.effect) :]
