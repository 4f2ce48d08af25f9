"""The company that is simulated: its true parameters, clock, channels, products, partners and campaigns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from data.simulated.arrays import Columns

ZONE = ZoneInfo("Europe/Berlin")
WINDOW = 14  # days in which a contact acts
CAMPAIGN_DAYS = 3  # a campaign's contacts are spread over its first days
EARNED_BY_ANSWER = 5.3  # margin that an answer brings on average beyond what would have come anyway
PROMISERS = 3  # managers who promise campaigns
BASES = ("earlier holdouts", "share of answers")
REGIONS = ("North", "West", "South", "East", "Alps", "Lowlands")
MOST_MANAGERS = 60
CATEGORIES = ("furniture", "lighting", "kitchen", "textiles", "garden", "office", "tools", "decoration")
CATEGORY_MARGIN = np.array([0.44, 0.47, 0.41, 0.52, 0.43, 0.37, 0.36, 0.55])
CATEGORY_RETURNS = np.array([0.8, 0.9, 0.7, 2.0, 0.6, 0.6, 0.8, 1.1])  # times the customer's own return rate
CATEGORY_PRICE = np.array([90.0, 45.0, 35.0, 30.0, 40.0, 25.0, 50.0, 20.0])


@dataclass(frozen=True)
class Channel:
    """One channel: the row of its seed, and how customers truly take to it.

    unit_cost in cents; capacity: contacts a month per customer of the company; response: (a, b) of the Beta that
    response rates come from; harmful: share of customers it drives away; audience: share of customers a campaign
    reaches; monthly: contacts a month outside campaigns; agreed: share that consented; answer: what an answer is.
    """

    label: str
    unit_cost: int
    capacity: float
    min_days_between: int
    needs_consent: bool
    response: tuple[float, float]
    harmful: float
    audience: float
    monthly: float
    agreed: float
    answer: str


CHANNELS = {
    "web": Channel("Web portal", 2, 1.0, 1, False, (0.8, 10.2), 0.03, 0.85, 0.09, 1.0, "visit"),
    "email": Channel("E-mail", 4, 1.0, 3, True, (1.2, 7.1), 0.08, 0.90, 0.12, 0.78, "click"),
    "teleservice": Channel("Teleservice", 820, 0.03, 30, True, (2.6, 5.4), 0.18, 0.25, 0.024, 0.5, "call"),
    "mail": Channel("Marketing literature", 125, 0.15, 21, False, (1.5, 7.5), 0.05, 0.60, 0.08, 1.0, "reply"),
    "wireless": Channel("Wireless", 9, 0.3, 7, True, (0.9, 8.1), 0.15, 0.80, 0.03, 0.55, "click"),
}
NAMES = tuple(CHANNELS)
CAMPAIGN_CHANNELS = (1, 3, 4, 1, 2, 0, 1, 3, 2, 4)  # the order in which campaigns use the channels


@dataclass(frozen=True)
class Parameters:
    """The true parameters; rates per week, money in the company's currency. `season` is by calendar month."""

    r: float = 0.65
    alpha: float = 13.0
    s: float = 1.5
    beta: float = 80.0
    p: float = 4.0
    q: float = 3.5
    gamma: float = 75.0
    existing: float = 0.36  # share of customers that joined before the window and were still active at its start
    oldest: float = 208.0  # weeks the oldest of them had been customers
    prospects: float = 0.03  # share that joined and never buys
    growth: float = 0.18  # a year, of customers joining
    season: tuple[float, ...] = (0.93, 0.87, 0.96, 0.97, 1.0, 0.95, 0.88, 0.90, 0.98, 1.06, 1.27, 1.23)
    lines: tuple[float, ...] = (0.42, 0.28, 0.15, 0.09, 0.06)  # of 1 to 5 lines an order
    guests: float = 0.03  # orders without a customer, per order with one
    persuadable: float = 0.6  # share of customer and channel pairs in which an answer can be an extra order
    persuasion: float = 0.5  # share of their answers that are extra orders, on average
    loyalty: float = 0.6  # share of lines bought through the customer's usual partner
    no_partner: float = 0.03
    fulfilment: float = 1.2  # per line
    payment_fee: float = 0.015
    returns: tuple[float, float] = (0.8, 12.2)  # (a, b) of the Beta of customers' return rates
    recovered: float = 0.9  # share of the cost of goods that a return brings back
    adjustments: float = 0.006
    adjustment: float = -8.0
    fees: float = 0.02
    fee: float = 4.95
    fee_cost: float = 3.5
    service: tuple[float, float] = (1.1, 2.6)  # (a, b) of the Beta of an order leading to a service contact

    @property
    def mean_lines(self) -> float:
        return float(np.dot(self.lines, np.arange(1, 6)))


@dataclass(frozen=True)
class Company:
    """What the blocks share: the clock, products, partners and campaigns. clock[d] is the seasonal time at day d."""

    truth: Parameters
    first: datetime
    length: float
    grid: np.ndarray
    clock: np.ndarray
    products: Columns
    partners: Columns
    campaigns: Columns

    def seasonal(self, day: np.ndarray | float) -> np.ndarray:
        return np.interp(day, self.grid, self.clock)

    def when(self, seasonal: np.ndarray) -> np.ndarray:
        return np.interp(seasonal, self.clock, self.grid)

    def moment(self, day: np.ndarray) -> np.ndarray:
        """Microseconds since 1970 in UTC, on whole seconds; nothing is later than the end of the window."""
        return (np.minimum(day, self.length - 1e-5) * 86_400).astype(np.int64) * 1_000_000 + microseconds(self.first)


def found(stream: np.random.SeedSequence, customers: int, months: int, ends: date) -> Company:
    """The clock, products, partners and campaigns of a company whose window of `months` closes with the day `ends`."""
    truth = Parameters()
    after = ends + timedelta(days=1)
    month = after.year * 12 + after.month - 1 - months
    first = date(month // 12, month % 12 + 1, min(after.day, 28))
    opens, closes = (datetime(d.year, d.month, d.day, tzinfo=ZONE) for d in (first, after))
    length = (closes.astimezone(UTC) - opens.astimezone(UTC)) / timedelta(days=1)
    grid = np.arange(int(length) + 2 * WINDOW + 2, dtype=float)
    pace = np.array(truth.season) / np.mean(truth.season)
    daily = np.array([pace[(first + timedelta(days=day)).month - 1] for day in range(len(grid) - 1)])
    clock = np.concatenate([[0.0], np.cumsum(daily)])
    products, partners, campaigns, promises = (np.random.default_rng(child) for child in stream.spawn(4))
    planned = draw_campaigns(campaigns, first, int(length), max(2, round(months * 5 / 6)))
    return Company(
        truth,
        opens.astimezone(UTC),
        length,
        grid,
        clock,
        draw_products(products),
        draw_partners(partners, pool(customers)),
        planned | draw_promises(promises, planned["channel"]),
    )


def pool(customers: int) -> int:
    """How many partners a company of so many customers has."""
    return 60 + customers // 500


def managers(customers: int) -> int:
    """How many relationship managers a company of so many customers has: at least one a region."""
    return min(MOST_MANAGERS, max(len(REGIONS), customers // 400))


def draw_products(rng: np.random.Generator, count: int = 400) -> Columns:
    """The articles: a few are sold below cost."""
    category = rng.integers(len(CATEGORIES), size=count)
    loss = rng.random(count) < 0.04  # sold below cost
    share = rng.lognormal(0, 1.2, count)
    return {
        "category": category,
        "margin": CATEGORY_MARGIN[category] + rng.normal(0, 0.05, count) - 0.6 * loss,
        "price": CATEGORY_PRICE[category] * rng.lognormal(0, 0.4, count),
        "share": share / share.sum(),
    }


def draw_partners(rng: np.random.Generator, count: int) -> Columns:
    """Partners, few of them large; two streams, so that the first ones stay the same when more follow."""
    sizes, others = rng.spawn(2)
    size = sizes.standard_normal(count)
    values = others.random((count, 6))
    return {
        "weight": np.exp(1.8 * np.minimum(size, 2)),  # no partner is larger than the company
        "margin": 0.08 * (values[:, 0] - 0.5) - 0.42 * ((values[:, 1] < 0.08) & (size < 1)),
        "type": (values[:, 2] * 3).astype(int),
        "region": (values[:, 3] * len(REGIONS)).astype(int),
        "level": (values[:, 4] * 4).astype(int),
        "tier": (size < 1.2).astype(int) + (size < 0),
        "joined": -30 - 2000 * values[:, 5],
    }


def draw_campaigns(rng: np.random.Generator, first: date, length: int, count: int) -> Columns:
    """Campaigns far enough apart that what one causes never falls into the window of the next.

    Every fourth is aimed by a rule at heavy buyers, without a holdout. Number 5 (by rule) and number 10 (heavy buyers
    with a holdout) change nothing, although their audience buys a lot.
    """
    number = np.arange(count)
    start = np.linspace(20, length - 25, count).astype(int)
    days = [first + timedelta(days=int(day)) for day in start]
    by_rule = number % 4 == 1
    channel = np.resize(CAMPAIGN_CHANNELS, count)
    return {
        "id": np.array([f"CAMP-{day:%Y-%m}-{NAMES[c]}" for day, c in zip(days, channel, strict=True)]),
        "name": np.array([f"{CHANNELS[NAMES[c]].label} {day:%B %Y}" for day, c in zip(days, channel, strict=True)]),
        "channel": channel,
        "start": start,
        "by_rule": by_rule,
        "heavy": by_rule | (number == 10),
        "scale": np.where((number == 5) | (number == 10), 0.0, rng.choice([0.4, 0.7, 1.0], count)),
        "treated": np.where(by_rule, 1.0, rng.choice([0.5, 0.7, 0.8, 0.9], count)),
        "fixed": rng.uniform(0.05, 0.3, count),
    }


def draw_promises(rng: np.random.Generator, channel: np.ndarray) -> Columns:
    """What was promised of each campaign, cents a treated customer, from earlier holdouts or from the share of answers.

    Neither knows what this campaign will do. Whoever counts answers as effects promises two and a half times too much.
    """
    count = len(channel)
    answers = np.array([a / (a + b) for a, b in (CHANNELS[name].response for name in NAMES)])[channel]
    basis = np.arange(count) // PROMISERS % 2
    usual = 100 * EARNED_BY_ANSWER * answers * rng.lognormal(0, 0.25, count)
    promised = np.round(usual * np.where(basis == 0, 1.0, 2.5)).astype(np.int64)
    return {
        "promised": promised,
        "promised_low": promised * 6 // 10,
        "promised_high": promised * 14 // 10,
        "basis": basis,
        "owner": np.arange(count) % PROMISERS,
    }


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970."""
    return (moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
