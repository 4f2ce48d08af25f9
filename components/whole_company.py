"""What is shown of the whole company to readers who see a part: tables about nobody, own campaigns, figures by policy.

A figure of the whole company stands beside the own one only where a policy allows it.

Shares and ratios only, and only where enough customers are somebody else's: from a sum, or from few others, one could
work back what belongs to a single colleague or customer.
"""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from components import access, ask, words
from data.catalog import Metric, Unit
from data.journal import campaigns
from data.question import EVERYTHING, Listing, Question, Refused
from data.rights import CAMPAIGNS
from data.view import View
from data.warehouse import Build

ABOUT_NOBODY = frozenset(
    {"policy", "channel", "rule", "cut_off", "model_card", "model_backtest", "model_calibration"}
    | {"model_parameter", "model_check", "model_curve"}
    | {"peer_band"}  # of more than ten partners, rounded
    | {"learned_channel_effect"}  # what the company's tests say of a channel
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


def of_campaigns(table: str, keys: Iterable[str] = ()) -> pd.DataFrame:
    """Rows about campaigns: for readers of everything all, or those with these keys; for others, own ones among them.

    A campaign is a sum over the customers its author drew, so no scope narrows it; whose it is, the journal says.
    """
    scope, named = access.scope(ask.current()), tuple(sorted(keys))
    if not scope.everything:
        kept = campaigns.listing(access.journal(), access.reader()) if access.may(CAMPAIGNS) else []
        named = tuple(sorted({one.campaign_id for one in kept}.intersection(named)))
        if not named:
            return pd.DataFrame()
        scope = EVERYTHING
    view = View(scope).only("campaign_id", *named) if named else View(scope)
    return ask.ask(Listing(table, view, limit=10_000))


def forecasts() -> pd.DataFrame:
    """The scoreboard of forecasts: all of it for readers of everything, others see how their own came true."""
    rows = ask.ask(Listing("learned_forecast", View(EVERYTHING), limit=10_000))
    return rows if access.scope(ask.current()).everything else of_owner(rows, access.reader().person)


def of_owner(rows: pd.DataFrame, person: str) -> pd.DataFrame:
    """The part of the scoreboard that is about one person's forecasts."""
    return rows[(rows["by"] == "owner") & (rows["name"] == person)]


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
