"""From which channel customers move to which: the last 30 days beside the plan, as a flow and as a table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from components import ask, charts, layout, plan_charts, plan_words, tables, words
from components.plan_charts import Flow
from components.plan_solved import Solved
from data.catalog import Unit

NOTHING = "No contact"
LABELS = {
    "before": "Last 30 days", "after": "Plan", "customers": "Customers", "money": "Net (expected, unproven)",
}  # fmt: skip
UNITS = {"customers": Unit.COUNT, "money": Unit.MONEY}


def show(one: Solved) -> None:
    """The flow with its finding; the same figures as a table for who does not see it."""
    currency = ask.current().manifest["currency"]
    before, after, flows = flows_of(one)
    shown = told(flows) if one.groups else flows
    layout.finding(title(before, after, shown, one.groups))
    moved = "; ".join(plan_charts.said(flow, before, after, currency) for flow in shown)
    figure = plan_charts.flow(before, after, shown, currency)
    charts.draw(
        figure, alt=f"Flow from the last 30 days to the plan ({plan_words.UNPROVEN}). {moved}.", key="_plan_flow"
    )
    hidden, thin = len(flows) - len(shown), len(shown) - len(plan_charts.visible(shown))
    layout.quiet(
        "Left: the channel of most contacts in the last 30 days of the data. Right: the plan, with what it is expected "
        f"to bring less the cost ({plan_words.UNPROVEN})."
        + (f" Small groups are left out: {words.counted(hidden, 'flow')}." if hidden else "")
        + (f" {words.counted(thin, 'thin band')} left out of the picture, not of the table." if thin else "")
    )
    with st.expander("The same as a table"):
        rows = [(before[flow.before], after[flow.after], flow.customers, flow.money) for flow in shown]
        frame = pd.DataFrame(rows, columns=["before", "after", "customers", "money"])
        tables.table(frame, "Customers and money by channel, before and planned", currency, LABELS, UNITS)


def flows_of(one: Solved) -> tuple[list[str], list[str], list[Flow]]:
    """Names on the left and on the right, and the flows between them, the largest first. No contact comes last."""
    number = len(one.labels)
    left = np.where(one.candidates.current < 0, number, one.candidates.current).astype(np.int64)
    right = np.where(one.plan.channel < 0, number, one.plan.channel).astype(np.int64)
    money = one.each(one.candidates.effect) - one.costs
    cells = left * (number + 1) + right
    customers = np.bincount(cells, minlength=(number + 1) ** 2)
    sums = np.bincount(cells, money, minlength=(number + 1) ** 2)
    names = [*one.labels, NOTHING]
    starts, ends = (sorted(set(side.tolist())) for side in (left, right))
    flows = [
        Flow(starts.index(cell // (number + 1)), ends.index(cell % (number + 1)), int(customers[cell]),
             float(sums[cell]))
        for cell in np.flatnonzero(customers)
    ]  # fmt: skip
    flows.sort(key=lambda flow: (-flow.customers, flow.before, flow.after))
    return [names[at] for at in starts], [names[at] for at in ends], flows


def told(flows: Sequence[Flow]) -> list[Flow]:
    """What readers of groups see: no flow below ten customers, and none that the sums of a channel would give away."""
    gone: set[Flow] = set()
    while True:
        more = set(gone)
        for side in ("before", "after"):
            for at in {getattr(flow, side) for flow in flows}:
                mine = [flow for flow in flows if getattr(flow, side) == at]
                small = [0 if flow in gone else flow.customers for flow in mine]
                lost = sum(flow.customers for flow in mine if flow in gone)
                alone = sum(flow in gone for flow in mine) == 1
                hidden = plan_words.withheld(small)
                if not any(hidden) and (alone or 0 < lost < plan_words.LEAST) and any(small):
                    hidden = [number == min(filter(None, small)) for number in small]
                more |= {flow for flow, one in zip(mine, hidden, strict=True) if one}
        if more == gone:
            return [flow for flow in flows if flow not in gone]
        gone = more


def title(before: Sequence[str], after: Sequence[str], flows: Sequence[Flow], groups: bool) -> str:
    """'3,100 of 20,000 customers change; most from No contact to E-mail: 2,040'.

    Readers of groups are told of the flows that they see, so that no small one follows from the sum.
    """
    if not flows:
        return "Too few customers move alike to show from where to where"
    moved = [flow for flow in flows if before[flow.before] != after[flow.after]]
    number, whole = sum(flow.customers for flow in moved), sum(flow.customers for flow in flows)
    if not moved:
        return (
            "No larger group changes its channel"
            if groups
            else "The plan gives every customer what the last 30 days gave"
        )
    most = moved[0]
    names = f"{words.safe_text(before[most.before], 60)} to {words.safe_text(after[most.after], 60)}"
    return (
        f"{plan_words.told(number, groups)} of {words.counted(whole, 'customer')} change; most from {names}: "
        f"{plan_words.told(most.customers, groups)}"
    )
