"""Charts of a channel plan: from where to where customers move, value against budget, what one more would earn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from components import charts, words
from components.axes import plain, value_axis
from data.catalog import Unit

STAYS, MOVES = "rgba(140,150,170,0.35)", "rgba(110,135,220,0.45)"
HEIGHT = 64  # pixels for one channel of the flow
THIN = 0.004  # of all customers: a band that is not drawn


@dataclass(frozen=True)
class Flow:
    """Customers who went from one channel to another: places in the lists of channels, how many, money expected."""

    before: int
    after: int
    customers: int
    money: float


def flow(before: Sequence[str], after: Sequence[str], flows: Sequence[Flow], currency: str) -> go.Figure:
    """The last 30 days on the left, the plan on the right; a band is as wide as its customers are many.

    Bands too thin to be told apart are left out, except the widest of each channel; the labels count them.
    """
    left = [sum(one.customers for one in flows if one.before == at) for at in range(len(before))]
    right = [sum(one.customers for one in flows if one.after == at) for at in range(len(after))]
    gains = [sum(one.money for one in flows if one.after == at) for at in range(len(after))]
    labels = [f"{plain(name)} {words.count(number)}" for name, number in zip(before, left, strict=True)]
    labels += [
        f"{plain(name)} {words.count(number)}" + (f", {words.signed(money, currency, short=True)}" if money else "")
        for name, number, money in zip(after, right, gains, strict=True)
    ]
    flows = visible(flows)
    figure = charts.base(90 + HEIGHT * max(len(before), len(after)))
    figure.add_sankey(
        arrangement="fixed",
        textfont={"size": 12, "color": charts.WORDS},
        node={
            "label": labels,
            "color": [charts.QUIET] * len(before) + [charts.FIGURE] * len(after),
            "pad": 18,
            "thickness": 10,
            "line": {"width": 0},
            "hovertemplate": "%{label}<extra></extra>",
        },
        link={
            "source": [one.before for one in flows],
            "target": [len(before) + one.after for one in flows],
            "value": [one.customers for one in flows],
            "color": [STAYS if before[one.before] == after[one.after] else MOVES for one in flows],
            "customdata": [said(one, before, after, currency) for one in flows],
            "hovertemplate": "%{customdata}<extra></extra>",
        },
    )
    return figure


def visible(flows: Sequence[Flow]) -> list[Flow]:
    """The flows wide enough to be seen, and the widest one from and to every channel."""
    least = THIN * sum(one.customers for one in flows)
    widest = {("from", one.before): one for one in sorted(flows, key=lambda one: one.customers)}
    widest |= {("to", one.after): one for one in sorted(flows, key=lambda one: one.customers)}
    return [one for one in flows if one.customers >= least or one in widest.values()]


def said(one: Flow, before: Sequence[str], after: Sequence[str], currency: str) -> str:
    """'From E-mail to Printed mail: 120 customers, expected €340'."""
    money = f", expected {words.money(one.money, currency)}" if one.money else ""
    return (
        f"From {plain(before[one.before])} to {plain(after[one.after])}: "
        f"{words.counted(one.customers, 'customer')}{money}"
    )


def frontier(
    best: Sequence[tuple[float, float]], simple: Sequence[tuple[float, float]], here: tuple[float, float], currency: str
) -> go.Figure:
    """Expected value against budget: the best plan, the simple rule below it, and where this plan stands."""
    figure = charts.base(330)
    for points, name, colour, dash in (
        (best, "Best plan", charts.FIGURE, "solid"),
        (simple, "Best channel of each, cut at the budget", charts.QUIET, "dot"),
    ):
        figure.add_scatter(
            x=[money for money, _ in points],
            y=[value for _, value in points],
            mode="lines+markers",
            name=name,
            line={"color": colour, "width": 2.25, "dash": dash},
            marker={"size": 5, "color": colour},
            customdata=[
                f"{name}: {words.money(value, currency)} expected at a budget of {words.money(money, currency)}"
                for money, value in points
            ],
            hovertemplate="%{customdata}<extra></extra>",
        )
    figure.add_scatter(
        x=[here[0]],
        y=[here[1]],
        mode="markers+text",
        name="This plan",
        text=["you are here"],
        textposition="bottom center",
        textfont={"color": charts.WORDS, "size": 12},
        marker={"symbol": "diamond", "size": 12, "color": charts.BETTER},
        cliponaxis=False,
        hovertemplate=f"This plan: {words.money(here[1], currency)} expected<extra></extra>",
        showlegend=False,
    )
    title = {"font": {"size": 12}}
    return figure.update_layout(
        showlegend=True,
        legend=charts.LEGEND,
        xaxis=value_axis(Unit.MONEY, currency)
        | {"title": title | {"text": "budget of a month"}, "rangemode": "tozero"},
        yaxis=value_axis(Unit.MONEY, currency)
        | {"title": title | {"text": "expected, unproven"}, "rangemode": "tozero"},
    )


def more(names: Sequence[str], values: Sequence[float], currency: str) -> go.Figure:
    """What one more of each would earn, as bars with the figure beside them."""
    figure = charts.base(56 + 32 * len(names))
    figure.add_bar(
        orientation="h",
        x=list(values),
        y=[plain(name) for name in names],
        marker={"color": charts.FIGURE},
        text=[words.money(value, currency) for value in values],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{y}: %{text}<extra></extra>",
    )
    top = max([*values, 0.0])
    return figure.update_layout(
        yaxis={"autorange": "reversed", "type": "category", "showgrid": False, "automargin": True},
        xaxis={"range": [0, top * 1.25 or 1], "visible": False},
        bargap=0.35,
    )
