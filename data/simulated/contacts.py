"""Contacts in both directions, and what those the company makes really change."""

from __future__ import annotations

import numpy as np

from data.simulated.arrays import Columns, daytime, draw, ranges, stack_rows, take
from data.simulated.company import CAMPAIGN_DAYS, CHANNELS, NAMES, WINDOW, Company

YEAR = 365  # days of history by which campaigns choose customers
HEAVY = 2  # orders in them that make a heavy buyer
SERVICE_CHANNELS = (2, 1, 0)  # customers ask by telephone, e-mail, on the site
SERVICE_SHARE = (0.6, 0.25, 0.15)
SERVICE_COST = np.array([40, 250, 880, 0, 0])  # cents an inbound contact, by channel
RANDOM, RULE, UNPLANNED = range(3)


def draw_outbound(rng: np.random.Generator, company: Company, people: Columns, organic: Columns) -> Columns:
    """Contacts the company made or, in a control arm, held back; only where the channel was allowed at that moment."""
    size = len(people["joined"])
    parts = []
    campaigns = company.campaigns
    for number, start in enumerate(campaigns["start"]):
        channel = campaigns["channel"][number]
        past = organic["who"][(organic["at"] < start) & (organic["at"] >= start - YEAR)]
        bought = np.bincount(past, minlength=size)
        if campaigns["heavy"][number]:
            chosen = bought >= HEAVY
        else:
            chosen = (rng.random(size) < CHANNELS[NAMES[channel]].audience) & ((bought > 0) | (start < YEAR))
        treated = rng.random(size) < campaigns["treated"][number]
        at = start + np.floor(CAMPAIGN_DAYS * rng.random(size)) + daytime(rng, size)
        who = np.flatnonzero(chosen & allowed(people, np.arange(size), channel, at))
        assignment = RULE if campaigns["by_rule"][number] else RANDOM
        parts.append(contact(who, at[who], channel, number, treated[who], assignment, campaigns["scale"][number]))
    for channel, name in enumerate(NAMES):
        since = np.maximum(people["joined"], 0)
        count = rng.poisson(CHANNELS[name].monthly * (company.length - since) / 30.4)
        who = np.repeat(np.arange(size), count)
        at = np.floor(since[who] + rng.random(len(who)) * (company.length - since)[who]) + daytime(rng, len(who))
        keep = allowed(people, who, channel, at)
        who, at = who[keep], at[keep]
        parts.append(contact(who, at, channel, -1, np.ones(len(who), bool), UNPLANNED, 1.0))
    return stack_rows(parts)


def allowed(people: Columns, who: np.ndarray, channel: int, at: np.ndarray) -> np.ndarray:
    """Flags: the customer was known and the channel allowed at that moment."""
    known = at > people["joined"][who]
    return known & people["agreed"][who, channel] & (at < people["until"][who, channel])


def contact(
    who: np.ndarray, at: np.ndarray, channel: int, campaign: int, treated: np.ndarray, assignment: int, scale: float
) -> Columns:
    """Outbound contacts as columns; cost in cents, -1 where the channel's unit cost applies."""
    unit = CHANNELS[NAMES[channel]].unit_cost
    cost = np.where(treated, -1 if campaign < 0 and unit < 10 else unit, 0)
    rows = {"who": who, "at": at, "treated": treated, "cost": cost}
    alike = {"channel": channel, "campaign": campaign, "assignment": assignment, "scale": scale, "inbound": False}
    return rows | {name: np.full(len(who), value) for name, value in alike.items()}


def act(
    rng: np.random.Generator, company: Company, people: Columns, organic: Columns, reached: Columns
) -> tuple[Columns, np.ndarray]:
    """What the contacts do: the orders they cause, and which organic orders (flags) they drive away.

    One random number decides both the answer and the extra order, so every extra order is an answer. Adds to `reached`:
    responded, answered_at, bought, and the true effect of treating on P(any order in the window), orders and margin.
    """
    who, channel, at = reached["who"], reached["channel"], reached["at"]
    response, persuasion = people["response"][who, channel], people["persuasion"][who, channel] * reached["scale"]
    active = at < people["left"][who]
    until = np.minimum(at + WINDOW, np.maximum(people["left"][who], at))
    expected = people["rate"][who] * (company.seasonal(until) - company.seasonal(at)) / 7
    extra = response * np.maximum(persuasion, 0) * active
    driven = np.maximum(-persuasion, 0)
    reached["effect"] = extra * np.exp(-expected) + np.exp(-expected) - np.exp(-expected * (1 - driven))
    reached["orders"] = extra - driven * expected
    reached["margin"] = reached["orders"] * people["order_margin"][who]

    luck = rng.random(len(who))
    reached["responded"] = reached["treated"] & (luck < response)
    buys_at = at + WINDOW * rng.random(len(who))
    bought = reached["treated"] & (luck < extra) & (buys_at < company.length)
    reached["bought"] = bought
    answered = at + np.minimum(rng.exponential(0.8, len(who)), WINDOW)
    reached["answered_at"] = np.where(bought, buys_at, answered)

    width = company.length + 4 * WINDOW
    order = organic["who"] * width + organic["at"]
    harmed = np.flatnonzero(reached["treated"] & (driven > 0))
    begin = np.searchsorted(order, who[harmed] * width + at[harmed], side="right")
    end = np.searchsorted(order, who[harmed] * width + at[harmed] + WINDOW, side="right")
    hit = ranges(begin, end)
    lost = np.zeros(len(order), dtype=bool)
    lost[hit[rng.random(len(hit)) < np.repeat(driven[harmed], end - begin)]] = True
    return {"who": who[bought], "at": buys_at[bought]}, lost


def draw_service(rng: np.random.Generator, company: Company, people: Columns, orders: Columns) -> Columns:
    """Service contacts that follow orders."""
    placed = np.flatnonzero(~orders["guest"])
    placed = placed[rng.random(len(placed)) < people["service"][orders["who"][placed]]]
    at = orders["at"][placed] + 0.02 + rng.exponential(4, len(placed))
    keep = at < company.length
    who, at = orders["who"][placed][keep], at[keep]
    channel = np.array(SERVICE_CHANNELS)[draw(rng, np.cumsum(SERVICE_SHARE), len(who))]
    rows = {"who": who, "at": at, "channel": channel, "cost": SERVICE_COST[channel], "answered_at": at}
    alike = {"treated": False, "campaign": -1, "inbound": True, "assignment": -1, "responded": False, "bought": False}
    none = {"scale": 0.0, "effect": 0.0, "orders": 0.0, "margin": 0.0}
    return rows | {name: np.full(len(who), value) for name, value in (alike | none).items()}


def order_contacts(parts: list[Columns]) -> Columns:
    """All contacts of the block, by time."""
    contacts = stack_rows(parts)
    return take(contacts, np.argsort(contacts["at"], kind="stable"))
