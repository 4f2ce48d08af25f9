"""Places compared: by revenue and by margin, over two years, and what would be left without one of the first."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
import streamlit as st

from components import ask, charts, filters, layout, months, pareto_charts, tables, words
from components import pareto_words as said
from components.pareto import Asked
from data.catalog import Unit
from data.question import Question

FIRST, BLOCKS, LENGTH, LOWEST = 20, 8, 3, 200
NOBODY = "Nobody"
LABELS = {
    "name": "Without",
    "amount": "Money gone",
    "vital": "Vital few",
    "vital_share": "Of those left",
    "effective_number": "Effective number",
    "largest_share": "Largest share",
}
UNITS = {
    "amount": Unit.MONEY,
    "vital": Unit.COUNT,
    "vital_share": Unit.SHARE,
    "effective_number": Unit.RATIO,
    "largest_share": Unit.SHARE,
}


def by_margin(asked: Asked, found: Any, names: dict[str, str]) -> None:
    """Rank by revenue against rank by margin of the first 20, and who of them earns little."""
    rows = found.first
    if "gross_margin" not in asked.measures or len(rows) < 2:
        return
    called = [names[str(key)] for key in rows[asked.key]]
    little = list(rows["earns_little"]) if "earns_little" in rows else [False] * len(rows)
    loud = [name for name, marked in zip(called, little) if marked]
    title = said.big_but(asked.subject, loud, len(rows))
    behind = Question(("revenue", "gross_margin"), (asked.key,), asked.view)
    layout.finding(words.safe_text(title), behind, rows)
    places = zip(called, rows["revenue_rank"], rows["gross_margin_rank"])
    spoken = "; ".join(f"{name}: {words.count(a)} by revenue, {words.count(b)} by margin" for name, a, b in places)
    charts.draw(pareto_charts.slope(rows, called, little), alt=f"Ranks by revenue and by margin. {spoken}.")
    layout.quiet(
        "A steep fall is big but earns little. Marked: margin per revenue is less than half of what it is for all "
        f"{asked.subject.many} together."
    )


def blocks() -> list[tuple[date, date]]:
    """Up to eight blocks of three months, the last one ending with the last complete month; within the data."""
    manifest = ask.current().manifest
    first, last = date.fromisoformat(manifest["first_month"]), date.fromisoformat(manifest["last_complete_month"])
    ends = [months.shifted(last, -LENGTH * step) for step in reversed(range(BLOCKS))]
    spans = [(months.shifted(end, 1 - LENGTH), end) for end in ends]
    return [span for span in spans if span[0] >= first]


def over_time(asked: Asked, found: Any, names: dict[str, str]) -> None:
    """The places of the first 20 in each of eight blocks of three months."""
    spans, keys = blocks() if ask.current().manifest["last_complete_month"] else [], top(asked, found)
    if len(spans) < 2 or len(keys) < 2:
        layout.finding("Places over time")
        layout.quiet("Too few complete months or members to compare places over time.")
        return
    parts = []
    for place, (since, until) in enumerate(spans):
        rows = ask.ask(in_block(asked, since, until))
        rows = rows[(rows[asked.key].astype(str) != "(unknown)") & (rows[asked.measure] > 0)].head(LOWEST)
        rank = rows[asked.measure].rank(method="min", ascending=False)
        at = dict(zip(rows[asked.key].astype(str), rank))
        label = f"to {words.month(until)}"
        parts.append(pd.DataFrame({"key": keys, "block": place, "label": label, "rank": [at.get(k) for k in keys]}))
    places = pd.concat(parts).astype({"rank": float}).sort_values(["key", "block"], kind="stable")
    across = places.pivot(index="key", columns="block", values="rank").fillna(LOWEST + 1)
    up = across.iloc[:, 0] - across.iloc[:, -1]
    climbed, fell = int((up >= pareto_charts.FAR).sum()), int((up <= -pareto_charts.FAR).sum())
    title = said.moved(climbed, fell, len(keys))
    layout.finding(title, in_block(asked, *spans[-1]))
    spoken = "; ".join(
        f"{names[str(key)]}: {', '.join(words.count(r) if words.known(r) else f'below {LOWEST}' for r in own['rank'])}"
        for key, own in places.groupby("key", sort=False)
    )
    charts.draw(pareto_charts.bump(places, names, LOWEST), alt=f"Ranks over time. {title}. {spoken}.")
    layout.quiet(
        f"Ranks by {said.MEASURES[asked.measure]} among all {asked.subject.many} in blocks of three months, the last "
        f"ending with the last complete month, {words.month(spans[-1][1])}. The period above does not change them."
    )


def top(asked: Asked, found: Any) -> list[str]:
    """The first 20 by the chosen measure."""
    return [str(key) for key in found.without[asked.key].head(FIRST)]


def in_block(asked: Asked, since: date, until: date) -> Question:
    """The first members in some months; one more, because what belongs to nobody may be among them."""
    view = asked.view.between(since, until)
    return Question((asked.measure,), (asked.key,), view, order_by=asked.measure, limit=LOWEST + 1)


def without(asked: Asked, found: Any, names: dict[str, str]) -> None:
    """What the concentration would be without one of the first, as if all others stayed as they are."""
    rows, side = found.without, found.sides[asked.measure]
    if len(rows) < 2:
        return
    currency = ask.current().manifest["currency"]
    layout.finding("Without one of them")
    places = (NOBODY, *(str(place) for place in range(1, FIRST + 1)))
    picked = filters.choice("without", places, NOBODY, "Leave out the one at place", width=220)
    if picked != NOBODY:
        if int(picked) > len(rows):
            layout.quiet(f"There are only {words.count(len(rows))} with {said.MEASURES[asked.measure]} above zero.")
        else:
            row = rows.iloc[int(picked) - 1]
            name = names[str(row[asked.key])]
            sentence = said.without(name, row, side, asked.subject, asked.measure, asked.threshold, currency)
            st.markdown(words.safe_text(sentence, 600))
    shown = rows.head(10).assign(name=[names[str(key)] for key in rows[asked.key].head(10)])
    told = said.told(side) and bool((shown["rated"] >= said.LEAST).all())
    columns = ["name", "amount", *(["vital", "vital_share", "effective_number", "largest_share"] if told else [])]
    tables.table(shown[columns], "Without each of the first ten", currency, LABELS, UNITS, ("name",))
    layout.quiet("As if all others stayed as they are: whether customers would go to others is not known.")
