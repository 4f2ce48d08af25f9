"""What a campaign would show and cost: the chance of its holdout, its money, and what stands in its way.

power: the module models.power, which the page hands in.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from components import access, ask, campaign_audience, campaign_find, cards, charts, layout, tables, words
from components import campaign_words as spoken
from components.axes import value_axis
from components.campaign_draft import Edit
from data.audience import LEAST_CUSTOMERS, Survey
from data.campaign import Promise
from data.catalog import Unit
from data.journal import campaigns

SHARES = [share / 100 for share in range(1, 51)]
LIKELY = 0.8
FEWEST = 30  # customers with an outcome that each arm needs for a verdict: models.experiment, which pages do not load
MONEY_OUTCOMES = ("margin",)


@dataclass(frozen=True)
class Plan:
    """Customers by arm, and what comes of that. net: expected of one treated customer beyond its cost, currency.

    se: of the difference in the outcome a customer; smallest: the effect found in four of five cases; chance: to prove
    what is promised, all None where it cannot be said. fewest: customers of the smaller arm with an outcome, as before;
    below FEWEST no verdict is given, so the chance is 0. holdout_cost: margin given up, currency.
    """

    treated: int
    control: int
    cost: Decimal
    net: float
    se: float | None
    smallest: float | None
    chance: float | None
    holdout_cost: float
    needed: int | None
    fewest: float


def planned(promise: Promise, found: Survey, power: Any, share: float | None = None) -> Plan:
    """What so many customers and this share held out would show and cost. share: instead of the promise's own."""
    held = promise.holdout if share is None else share
    control = round(found.kept * held)
    treated = found.kept - control
    cost = promise.cost(treated)
    net = float(promise.expected) - (float(cost) / treated if treated else 0.0)
    se = smallest = chance = needed = None
    fewest = min(treated, control) * found.active / found.kept if found.kept else 0.0
    if found.variance and min(treated, control) > 0:
        se = power.planned_error(treated, control, found.variance)
        smallest = power.smallest_effect(treated, control, found.variance)
        if promise.outcome in MONEY_OUTCOMES and promise.expected and net:
            chance = power.power_of(net, se) if net > 0 and fewest >= FEWEST else 0.0
            needed = power.customers_needed(net, found.variance, held) if net > 0 else None
            if needed and fewest:
                needed = max(needed, math.ceil(FEWEST / fewest * found.kept))
    given_up = power.holdout_cost(control, float(promise.expected), 1.0, float(promise.each))
    return Plan(treated, control, cost, net, se, smallest, chance, given_up, needed, fewest)


# Holdout


def holdout_now(edit: Edit, drawing: Any, power: Any) -> None:
    """What the holdout of a draft can show, counted live."""
    holdout(edit.promise, campaign_audience.counted(edit.promise, drawing, edit.campaign_id), power)


def holdout(promise: Promise, found: Survey | str, power: Any) -> None:
    """The smallest effect that would be found, the chance to prove the promise, and what the holdout costs."""
    if isinstance(found, str):
        layout.error(found, "Change the audience, then this can be worked out.")
        return
    plan = planned(promise, found, power)
    with cards.row(4):
        cards.card("Chance to prove the promise", chance_words(plan), chance_note(promise, plan))
        cards.card("Smallest effect found", effect(promise, plan.smallest), "a customer, in four of five cases")
        given_up = spoken.money(plan.holdout_cost, short=True) if promise.expected else words.NOT_KNOWN
        cards.card(
            "Cost of the holdout",
            given_up,
            "margin expected of those held out" if promise.expected else "nothing is promised yet",
        )
        cards.card("Customers needed", needed_words(plan), needed_note(promise, found, plan))
    curve(promise, found, power, plan)


def chance_words(plan: Plan) -> str:
    """The chance as a share."""
    return words.NOT_KNOWN if plan.chance is None else words.share(plan.chance, 0)


def chance_note(promise: Promise, plan: Plan) -> str:
    """What the chance is about, or why there is none."""
    if promise.outcome not in MONEY_OUTCOMES:
        return "the promise is in margin, and another outcome judges it"
    if not promise.expected:
        return "nothing is promised yet; say under Why what you expect"
    if plan.net <= 0:
        return "what is expected does not pay for the contact and the offer"
    if plan.fewest < FEWEST:
        return f"about {words.count(plan.fewest)} of the smaller arm will buy, and a verdict needs {FEWEST}"
    return f"if each brings {spoken.money(promise.expected)}, {spoken.money(plan.net)} beyond its cost"


def chance_sentence(promise: Promise, plan: Plan) -> str:
    """The chance and what it is about, or only why there is none."""
    note = chance_note(promise, plan)
    return note if plan.chance is None else f"{chance_words(plan)}: {note}"


def left(money: Decimal) -> str:
    """What is left of a budget, or by how much it is exceeded."""
    return f"{spoken.money(money)} left" if money >= 0 else f"exceeded by {spoken.money(-money)}"


def effect(promise: Promise, value: float | None) -> str:
    """An effect on the outcome, a customer."""
    if value is None:
        return words.NOT_KNOWN
    if promise.outcome in ("margin", "revenue"):
        return spoken.money(value)
    return f"{words.ratio(value)} {promise.outcome}"


def needed_words(plan: Plan) -> str:
    """Customers that would show the promise."""
    return words.NOT_KNOWN if plan.needed is None else words.count(plan.needed, short=True)


def needed_note(promise: Promise, found: Survey, plan: Plan) -> str:
    """Whether there are so many, and how long it takes."""
    if plan.needed is None:
        return "cannot be said yet"
    if plan.needed <= found.kept:
        return f"there are {words.count(found.kept)}: the answer is there after {words.days(promise.window_days)}"
    return f"there are {words.count(found.kept)}: too few to show it in four of five cases"


def curve(promise: Promise, found: Survey, power: Any, plan: Plan) -> None:
    """The chance to prove the promise by the share held out, and where the promise stands."""
    if plan.chance is None or plan.net <= 0:
        layout.finding("How much to hold out")
        layout.quiet("The chance of each share is drawn once a margin is promised that pays for the contact.")
        return
    chances = [planned(promise, found, power, share).chance or 0.0 for share in SHARES]
    best = SHARES[max(range(len(SHARES)), key=chances.__getitem__)]
    enough = next((share for share, chance in zip(SHARES, chances, strict=True) if chance >= LIKELY), None)
    layout.finding(
        f"{words.share(enough, 0)} held out proves the promise in four of five cases"
        if enough
        else f"Not even {words.share(best, 0)} held out proves the promise in four of five cases"
    )
    figure = charts.base(260)
    figure.add_scatter(x=[100 * share for share in SHARES], y=[100 * one for one in chances], mode="lines",
                       line={"color": charts.FIGURE, "width": 2.25},
                       hovertemplate="%{x:.0f} % held out: %{y:.0f} %<extra></extra>")  # fmt: skip
    figure.add_scatter(x=[100 * promise.holdout], y=[100 * plan.chance], mode="markers",
                       marker={"color": charts.WORSE, "size": 11, "symbol": "diamond"},
                       hovertemplate="this campaign: %{y:.0f} %<extra></extra>")  # fmt: skip
    figure.add_hline(y=100 * LIKELY, line={"color": charts.QUIET, "width": 1, "dash": "dot"})
    figure.update_layout(
        xaxis={"title": {"text": "held out, % of the audience", "font": {"size": 12}}, "showgrid": False},
        yaxis=value_axis(Unit.RATIO, "")
        | {"range": [0, 104], "title": {"text": "chance to prove it, %", "font": {"size": 12}}},
    )
    charts.draw(figure, alt=f"Chance to prove the promise by share held out: {chance_words(plan)} at "
                f"{words.share(promise.holdout)}, most at {words.share(best, 0)}.")  # fmt: skip
    layout.quiet(
        "From how much customers' outcomes differed in a time as long as the window, up to the data's end. "
        "Adjustment for what is known of them can only narrow it."
    )


# Check


def limit() -> Decimal | None:
    """The most that campaigns of one author may cost in a month, where the company has settled one."""
    settled = ask.current().manifest.get("campaign_budget")
    return Decimal(str(settled)) if settled else None


def problems(promise: Promise, found: Survey | str, power: Any, author: str) -> tuple[list[str], list[str]]:
    """What stands in the way of submitting it, and what should be thought over; in sentences."""
    if isinstance(found, str):
        return [found], []
    plan, wrong, doubts = planned(promise, found, power), list[str](), list[str]()
    if found.kept < LEAST_CUSTOMERS:
        wrong.append(f"{words.counted(found.kept, 'customer')} would be in it, and {LEAST_CUSTOMERS} are the fewest.")
    elif not plan.control:
        wrong.append("Nobody would be held out. Hold out more, or widen the audience.")
    if plan.cost > promise.budget:
        wrong.append(
            f"It would cost {spoken.money(plan.cost)}, more than its budget of {spoken.money(promise.budget)}."
        )
    total, most = month_total(author) + promise.budget, limit()
    if most is not None and total > most:
        wrong.append(
            f"Your campaigns of this month would cost up to {spoken.money(total)}; the limit is {spoken.money(most)}."
        )
    if (most_contacts := capacity(promise.channel)) is not None and plan.treated > most_contacts:
        doubts.append(
            f"It would contact {words.counted(plan.treated, 'customer')}, and the channel takes "
            f"{words.counted(most_contacts, 'contact')} a month."
        )
    if not promise.expected:
        doubts.append(f"Nothing is promised: the expected margin is {spoken.money(promise.expected)}.")
    elif plan.net <= 0:
        doubts.append("What is promised does not pay for the contact and the offer.")
    elif plan.chance is not None and plan.chance < 0.5:
        doubts.append(f"It will most likely end as “not proven”: its chance is {chance_words(plan)}.")
    return wrong, doubts


def capacity(channel: str) -> int | None:
    """Contacts that a channel takes in a month, where the company has settled that."""
    rows = campaign_find.channels()
    found = rows[rows["channel"] == channel]
    known = len(found) and "capacity_per_month" in found and words.known(found["capacity_per_month"].iloc[0])
    return int(found["capacity_per_month"].iloc[0]) if known else None


def month_total(author: str) -> Decimal:
    """Budgets that an author has submitted this month (UTC)."""
    journal = access.journal()
    return campaigns.spoken_for(journal, author, journal.now()[:7])


def money(promise: Promise, found: Survey, power: Any, author: str, sent: bool = False) -> None:
    """Cost beside budget, and the author's budgets of the month beside the limit. sent: this one is among them."""
    plan, spent, most = planned(promise, found, power), month_total(author), limit()
    of_limit = f" of {spoken.money(most)}" if most is not None else ", without a limit"
    which = "this one among them" if sent else "before this one"
    rows = [
        ("Cost", f"{words.count(plan.treated)} × {spoken.money(promise.each)} + {spoken.money(promise.fixed_cost)} "
                 f"= **{spoken.money(plan.cost)}**"),
        ("Budget", f"{spoken.money(promise.budget)}, {left(promise.budget - plan.cost)}"),
        ("Margin expected", f"{spoken.money(plan.treated * float(promise.expected), short=True)} of those treated"),
        ("Budgets of this month", f"{spoken.money(spent)}{of_limit}, {which}"),
        ("Chance to prove it", chance_sentence(promise, plan)),
    ]  # fmt: skip
    tables.facts(rows, "Cost, budget and chance")
