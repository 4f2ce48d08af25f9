"""What holds a plan back: which terms bind, what one more of each would earn, and value against budget."""

from __future__ import annotations

import streamlit as st

from components import ask, charts, layout, plan_charts, plan_solved, plan_words, words
from components.plan_solved import Solved


def prices(one: Solved) -> None:
    """What one more of each term would earn, as sentences and bars."""
    currency = ask.current().manifest["currency"]
    said = plan_words.prices(one.plan, one.labels, currency, one.candidates.basis)
    layout.finding(plan_words.binding(one.plan.binding, one.labels))
    if not said:
        layout.quiet("One more of any of them would add nothing.")
        return
    for text in said:
        st.markdown(f"**{text}** :gray[:small[{plan_words.UNPROVEN}]]")
    names, values = [], []
    if one.plan.prices.budget > 0:
        names.append(f"One {plan_words.named(currency)} of budget")
        values.append(float(one.plan.prices.budget))
    for label, price in zip(one.labels, one.plan.prices.capacity, strict=True):
        if price > 0:
            names.append(f"One contact, {label}")
            values.append(float(price))
    if len(names) > 1:
        charts.draw(
            plan_charts.more(names, values, currency),
            alt=f"Bars ({plan_words.UNPROVEN}). {' '.join(said)}",
            key="_plan_prices",
        )
    layout.quiet(
        "These hold for a little more or less of one term while the others stay; the curve shows further steps."
    )


def frontier(one: Solved) -> None:
    """Value against budget, where this plan stands, and the simple rule beside it."""
    currency = ask.current().manifest["currency"]
    best = plan_solved.frontier(one)
    simple = plan_solved.simple(one, [money for money, _ in best])
    here = float(one.policy.budget) if one.policy.budget is not None else one.cost
    rule = plan_solved.simple(one, [here])[0][1]
    layout.finding(title(one.value, rule, currency, one.observed))
    ends = "; ".join(
        f"{words.money(money, currency)} of budget: {words.money(value, currency)}" for money, value in best
    )
    said = f"Lines of expected net against budget ({plan_words.UNPROVEN}). Best plan: {ends}. This plan: "
    charts.draw(
        plan_charts.frontier(best, simple, (here, one.value), currency),
        alt=f"{said}{words.money(one.value, currency)} at {words.money(here, currency)}.",
        key="_plan_frontier",
    )
    layout.quiet(
        "Expected margin less cost of the best plan for each budget, all other terms as above. The simple rule takes "
        "everybody's best channel, the largest first, and stops where a capacity or the budget ends."
    )


def title(value: float, rule: float, currency: str, observed: bool = False) -> str:
    """'The plan is expected to earn €320 more than the simple rule at the same budget (3.1 %)'."""
    gain = value - rule
    if gain <= 0.005:
        return "At this budget the simple rule comes to as much as the plan (expected, unproven)"
    more = f" ({words.share(gain / value)} of it)" if value > 0 else ""
    money = words.money(gain, currency, short=True)
    does = "comes to" if observed else "is expected to earn"
    return f"The plan {does} {money}{more} more than the simple rule at the same budget (expected, unproven)"
