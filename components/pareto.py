"""Concentration on the screen: what is ranked, its figures, the cumulative curve, and what must be said beside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from components import access, ask, cards, charts, exports, filters, layout, months, pareto_charts, words
from components import pareto_words as said
from components.pareto_words import SUBJECTS, Subject
from data.catalog import METRICS, Unit
from data.question import Listing, Question, View
from data.rights import CUSTOMERS

SHARES = tuple(str(percent) for percent in range(50, 100, 5))
START = "80"
MOST_LINES, MOST_MEMBERS = 3_000_000, 10_000  # redrawn while somebody waits
NAMED = 10  # of those who entered or left
MOST_NAMES = 20_000  # partners whose names are compared


@dataclass(frozen=True)
class Asked:
    """What the reader chose. measure: revenue or gross_margin, by which members are ordered; measures: all known."""

    subject: Subject
    measure: str
    measures: tuple[str, ...]
    threshold: float
    view: View

    @property
    def key(self) -> str:
        """The dimension whose members are ranked."""
        return self.subject.dimension

    def question(self, view: View | None = None) -> Question:
        """All members with their money."""
        names = (self.measure, *(name for name in self.measures if name != self.measure))
        return Question((*names, "returns", "lines"), (self.key,), view or self.view)


def chosen(view: View) -> Asked:
    """The three controls of the page: who, by what, and how much of it."""
    offered = list(SUBJECTS)
    if not access.may(CUSTOMERS):
        offered.remove("Customers")
    if not access.may_split(ask.current(), "manager_id"):
        offered.remove("Managers")
    measures = tuple(name for name in said.MEASURES if not layout.missing_of(METRICS[name].needs))
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        subject = filters.choice("subject", offered, label="Who", width=150)
        measure = filters.choice("metric", measures, label="By", width=150)
        percent = filters.choice("share", SHARES, START, "Threshold, in percent", width=190)
    return Asked(SUBJECTS[subject], measure, measures, int(percent) / 100, view)


def summed(asked: Asked, summary: Callable, view: View | None, left_out: bool = True) -> Any:
    """The figures of a view by models.pareto.summary; None where there is no such view, or no line in it."""
    if view is None:
        return None
    question = replace(asked.question(view), order_by=asked.key, smallest_first=True)
    found = ask.worked_out(question, summary, asked.key, asked.measure, asked.threshold, left_out)
    return found if found.lines else None


# Membership


def stored_span(view: View) -> str:
    """The span whose places the build has worked out, where this view is that span of the whole company."""
    if not view.scope.everything or view.members:
        return ""
    if view.since is None and view.until is None:
        return "all"
    return "12m" if (view.since, view.until) == months.window("12m", ask.current().manifest) else ""


def placed(asked: Asked, found: Any, places: Callable, redraw: Callable) -> Any:
    """Members with the interval of the share ahead of them; None where it is not worked out."""
    table, span = f"learned_{asked.subject.one}_place", stored_span(asked.view)
    if span and asked.subject.one in ("partner", "customer"):
        listing = Listing(table, View(asked.view.scope).only("span", span), limit=1_000_000)
        rows = ask.worked_out(listing, places, asked.key, asked.measure)
        if len(rows) or not found.sides[asked.measure].positive:
            return rows
    if found.lines > MOST_LINES or found.sides[asked.measure].members > MOST_MEMBERS:
        return None
    question = Question((asked.measure,), (asked.key, "order_block"), asked.view)
    return ask.worked_out(question, redraw, asked.key, asked.measure)


def not_placed(asked: Asked) -> str:
    """That membership is not worked out for this view, and which view has it."""
    return (
        f"How surely each belongs is not worked out for a view of so many lines or {asked.subject.many}: "
        "the whole company over the last 12 complete months, or over all, has it."
    )


# Names


def names_of(asked: Asked, keys: Sequence[str]) -> dict[str, str]:
    """What members are called: partners by their names, with the key where two have the same; others by their key."""
    keys = list(dict.fromkeys(map(str, keys)))
    if asked.subject.one != "partner" or not keys:
        return {key: key for key in keys}
    rows = profiles(asked, keys)
    known = dict(zip(rows["partner_id"].astype(str), rows["partner_name"].astype(str)))
    called = [known.get(key, key) for key in keys]
    return {key: name if called.count(name) == 1 else f"{name} ({key})" for key, name in zip(keys, called)}


def names(asked: Asked, found: Any, moves: Any) -> dict[str, str]:
    """What those are called who are named beside the table of the vital few."""
    keys = [found.sides[asked.measure].largest]
    keys += [key for frame in (found.first, found.without, found.below) for key in frame[asked.key]]
    if moves is not None:
        keys += moves.entered[:NAMED] + moves.left[:NAMED]
    return names_of(asked, keys)


def profiles(asked: Asked, keys: Sequence[str]) -> Any:
    """Who these partners are."""
    view = View(asked.view.scope).only("partner_id", *keys)
    return ask.ask(Listing("partner_profile", view, limit=len(keys)))


# What is shown


def figures(asked: Asked, found: Any, names: dict[str, str]) -> None:
    """The four key figures."""
    currency, largest = ask.current().manifest["currency"], found.sides[asked.measure]
    name = names[largest.largest]
    with cards.row(4):
        for measure in asked.measures:
            behind = Question((measure,), (asked.key,), asked.view)
            cards.card(*said.few_card(asked.subject, measure, found.sides[measure], asked.threshold), behind)
        behind = Question((asked.measure,), (asked.key,), asked.view)
        cards.card("Effective number", *said.effective(asked.subject, largest, name, currency), behind)
        at_risk(asked, found, name, currency)


def at_risk(asked: Asked, found: Any, name: str, currency: str) -> None:
    """What would go with the largest one: its customers with no other partner, or all that it brings."""
    what = "gross_margin" if "gross_margin" in asked.measures else "revenue"
    side, whole = found.sides[asked.measure], found.few[what].iloc[0]
    label, only = "At risk if the largest leaves", asked.view.only(asked.key, side.largest)
    behind = Question((what,), (asked.key,), only)
    year = asked.view.since and (asked.view.since, asked.view.until) == months.window("12m", ask.current().manifest)
    if asked.subject.one == "partner" and year and not asked.view.members:
        rows = ask.ask(Listing("partner_year", View(asked.view.scope).only("partner_id", side.largest)))
        if len(rows):
            row = rows.iloc[0]
            column = "own_margin" if what == "gross_margin" else "own_revenue"
            note = said.own_customers(name, row, what, currency)
            cards.card(label, words.figure(row[column], Unit.MONEY, currency, short=True), note, behind)
            return
    note = f"{said.MEASURES[what]}: all that {name} brings in this view, as if nobody took it over"
    cards.card(label, words.money(whole, currency, short=True), note, behind)


def curves(asked: Asked, found: Any, earlier: Any, unsure: Any) -> None:
    """The finding, the cumulative curves behind it, and every sentence they must be read with. unsure: a Standing."""
    currency, side = ask.current().manifest["currency"], found.sides[asked.measure]
    title = said.finding(asked.subject, asked.measure, side, asked.threshold, currency)
    layout.finding(words.safe_text(title), asked.question())
    shown = [name for name in asked.measures if side.members and drawn(found.sides[name], said.told(side))]
    if shown:
        told = said.told(side)
        ghosts = [name for name in shown if earlier and drawn(earlier.sides[name], told)]
        band = None
        if unsure is not None and unsure.ends:
            band = ((unsure.begins - 1) / side.members, unsure.ends / side.members)
        figure = pareto_charts.curves(
            {name: found.sides[name].curve for name in shown},
            {name: earlier.sides[name].curve for name in ghosts},
            {name: METRICS[name].label for name in shown},
            asked.threshold if told else 0.0,
            {name: found.sides[name].vital for name in shown},
            band,
            currency,
            asked.subject.many,
        )
        ghost = f" Dotted: {filters.compared_words()}." if ghosts else ""
        charts.draw(figure, alt=f"Cumulative curves. {title}.{ghost}")
        layout.quiet(reading(ghosts, band, earlier))
    for sentence in sentences(asked, found, currency):
        layout.quiet(words.safe_text(sentence, 900))
    exports.offer(asked.question(), "concentration")


def drawn(side: Any, told: bool) -> bool:
    """Whether a curve can be drawn: in shares, it needs a total above zero and enough members."""
    return bool(side.members) and (not told or (said.told(side) and side.total > 0))


def reading(ghosts: Sequence[str], band: object, earlier: Any) -> str:
    """How to read the chart."""
    dotted = f"Dotted: the compared period, {filters.compared_words().removeprefix('against ')}." if ghosts else ""
    if earlier is None:
        dotted = "There is no earlier period in the data to compare with."
    shade = " Shaded: where membership is uncertain." if band else ""
    return f"{dotted}{shade}".strip()


def sentences(asked: Asked, found: Any, currency: str) -> list[str]:
    """What is special about these members, each in one sentence."""
    subject, side = asked.subject, found.sides[asked.measure]
    every = [said.why_no_shares(subject, side), said.ties(subject, side, currency)]
    for name in asked.measures:
        one = found.sides[name]
        every += [said.below_zero(subject, name, one, currency), said.passes(subject, name, one)]
        every += [said.no_curve(name, one), said.at_zero(subject, name, one)]
    every.append(said.unknown(subject, asked.measure, no_member(asked, found), side, currency))
    if subject.one == "partner":
        rows = ask.ask(Listing("partner_merged", View(asked.view.scope)))
        every.append(said.merged(list(zip(rows["partner_id"].astype(str), rows["goes_on_as"].astype(str)))))
    return [sentence for sentence in every if sentence]


def no_member(asked: Asked, found: Any) -> float:
    """Money that belongs to no member; lines without customer are rows of nobody, so that only the whole knows them."""
    if asked.key != "customer_id":
        return found.unknown[asked.measure]
    whole = ask.ask(Question((asked.measure,), view=asked.view))[asked.measure].iloc[0]
    return float(whole) - found.sides[asked.measure].total if words.known(whole) else 0.0


def same_names(asked: Asked, side: Any, work: Callable) -> None:
    """Two partners with one name are two partners: said, with the way to make them one."""
    if asked.subject.one == "partner" and side.members <= MOST_NAMES:
        listing = Listing("partner_profile", View(asked.view.scope), limit=1_000_000)
        if rows := ask.worked_out(listing, work, "partner_id", "partner_name"):
            layout.quiet(words.safe_text(said.same_name(rows), 900))
