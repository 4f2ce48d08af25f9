"""What a plan's contacts are worth by channel, from customers drawn at random: a measurement, not the model's own hope.

Doubly robust, with the probabilities that were logged; whom the plan would contact is decided from what was learned
without the customer's own outcomes. The model is handed in: models.policy_value.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from data.plan import CODE
from data.plan_policy import UNIT
from data.plan_rows import Outcome


@dataclass(frozen=True)
class Worth:
    """Of one channel. value: per customer contacted, after the contact's cost, with interval (models.policy_value).

    rows: tested customers whom the plan would contact on this channel at its prices; tested: all tested customers.
    """

    channel: str
    value: Any
    rows: int
    tested: int


def worth(done: Outcome, tested: pd.DataFrame, policy_value: Any) -> list[Worth]:
    """The worth of each tested channel, in the order of the columns. tested: of data.plan.tested, any scope."""
    return list(each(done, tested, policy_value))


def each(done: Outcome, tested: pd.DataFrame, policy_value: Any) -> Iterator[Worth]:
    """One channel after the other."""
    found, prices = done.found, done.plan.prices
    money, room = prices_of(prices, done.policy.least_roi)
    # The test's own contacts make those contacted wait: to leave them out for it would leave the held out alone.
    waits = np.isin(found.refusal, [CODE["too soon"], CODE["enough contacts"]]) & (found.out == 0)[:, None]
    could = found.allowed | waits
    priced = np.where(could, found.apart - found.cost / UNIT * (1 + money) - room, -np.inf)
    priced = np.where(np.isnan(priced), -np.inf, priced)
    place = pc.index_in(pa.array(tested["customer_id"], pa.string()), value_set=found.keys)
    place = place.fill_null(-1).to_numpy(zero_copy_only=False)
    for column, channel in enumerate(found.channels):
        mine = (tested["channel"] == channel.name).to_numpy() & (place >= 0)
        if not mine.any():
            continue
        rows, at = tested[mine], place[mine]
        others = np.delete(priced, column, axis=1)[at].max(axis=1, initial=0.0)
        cost = float(channel.unit_cost)
        contacted = policy_value.decided(rows["effect_apart"].to_numpy(), cost, money, room[column], others)
        contacted &= could[at, column]
        value = policy_value.worth(
            rows["outcome"].to_numpy(), rows["treated"].to_numpy(), rows["p_treated"].to_numpy(),
            rows[["expected_held", "expected_treated"]].to_numpy(), contacted, cost, rows["customer_id"].to_numpy(),
        )  # fmt: skip
        yield Worth(channel.name, value, int(contacted.sum()), len(rows))


def prices_of(prices: Any, least_roi: float | None) -> tuple[float, np.ndarray]:
    """What one more unit of cost, and one more contact by channel, must earn: the least return is a price, too."""
    weight = 1 + prices.roi
    return (prices.budget + prices.roi * (least_roi or 0.0)) / weight, np.asarray(prices.capacity) / weight
