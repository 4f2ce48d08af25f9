"""Orders and their lines: sales that add up to the cent, returns, adjustments and fees."""

from __future__ import annotations

import numpy as np

from data.simulated.arrays import Columns, daytime, draw, stack_rows, take
from data.simulated.company import CATEGORY_RETURNS, Company

SALES_CHANNEL_SHARE = (0.46, 0.22, 0.08, 0.10, 0.14)


def draw_orders(
    rng: np.random.Generator, company: Company, people: Columns, organic: Columns, caused: Columns, lost: np.ndarray
) -> Columns:
    """All orders of the block by time, guests' among them; a guest has a number past the block's last customer."""
    truth, size = company.truth, len(people["joined"])
    own = stack_rows([take(organic, np.flatnonzero(~lost)), caused])
    guests = rng.binomial(len(own["who"]), truth.guests)
    day = np.floor(company.when(rng.random(guests) * company.seasonal(company.length)))
    who = np.concatenate([own["who"], size + np.arange(guests)])
    at = np.concatenate([own["at"], day + daytime(rng, guests)])
    spend = np.concatenate([people["spend"], truth.p * truth.gamma / rng.gamma(truth.q, size=guests)])
    sort = np.argsort(at, kind="stable")
    who, at = who[sort], at[sort]
    # Gamma-Gamma: the mean order value of customer i is p / nu_i, so one order is Gamma(p) × mean / p.
    total = np.round(100 * spend[who] / truth.p * rng.gamma(truth.p, size=len(who)))
    return {
        "who": who,
        "at": at,
        "guest": who >= size,
        "total": np.maximum(total, 100).astype(np.int64),
        "organic": np.bincount(organic["who"], minlength=size),
        "lost": np.bincount(organic["who"][lost], minlength=size),
        "caused": np.bincount(caused["who"], minlength=size),
    }


def draw_lines(rng: np.random.Generator, company: Company, people: Columns, orders: Columns) -> Columns:
    """Sales that add up to each order's total to the cent, then returns, adjustments and fees."""
    truth, products, partners = company.truth, company.products, company.partners
    count = 1 + draw(rng, np.cumsum(truth.lines), len(orders["who"]))
    order = np.repeat(np.arange(len(count)), count)
    begin = np.cumsum(count) - count
    size = len(order)
    part = rng.gamma(3, size=size)
    revenue = (orders["total"][order] * part / np.repeat(np.add.reduceat(part, begin), count)).astype(np.int64)
    revenue[begin] += orders["total"] - np.add.reduceat(revenue, begin)

    guest = orders["guest"][order]
    who = np.where(guest, 0, orders["who"][order])
    product = draw(rng, np.cumsum(products["share"]), size)
    partner = draw(rng, people["partner_share"], size)
    usual = ~guest & (rng.random(size) < truth.loyalty)
    partner = np.where(usual, people["partner"][who], partner)
    partner = np.where(rng.random(size) < truth.no_partner, -1, partner)
    rate = products["margin"][product] + np.where(guest, 0, people["shift"][who])
    rate += np.where(partner < 0, 0, partners["margin"][partner])
    goods = np.round(revenue * (1 - rate)).astype(np.int64)
    sales = {
        "order": order,
        "at": orders["at"][order],
        "type": np.zeros(size, dtype=int),
        "revenue": revenue,
        "cost": goods + np.round(truth.payment_fee * revenue + 100 * truth.fulfilment).astype(np.int64),
        "quantity": np.maximum(1, np.round(revenue / 100 / products["price"][product])).astype(np.int64),
        "product": product,
        "partner": partner,
    }
    likely = np.where(guest, np.divide(truth.returns[0], sum(truth.returns)), people["returns"][who])
    back = np.flatnonzero(rng.random(size) < likely * CATEGORY_RETURNS[products["category"][product]])
    late = sales["at"][back] + 3 + 27 * rng.random(len(back))
    back, late = back[late < company.length], late[late < company.length]
    returns = take(sales, back) | {"at": late, "type": np.ones(len(back), dtype=int)}
    returns["revenue"], returns["quantity"] = -returns["revenue"], -returns["quantity"]
    returns["cost"] = -np.round(truth.recovered * goods[back]).astype(np.int64)
    parts = [sales, returns]
    for kind, (share, amount, cost) in enumerate(
        ((truth.adjustments, truth.adjustment, 0.0), (truth.fees, truth.fee, truth.fee_cost)), start=2
    ):
        which = np.flatnonzero(rng.random(len(count)) < share)
        alike = {"type": kind, "revenue": round(100 * amount), "cost": round(100 * cost), "quantity": 0}
        nothing = {"product": -1, "partner": -1}
        rows = {name: np.full(len(which), value) for name, value in (alike | nothing).items()}
        parts.append({"order": which, "at": orders["at"][which]} | rows)
    lines = stack_rows(parts)
    extra = lines["order"][size:]
    sort = np.argsort(extra, kind="stable")
    rank = np.empty(len(extra), dtype=int)
    rank[sort] = np.arange(len(extra)) - np.searchsorted(extra[sort], extra[sort])
    lines["number"] = np.concatenate([np.arange(size) - begin[order] + 1, count[extra] + rank + 1])
    lines["sales_channel"] = draw(rng, np.cumsum(SALES_CHANNEL_SHARE), len(count))[lines["order"]]
    return lines
