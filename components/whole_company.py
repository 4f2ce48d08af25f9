"""The whole company's figure beside the own one, for readers who see a part: only where a policy allows it.

Shares and ratios only, and only where enough customers are somebody else's: from a sum, or from few others, one could
work back what belongs to a single colleague or customer.
"""

from __future__ import annotations

from components import access, ask, words
from data.catalog import Metric, Unit
from data.question import EVERYTHING, Listing, Question, Refused
from data.view import View


def beside(metric: Metric, view: View) -> str:
    """'whole company 24.1 %', or nothing."""
    if view.scope.everything or metric.unit not in (Unit.SHARE, Unit.RATIO):
        return ""
    everybody = View(EVERYTHING, (), view.since, view.until)
    try:
        policies = ask.ask(Listing("policy", View(EVERYTHING)))
    except Refused:
        return ""  # a build from before there were policies
    roles = access.reader().roles
    allowed = policies[(policies["metric"] == metric.name) & policies["role"].isin(roles)]
    if allowed.empty:
        return ""
    mine = View(view.scope, (), view.since, view.until)
    others = active(everybody) - active(mine)
    if others < allowed["least_others"].max():
        return ""
    figure = ask.ask(Question((metric.name,), view=everybody))[metric.name].iloc[0]
    return f"whole company {words.figure(figure, metric.unit)}"


def active(view: View) -> int:
    """How many customers bought something."""
    return int(ask.ask(Question(("customers",), view=view))["customers"].iloc[0])
