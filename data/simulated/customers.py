"""Who the customers are, what an order of theirs is worth, and what they buy by themselves.

Buying follows the Pareto/NBD (Schmittlein, Morrison & Colombo 1987) on a seasonal clock, spend per order the
Gamma-Gamma (Fader & Hardie, note 025).
"""

from __future__ import annotations

import numpy as np

from data.simulated.arrays import Columns, daytime, draw, pick
from data.simulated.company import CATEGORY_RETURNS, CHANNELS, NAMES, REGIONS, Company, managers, pool

REGION_SHARE = (0.2, 0.27, 0.22, 0.11, 0.11, 0.09)
SEGMENT_SHARE = ((0.80, 0.16, 0.04), (0.35, 0.45, 0.20))  # small spenders, the fifth that spends most
ACQUISITION_SHARE = ((0.38, 0.12, 0.25, 0.10, 0.15), (0.33, 0.24, 0.10, 0.25, 0.08))  # stayers, leavers
ACQUISITION_COST = np.array([1400, 900, 400, 1700, 250])  # cents, on average
PLAN_SHARE = ((0.2, 0.5, 0.3), (0.7, 0.25, 0.05))  # homes, others
LARGE = 156.0  # spend an order: above it are about a fifth
LEAVER = 0.019  # dropout a week: above it are almost a third


def draw_customers(rng: np.random.Generator, company: Company, size: int, start: int) -> Columns:
    """The block's customers: how they buy, what they are, and how they take to each channel."""
    people = draw_buying(rng, company, size)
    people |= draw_attributes(rng, people, managers(start + size))
    people |= draw_reactions(rng, company, people)
    share = company.partners["weight"][: pool(start + size)]
    people["partner_share"] = np.cumsum(share / share.sum())
    people["partner"] = draw(rng, people["partner_share"], size)
    people["order_margin"] = order_margin(company, people)
    return people


def draw_buying(rng: np.random.Generator, company: Company, size: int) -> Columns:
    """When customers come and leave, how often they buy (a week) and for how much, and what they cost to serve."""
    truth = company.truth
    existing = rng.random(size) < truth.existing
    age = np.where(existing, 7 * truth.oldest * rng.random(size) ** 2, 0.0)
    day = np.floor(np.interp(rng.random(size), joining(company), company.grid[: int(company.length) + 1]))
    joined = np.where(existing, -age, day + daytime(rng, size))
    # Given that a customer is still active at age a, the dropout rate is Gamma(s, beta + a).
    dropout = rng.gamma(truth.s, size=size) / (truth.beta + age / 7)
    left = np.maximum(joined, 0) + 7 * rng.exponential(size=size) / dropout
    buys = rng.random(size) >= truth.prospects
    bargain_hunter = rng.random(size) < 0.07
    return {
        "joined": joined,
        "left": np.where(buys, left, joined),
        "buys": buys,
        "rate": rng.gamma(truth.r, size=size) / truth.alpha * buys,
        "dropout": dropout,
        "spend": truth.p * truth.gamma / rng.gamma(truth.q, size=size),
        "shift": rng.normal(0, 0.04, size) - 0.4 * bargain_hunter,  # of the margin rate
        "returns": np.minimum(rng.beta(*truth.returns, size), 0.45),
        "service": rng.beta(*truth.service, size),
    }


def draw_attributes(rng: np.random.Generator, people: Columns, count: int) -> Columns:
    """What the customers feed says about them.

    Drawn given how they buy, never the other way round: segments and acquisition channels differ, and the population is
    still exactly Pareto/NBD and Gamma-Gamma.
    """
    size = len(people["spend"])
    segment = pick(rng, SEGMENT_SHARE, people["spend"] > LARGE)
    acquired = pick(rng, ACQUISITION_SHARE, people["dropout"] > LEAVER)
    region = draw(rng, np.cumsum(REGION_SHARE), size)
    changed = np.maximum(people["joined"], 0) + 30 + 700 * rng.random(size)
    return {
        "segment": segment,
        "region": region,
        "acquired": acquired,
        "acquisition_cost": np.round(ACQUISITION_COST[acquired] * rng.lognormal(-0.08, 0.4, size)).astype(np.int64),
        "plan": pick(rng, PLAN_SHARE, segment > 0),
        "manager": region_manager(rng, region, count),
        "former": region_manager(rng, region, count),
        "changed": np.where(rng.random(size) < 0.08, changed, np.inf),
        "managed": rng.random(size) >= 0.05,
    }


def draw_reactions(rng: np.random.Generator, company: Company, people: Columns) -> Columns:
    """By customer and channel: P(answer), what an answer is worth, and from when to when contact is allowed.

    persuasion: share of answers that are extra orders; when negative, share of own orders a contact drives away.
    """
    truth, channels = company.truth, CHANNELS.values()
    shape = (len(people["spend"]), len(NAMES))
    kind = rng.random(shape)
    strength = rng.uniform(0, 2 * truth.persuasion, shape)
    harm = rng.uniform(0.5, 1, shape)
    harmed = kind > [1 - channel.harmful for channel in channels]
    agreed = rng.random(shape) < [channel.agreed for channel in channels]
    withdrawn = rng.random(shape) < [0.08 if channel.needs_consent else 0.03 for channel in channels]
    since = np.maximum(people["joined"], 0)[:, None]
    until = since + 1 + rng.random(shape) * (company.length - since)
    return {
        "response": np.column_stack([rng.beta(*channel.response, shape[0]) for channel in channels]),
        "persuasion": np.where(harmed, -harm, np.where(kind < truth.persuadable, strength, 0.0)),
        "agreed": agreed,
        "until": np.where(withdrawn & agreed & (until < company.length), until, np.inf),
    }


def joining(company: Company) -> np.ndarray:
    """Share of the new customers that has joined by the start of each day."""
    day = company.grid[: int(company.length) + 1]
    density = np.diff(company.clock[: len(day)]) * (1 + company.truth.growth) ** (day[:-1] / 365.25)
    return np.concatenate([[0.0], np.cumsum(density) / density.sum()])


def region_manager(rng: np.random.Generator, region: np.ndarray, count: int) -> np.ndarray:
    """Managers 0, 6, 12 … look after the first region, 1, 7, 13 … after the second, and so on."""
    regions = len(REGIONS)
    of_region = (count - region + regions - 1) // regions
    return region + regions * (rng.random(len(region)) * of_region).astype(int)


def order_margin(company: Company, people: Columns) -> np.ndarray:
    """Expected margin of one order of each customer, after returns, exact up to rounding; in the currency."""
    truth, products, partners = company.truth, company.products, company.partners
    through = np.diff(people["partner_share"], prepend=0.0) @ partners["margin"][: len(people["partner_share"])]
    through = truth.loyalty * partners["margin"][people["partner"]] + (1 - truth.loyalty) * through
    own = people["shift"] + (1 - truth.no_partner) * through
    share, factor = products["share"], CATEGORY_RETURNS[products["category"]]
    returned = people["returns"] * (share @ factor)
    # A return gives back the revenue and brings back part of the cost of goods, revenue × (1 - margin).
    goods = returned * (1 - own) - people["returns"] * (share @ (factor * products["margin"]))
    per_unit = share @ products["margin"] + own - truth.payment_fee - (returned - truth.recovered * goods)
    extras = truth.adjustments * truth.adjustment + truth.fees * (truth.fee - truth.fee_cost)
    return people["spend"] * per_unit - truth.fulfilment * truth.mean_lines + extras


def draw_organic(rng: np.random.Generator, company: Company, people: Columns) -> Columns:
    """The orders customers place by themselves, by customer and time; a new customer joins with the first one."""
    opened = company.seasonal(np.maximum(people["joined"], 0))
    closed = company.seasonal(np.clip(people["left"], 0, company.length))
    repeats = rng.poisson(people["rate"] * np.maximum(closed - opened, 0) / 7)
    who = np.repeat(np.arange(len(repeats)), repeats)
    day = np.floor(company.when(opened[who] + rng.random(len(who)) * (closed - opened)[who]))
    at = np.maximum(day + daytime(rng, len(who)), people["joined"][who])
    new = np.flatnonzero(people["buys"] & (people["joined"] >= 0))
    who, at = np.concatenate([new, who]), np.concatenate([people["joined"][new], at])
    sort = np.lexsort((at, who))
    return {"who": who[sort], "at": at[sort]}
