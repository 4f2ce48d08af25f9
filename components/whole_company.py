"""What is shown of the whole company to readers who see a part: tables about nobody, and figures by policy.

A figure of the whole company stands beside the own one only where a policy allows it.

Shares and ratios only, and only where enough customers are somebody else's: from a sum, or from few others, one could
work back what belongs to a single colleague or customer.
"""

from __future__ import annotations

import pandas as pd

from components import access, ask, words
from data.catalog import Metric, Unit
from data.question import EVERYTHING, Listing, Question, Refused
from data.view import View
from data.warehouse import Build

ABOUT_NOBODY = frozenset(
    {"policy", "channel", "rule", "cut_off", "model_card", "model_backtest", "model_calibration"}
    | {"model_parameter", "model_check", "model_curve"}
    | {"peer_band"}  # of more than ten partners, rounded
)


def listing(table: str) -> pd.DataFrame:
    """Rows of a table that is about nobody: what the company has settled, and how good its models are."""
    return ask.ask(about_nobody(table))


def of_build(build: Build, table: str) -> pd.DataFrame:
    """The same of a build that is handed over, for what is made outside of a screen."""
    return build.answer(about_nobody(table))


def about_nobody(table: str) -> Listing:
    """The whole of such a table; ValueError for any other."""
    if table not in ABOUT_NOBODY:
        raise ValueError(f"{table} is about customers or money: ask for it within the reader's scope")
    return Listing(table, View(EVERYTHING), limit=10_000)


def beside(metric: Metric, view: View) -> str:
    """'whole company 24.1 %', or nothing."""
    if view.scope.everything or metric.unit not in (Unit.SHARE, Unit.RATIO):
        return ""
    everybody = View(EVERYTHING, (), view.since, view.until)
    try:
        policies = listing("policy")
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
