"""The vital few one by one: their table, how surely each belongs, and who came and went since the compared period."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pandas as pd
import streamlit as st

from components import access, ask, filters, layout, months, offer, pareto, tables, words
from components import pareto_words as said
from components.pareto import Asked
from data.catalog import Unit
from data.question import Listing, Question, View
from data.rights import CUSTOMERS

SIZE = 25
FEWEST_BROUGHT = 10
COLUMNS = (
    *("rank", "name", "share", "cumulative_share", "revenue", "gross_margin", "change", "more", "membership"),
    *("target", "of_target", "brought", "potential", "returns", "return_rate"),
)
LABELS = {
    "rank": "Rank",
    "name": "Name",
    "share": "Share",
    "cumulative_share": "Cumulative share",
    "brought": "Customers brought",
    "potential": "Their potential value",
    "target": "Target",
    "of_target": "Of target",
    "change": "Change",
    "more": "Change in money",
    "membership": "Membership",
}
UNITS = {
    **dict.fromkeys(("rank", "brought"), Unit.COUNT),
    **dict.fromkeys(("share", "cumulative_share", "of_target", "change", "return_rate"), Unit.SHARE),
    **dict.fromkeys(("target", "more", "revenue", "gross_margin", "returns"), Unit.MONEY),
}
OPENS = {"partner": "pages/partner/partner.py", "customer": "pages/value/customer.py"}


def listing(asked: Asked, found: Any, earlier: Any, unsure: Any) -> None:
    """The vital few, a page at a time, from whom one can be opened."""
    few, side = found.few, found.sides[asked.measure]
    if few.empty:
        return
    above = st.container()
    page = filters.page_number(len(few), SIZE)
    rows = few.iloc[(page - 1) * SIZE : page * SIZE].reset_index(drop=True)
    with above:
        many, told = asked.subject.many, said.told(side)
        title = f"The {words.count(side.vital)} vital {many}" if told else f"The {many} in order"
        behind = Question((*asked.measures, "returns"), (asked.key,), asked.view)
        layout.finding(words.safe_text(title), behind, few)
        if told and unsure is not None:
            layout.quiet(words.safe_text(said.sure(asked.subject, unsure, side)))
        elif told:
            layout.quiet(words.safe_text(pareto.not_placed(asked)))
        shown = written(asked, rows, unsure, earlier is not None, told)
        opened(asked, shown, f"pareto_{asked.key}_{page}")
        layout.quiet(remarks(asked, shown, told))


def written(asked: Asked, rows: pd.DataFrame, unsure: Any, compared: bool, told: bool) -> pd.DataFrame:
    """The rows as the table shows them. told: with percentages; else a change is told in money."""
    keys = list(rows[asked.key].astype(str))
    names = pareto.names_of(asked, keys)
    shown = pd.DataFrame({"rank": rows["rank"], asked.key: keys, "name": [names[key] for key in keys]})
    for name in ("share", "cumulative_share", *asked.measures, "returns"):
        if name in rows:
            shown[name] = rows[name]
    if compared:
        shown["change" if told else "more"] = change(asked, shown, told)
    if unsure is not None:
        shown["membership"] = unsure.states(keys)
    if told:
        shown["return_rate"] = return_rate(rows)
    if asked.subject.one == "partner":
        shown = brought(asked, targets(asked, shown, told))
    return shown[[name for name in COLUMNS if name in shown] + [asked.key] * (asked.subject.one == "partner")]


def return_rate(rows: pd.DataFrame) -> pd.Series:
    """Returned revenue as a share of what was sold before returns, as the catalog has it."""
    sold = rows["revenue"] + rows["returns"]
    return (rows["returns"] / sold.where(sold > 0)).astype(float)


def brought(asked: Asked, shown: pd.DataFrame) -> pd.DataFrame:
    """With the customers each partner brought, and what is expected of them where they are enough to tell."""
    rows = pareto.profiles(asked, list(shown["partner_id"])).set_index("partner_id").reindex(shown["partner_id"])
    currency = ask.current().manifest["currency"]
    numbers = rows["customers_brought"].fillna(0).astype(int)
    values = [
        f"fewer than {FEWEST_BROUGHT}"
        if number < FEWEST_BROUGHT
        else words.money(value, currency, short=True)
        if words.known(value)
        else words.NOT_KNOWN
        for number, value in zip(numbers, rows["brought_potential"])
    ]
    return shown.assign(brought=numbers.to_numpy(), potential=values)


def targets(asked: Asked, shown: pd.DataFrame, told: bool) -> pd.DataFrame:
    """With what is aimed at in these months, where a target covers them all: months of a year count a twelfth of it.

    A target is the whole partner's, so it stands beside whole partners only.
    """
    view = asked.view
    if view.members or view.since is None or view.until is None:
        return shown
    keys = list(shown["partner_id"])
    rows = ask.ask(Listing("partner_target", View(view.scope).only("partner_id", *keys), limit=100_000))
    rows = rows[rows["metric"] == "revenue"]
    aims = {key: aim(own, view) for key, own in rows.groupby("partner_id")}
    if not any(value is not None for value in aims.values()):
        return shown
    target = pd.Series([aims.get(key) for key in keys], dtype=float)
    shown = shown.assign(target=target)
    return shown.assign(of_target=shown["revenue"] / target.where(target > 0)) if told else shown


def aim(rows: pd.DataFrame, view: View) -> float | None:
    """One partner's target over the months of a view; None where a month has none."""
    aims = {str(period): words.exact(value) for period, value in zip(rows["period"], rows["value"])}
    total = Decimal(0)
    for month in months.each(view.since, view.until):  # type: ignore[arg-type]
        monthly, yearly = aims.get(f"{month:%Y-%m}"), aims.get(f"{month:%Y}")
        if monthly is None and yearly is None:
            return None
        total += monthly if monthly is not None else yearly / 12  # type: ignore[operator]
    return float(total)


def change(asked: Asked, shown: pd.DataFrame, told: bool) -> list[float | None]:
    """How much more or less each brings than in the compared period; as a share, nothing where it brought nothing."""
    view = filters.compared()
    if view is None:
        return [None] * len(shown)
    keys = list(shown[asked.key])
    question = Question((asked.measure,), (asked.key,), view.only(asked.key, *keys))
    rows = ask.ask(question)
    before = dict(zip(rows[asked.key].astype(str), rows[asked.measure].fillna(0)))
    pairs = ((now, before.get(key)) for key, now in zip(keys, shown[asked.measure]))
    if not told:
        return [float(now - (then or 0)) for now, then in pairs]
    return [float(now / then - 1) if then is not None and then > 0 else None for now, then in pairs]


def remarks(asked: Asked, shown: pd.DataFrame, told: bool) -> str:
    """What the columns mean that their names do not say."""
    parts = []
    if told:
        what = said.MEASURES[asked.measure]
        parts.append(f"Shares are of the {what} of all {asked.subject.many} above zero; equal ones share a rank.")
    if "brought" in shown:
        parts.append(
            "A partner brought the customers whose first purchase on record it made; "
            f"their potential value is told from {FEWEST_BROUGHT} customers on."
        )
    if "change" in shown or "more" in shown:
        parts.append(f"Change: {said.MEASURES[asked.measure]} {filters.compared_words()}.")
    if asked.subject.one == "partner" and "target" not in shown and asked.view.members:
        parts.append("Targets are of whole partners, so they are not shown within a filter.")
    return " ".join(parts)


def opened(asked: Asked, shown: pd.DataFrame, name: str) -> None:
    """The table, and the page of whoever is chosen where there is such a page for this reader."""
    one, alt = asked.subject.one, f"{words.sentence(asked.subject.many)} in order of {asked.measure}"
    if one not in OPENS or (one == "customer" and not access.may(CUSTOMERS)):
        build = ask.current()
        tables.table(shown, alt, build.manifest["currency"], LABELS, UNITS, ("name",), key=f"rows_{name}_{build.id}")
        return
    names = dict(zip(shown[asked.key if asked.key in shown else "name"], shown["name"]))
    picked = offer.chosen(shown, alt, name, "name", one, LABELS, UNITS, names)
    if picked is not None:
        filters.goto(OPENS[one], **{one: picked})


def below(asked: Asked, found: Any, names: dict[str, str]) -> None:
    """Who is below zero by any measure: shown, though outside all shares."""
    if not found.below_count:
        return
    rows, many = found.below, asked.subject.many
    shown = rows.assign(name=[names[key] for key in rows[asked.key]])[["name", *asked.measures, "returns"]]
    least = "" if len(rows) == found.below_count else f", the {words.count(len(rows))} lowest"
    verb = "is" if found.below_count == 1 else "are"
    what = words.listed([f"{said.MEASURES[name]}" for name in asked.measures]).replace(" and ", " or ")
    layout.finding(f"{said.number(asked.subject, found.below_count)} {verb} below zero by {what}{least}")
    currency = ask.current().manifest["currency"]
    tables.table(shown, f"{words.sentence(many)} below zero", currency, LABELS, UNITS, ("name",))


def drift(asked: Asked, found: Any, earlier: Any, moves: Any, names: dict[str, str]) -> None:
    """Who stayed, entered and left since the compared period, by name. moves: of models.pareto."""
    if moves is None:
        layout.finding("Who stayed among the vital few")
        layout.quiet("There is no earlier period in the data, so nobody can be said to have stayed, come or gone.")
        return
    if not (said.told(found.sides[asked.measure]) and said.told(earlier.sides[asked.measure])):
        return
    period = filters.compared_words().removeprefix("against ")
    layout.finding(words.safe_text(said.drift(moves.before, len(moves.left), len(moves.entered), period)))
    for label, keys in (("Entered", moves.entered), ("Left", moves.left)):
        named = said.names([names.get(key, key) for key in keys[: pareto.NAMED]], len(keys))
        st.markdown(f"**{label}:** {words.safe_text(named, 900)}")
    if asked.view.scope.everything and pareto.stored_span(asked.view) == "12m" and asked.threshold == 0.8:
        firm_ones(asked)


def firm_ones(asked: Asked) -> None:
    """What became of those who were surely among the vital few a year before."""
    rows = ask.ask(Listing("learned_concentration", View(asked.view.scope)))
    chosen = (rows["subject"] == asked.subject.one) & (rows["measure"] == asked.measure) & (rows["span"] == "12m")
    for firm, stayed in rows.loc[chosen, ["firm_earlier", "firm_stayed"]].itertuples(index=False):
        if words.known(firm) and firm:
            layout.quiet(said.firm_before(int(firm), int(stayed)))
