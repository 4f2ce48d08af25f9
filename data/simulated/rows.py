"""What was drawn, as rows of the feeds and of the truth beside them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from data.simulated.arrays import Columns, decimals, label, numbers, text
from data.simulated.company import (
    BASES,
    CAMPAIGN_DAYS,
    CATEGORIES,
    CHANNELS,
    MOST_MANAGERS,
    NAMES,
    REGIONS,
    WINDOW,
    Company,
    managers,
)
from data.simulated.contacts import RANDOM

COUNTRIES = ("DE", "AT", "NL")
COUNTRY_OF_REGION = np.array([0, 0, 0, 0, 1, 2])
SEGMENTS = ("home", "business", "public")
ACQUISITION = ("search", "affiliate", "referral", "social", "store")
PLANS = ("invoice", "prepaid", "instalments")
SALES_CHANNELS = ("web shop", "app", "phone", "store", "marketplace")
LINE_TYPES = ("sale", "return", "adjustment", "fee")
ASSIGNMENTS = ("random", "rule", "unknown")
# Colours and stones with trades: nothing that is also a person's name.
FIRST_WORDS = """Basalt Birch Cobalt Copper Crimson Delta Granite Harbour Indigo Lagoon
    Lumen Maple Meadow Nimbus Onyx Orbit Prairie Quartz Slate Timber"""
SECOND_WORDS = """Ceramics Depot Design Distribution Factory Fabrics Goods Homeware Imports Interiors
    Lighting Logistics Market Outfitters Retail Studio Supply Trading Wholesale Works"""


def partner_rows(company: Company, customers: int) -> dict[str, pa.Array]:
    """The feed partners."""
    partners = company.partners
    number = np.arange(len(partners["weight"]))
    first, second = FIRST_WORDS.split(), SECOND_WORDS.split()
    pairs = len(first) * len(second)
    names = [f"{first[i % len(first)]} {second[(i + i // len(first)) % len(second)]}" for i in number]
    names = [name if i < pairs else f"{name} {1 + i // pairs}" for i, name in enumerate(names)]
    return {
        "partner_id": text("P", number + 1, 4),
        "partner_name": pa.array(names),
        "partner_type": label(("dealer", "manufacturer", "affiliate"), partners["type"]),
        "tier": label(("gold", "silver", "bronze"), partners["tier"]),
        "region": label(REGIONS, partners["region"]),
        "manager_id": label(manager_ids(), partner_managers(company, customers)),
        "contact_level": label(("owner", "director", "head of purchasing", "buyer"), partners["level"]),
        "joined_at": moments(company, partners["joined"]),
    }


def partner_managers(company: Company, customers: int) -> np.ndarray:
    """Position of the manager of each partner, from the partner's region."""
    region, count = company.partners["region"], managers(customers)
    own = region + len(REGIONS) * (np.arange(len(region)) % max(1, count // len(REGIONS)))
    return np.where(own < count, own, region)


def partner_assignments(company: Company, customers: int) -> dict[str, pa.Array]:
    """Who looks after each partner; nobody changed."""
    count = len(company.partners["weight"])
    number = np.arange(count)
    return {
        "subject": label(("customer", "partner"), np.ones(count, dtype=int)),
        "subject_id": label(text("P", number + 1, 4), number),
        "manager_id": label(manager_ids(), partner_managers(company, customers)),
        "valid_from": moments(company, company.partners["joined"]),
        "valid_to": moments(company, np.zeros(count), np.zeros(count, dtype=bool)),
    }


def campaign_rows(company: Company, customers: int) -> dict[str, pa.Array]:
    """The feed campaigns; the fixed cost grows with the company."""
    campaigns = company.campaigns
    start = campaigns["start"].astype(float)
    return {
        "campaign_id": pa.array(campaigns["id"].tolist()),
        "name": pa.array(campaigns["name"].tolist()),
        "channel": label(NAMES, campaigns["channel"]),
        "starts_at": moments(company, start),
        "ends_at": moments(company, start + CAMPAIGN_DAYS),
        "measured_from": moments(company, start),
        "measured_to": moments(company, start + CAMPAIGN_DAYS + WINDOW),
        "outcome": label(("margin",), np.zeros(len(start), dtype=int)),
        "treated_share": pa.array(campaigns["treated"], mask=campaigns["by_rule"]),
        "expected_effect": decimals(campaigns["promised"]),
        "expected_low": decimals(campaigns["promised_low"]),
        "expected_high": decimals(campaigns["promised_high"]),
        "owner": label(manager_ids(), campaigns["owner"]),
        "basis": label(BASES, campaigns["basis"]),
        "fixed_cost": decimals(np.round(100 * campaigns["fixed"] * (customers + 1000)).astype(np.int64)),
    }


def customer_rows(company: Company, people: Columns, names: pa.Array) -> dict[str, pa.Array]:
    """The feed customers, with `payment_plan` as a further attribute."""
    return {
        "customer_id": names,
        "joined_at": moments(company, people["joined"]),
        "region": label(REGIONS, people["region"]),
        "country": label(COUNTRIES, COUNTRY_OF_REGION[people["region"]]),
        "segment": label(SEGMENTS, people["segment"]),
        "manager_id": label(manager_ids(), people["manager"], people["managed"]),
        "acquisition_channel": label(ACQUISITION, people["acquired"]),
        "acquisition_cost": decimals(people["acquisition_cost"]),
        "payment_plan": label(PLANS, people["plan"]),
    }


def consent_rows(rng: np.random.Generator, company: Company, people: Columns, names: pa.Array) -> dict[str, pa.Array]:
    """Consents given and refused on joining, and withdrawn later; a customer without a row was never asked."""
    needs = np.array([channel.needs_consent for channel in CHANNELS.values()])
    given = people["agreed"] & needs
    refused = ~people["agreed"] & (rng.random(given.shape) < 0.5)
    withdrawn = np.isfinite(people["until"])
    who, channel = (np.concatenate(c) for c in zip(*map(np.nonzero, (given, refused, withdrawn)), strict=True))
    yes, no, later = given.sum(), refused.sum(), withdrawn.sum()
    at = np.concatenate([people["joined"][who[: yes + no]], people["until"][withdrawn]])
    return {
        "customer_id": label(names, who),
        "channel": label(NAMES, channel),
        "allowed": pa.array(np.repeat([True, False, False], [yes, no, later])),
        "recorded_at": moments(company, at),
        "purpose": label(("marketing",), np.zeros(len(who), dtype=int)),
        "collected": label(("active", "passive"), (rng.random(len(who)) < 0.15).astype(int)),
    }


def assignment_rows(company: Company, people: Columns, names: pa.Array) -> dict[str, pa.Array]:
    """Who looks after each customer; some changed hands once."""
    managed = np.flatnonzero(people["managed"])
    changed = managed[(people["changed"][managed] < company.length) & (people["former"] != people["manager"])[managed]]
    handed = np.isin(managed, changed, assume_unique=True)
    since = np.where(handed, people["changed"][managed], people["joined"][managed])
    who = np.concatenate([managed, changed])
    ended = np.arange(len(who)) >= len(managed)
    return {
        "subject": label(("customer", "partner"), np.zeros(len(who), dtype=int)),
        "subject_id": label(names, who),
        "manager_id": label(manager_ids(), np.concatenate([people["manager"][managed], people["former"][changed]])),
        "valid_from": moments(company, np.concatenate([since, people["joined"][changed]])),
        "valid_to": moments(company, np.where(ended, people["changed"][who], 0), ended),
    }


def line_rows(
    rng: np.random.Generator, company: Company, orders: Columns, lines: Columns, names: pa.Array, block: int
) -> dict[str, pa.Array]:
    """The feed lines; one in a hundred was recorded days late."""
    order, product = lines["order"], lines["product"]
    known = product >= 0
    late = rng.exponential(np.where(rng.random(len(order)) < 0.01, 6.0, 0.1))
    return {
        "order_id": label(text("O", numbers(block, len(orders["at"])), 9), order),
        "line_id": label([str(number) for number in range(lines["number"].max(initial=0) + 1)], lines["number"]),
        "ordered_at": moments(company, lines["at"]),
        "customer_id": label(names, orders["who"][order], ~orders["guest"][order]),
        "partner_id": label(text("P", np.arange(1, len(company.partners["weight"]) + 1), 4), lines["partner"]),
        "product_id": label(text("A", np.arange(1, len(company.products["price"]) + 1), 4), product),
        "category": label(CATEGORIES, np.where(known, company.products["category"][product], -1)),
        "line_type": label(LINE_TYPES, lines["type"]),
        "quantity": decimals(100 * lines["quantity"]),
        "revenue": decimals(lines["revenue"]),
        "cost": decimals(lines["cost"]),
        "sales_channel": label(SALES_CHANNELS, lines["sales_channel"]),
        "currency": label(("EUR",), np.zeros(len(order), dtype=int)),
        "recorded_at": moments(company, lines["at"] + late),
    }


def contact_rows(
    rng: np.random.Generator, company: Company, contacts: Columns, names: pa.Array, block: int
) -> dict[str, pa.Array]:
    """The feed contacts. An arm that was held back answers nothing, so `responded` is empty there."""
    campaign, inbound, treated, assignment = (contacts[c] for c in ("campaign", "inbound", "treated", "assignment"))
    share = np.where(campaign < 0, 1.0, company.campaigns["treated"][campaign])
    answers = tuple(channel.answer for channel in CHANNELS.values())
    answer = np.where(contacts["bought"], len(answers), contacts["channel"])
    priced = contacts["cost"] >= 0
    return {
        "contact_id": contact_ids(len(campaign), block),
        "customer_id": label(names, contacts["who"]),
        "channel": label(NAMES, contacts["channel"]),
        "occurred_at": moments(company, contacts["at"]),
        "direction": label(("out", "in"), inbound.astype(int)),
        "campaign_id": label(tuple(company.campaigns["id"].tolist()), campaign),
        "cost": decimals(contacts["cost"], priced),
        "cost_basis": label(("measured", "assumed"), (contacts["channel"] == 0).astype(int), priced),
        "arm": label(("treated", "control"), (~treated).astype(int), ~inbound),
        "assignment": label(ASSIGNMENTS, assignment),
        "p_assign": pa.array(np.where(treated, share, 1 - share), mask=assignment != RANDOM),
        "responded": pa.array(contacts["responded"], mask=~treated),
        "responded_at": moments(company, contacts["answered_at"], contacts["responded"]),
        "response_kind": label((*answers, "order"), answer, contacts["responded"]),
        "recorded_at": moments(company, contacts["at"] + rng.exponential(0.1, len(campaign))),
    }


def customer_truth(people: Columns, orders: Columns, names: pa.Array) -> dict[str, pa.Array]:
    """True values per customer.

    response_<channel>: P(answer to a contact); effect_<channel>: extra orders per contact where positive, minus the
    share of the next days' own orders driven away where negative; both for a customer who is still active.
    """
    positive, driven = np.maximum(people["persuasion"], 0), np.minimum(people["persuasion"], 0)
    effect = people["response"] * positive + driven
    known = {
        "rate_per_week": people["rate"],
        "dropout_per_week": people["dropout"],
        "lifetime_weeks": (people["left"] - people["joined"]) / 7,
        "spend_mean": people["spend"],
        "order_margin": people["order_margin"],
        "return_rate": people["returns"],
        "organic_orders": orders["organic"],
        "lost_orders": orders["lost"],
        "caused_orders": orders["caused"],
    }
    known |= {f"response_{name}": people["response"][:, i] for i, name in enumerate(NAMES)}
    known |= {f"effect_{name}": effect[:, i] for i, name in enumerate(NAMES)}
    return {"customer_id": names} | {name: pa.array(values) for name, values in known.items()}


def contact_truth(contacts: Columns, names: pa.Array, block: int) -> dict[str, pa.Array]:
    """What treating instead of holding back changes, per randomised contact, given the customer's true values.

    effect: P(any order in the window); orders: expected orders; margin: expected margin before the contact's cost.
    """
    drawn = np.flatnonzero(contacts["assignment"] == RANDOM)
    ids = contact_ids(len(contacts["who"]), block).take(pa.array(drawn))
    effects = {name: pa.array(contacts[name][drawn]) for name in ("effect", "orders", "margin")}
    return {"contact_id": ids, "customer_id": label(names, contacts["who"][drawn])} | effects


def contact_ids(count: int, block: int) -> pa.Array:
    """Keys of a block's contacts."""
    return text("K", numbers(block, count), 9)


def manager_ids() -> pa.Array:
    """Keys of all managers there may be."""
    return text("M", np.arange(1, MOST_MANAGERS + 1), 2)


def moments(company: Company, day: np.ndarray, known: np.ndarray | None = None) -> pa.Array:
    """Days as moments in UTC; empty where not known."""
    missing = None if known is None else ~known
    return pa.array(company.moment(day), mask=missing).cast(pa.timestamp("us", tz="UTC"))
