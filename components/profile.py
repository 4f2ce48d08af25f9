"""Kinds of customers: recency by frequency, how scores moved, lifecycle by value, groups that hold, what sets apart."""

from __future__ import annotations

import re
from collections import Counter

import pandas as pd

from components import (
    access,
    ask,
    cards,
    charts,
    evidence,
    filters,
    holdouts,
    layout,
    model_cards,
    offer,
    proof,
    score_charts,
    stacks,
    tables,
    words,
)
from data.catalog import METRICS, Unit
from data.contract import UNKNOWN
from data.model_card import NOT_ENOUGH
from data.question import Listing, Question, View
from data.rights import CUSTOMERS

GRID = ("recency_score", "frequency_score")
SUMS = ("scored", "potential_value", "margin_at_risk")
SHOWN = {"number of customers": "scored", "potential value": "potential_value", "margin at risk": "margin_at_risk"}
CONTINUUM = "slices of a continuum"
SCORES = ("recency", "frequency", "money")
MOVES = {
    "rose": ("rose", charts.BETTER),
    "same": ("same", charts.QUIET),
    "changed": ("rose, fell or new", charts.SECOND),
    "fell": ("fell", charts.WORSE),
    "new": ("new", charts.FOURTH),
}
QUADRANTS = ("protect", "grow", "maintain", "de-market")
GROUPED_BY = ("risk_band", "segment", "region", "country", "profile")  # for those who may not split by scores
SAMPLE, SIZE = 5_000, 10
DIFFERS = ("differs_1", "differs_2", "differs_3")
FIGURE = re.compile(r"(?<![\d.,])-?\d[\d,]*+(?:\.\d++)?+(?! months)")  # not the 12 of '12 months'
LABELS = {
    "total": "Customers",
    "difference": "Compared with its own segment",
    "first": "Most of all",
    "any": "Among the first three",
    "measure": "Measure",
    "candidate": "Of what",
    "figure": "Value",
}
UNITS = dict.fromkeys((*QUADRANTS, "total", "first", "any"), Unit.COUNT)


# What is asked


def split(view: View, *by: str) -> Question:
    """Customers, potential value and margin at risk by attributes."""
    return Question(SUMS, by, view)


def asked(question: Question) -> pd.DataFrame:
    """The answer without customers of whom nothing is known, who have not bought."""
    found = ask.ask(question)
    return found[found["scored"] > 0]


def single() -> bool:
    """Whether the reader may see single customers."""
    return access.may(CUSTOMERS)


def movement(view: View) -> tuple[pd.DataFrame, str] | None:
    """Score, moved, customers since 30 days before, and of whom: the whole company as stored, or a sample."""
    if view.scope.everything and not view.members:
        return ask.ask(Listing("rfm_movement", view)), "whole company"
    if not single():
        return None
    rows = ask.ask(Question((), ("customer_id",), view, ("rfm", "rfm_before"), limit=SAMPLE, sampled=True))
    part = "a random part of this view" if len(rows) == SAMPLE else "this view"
    rows = rows[[scored(rfm) for rfm in rows["rfm"]]]
    moves = [
        (score, moved(now[place], before[place] if scored(before) else ""))
        for now, before in zip(rows["rfm"], rows["rfm_before"], strict=True)
        for place, score in enumerate(SCORES)
    ]
    counts = Counter(moves)
    found = pd.DataFrame([(*key, number) for key, number in counts.items()], columns=["score", "moved", "customers"])
    return found, f"{words.counted(len(rows), 'customer')}, {part}"


def scored(rfm: object) -> bool:
    """Whether this is three fifths, as 545."""
    return isinstance(rfm, str) and re.fullmatch("[1-5]{3}", rfm) is not None


def moved(now: str, before: str) -> str:
    """rose, fell, same or new."""
    return "new" if not before else "same" if now == before else "rose" if now > before else "fell"


def groups(life: pd.DataFrame, kinds: pd.DataFrame) -> list[str]:
    """What one can look into: lifecycles, and groups of customers where they hold."""
    names = [str(name) for name in life.get("lifecycle", pd.Series(dtype=str)).unique() if name != UNKNOWN]
    own = [
        str(name) for name in kinds.get("profile", pd.Series(dtype=str)).unique() if name not in (UNKNOWN, CONTINUUM)
    ]
    return [*names, *own]


def of_group(view: View, group: str, life: pd.DataFrame) -> View:
    """The customers of one of these groups."""
    return view.only("lifecycle" if group in set(life["lifecycle"].astype(str)) else "profile", group)


# What is shown


def figures(view: View, currency: str) -> None:
    """How many customers have scores, what is expected of them and what is at risk."""
    found = ask.ask(Question(SUMS, view=view)).iloc[0]
    known = evidence.cut_off()
    upto = f"from what was known on {words.day(known[0])}" if known else ""
    horizon = f"times the risk of no purchase in {words.days(known[1])}" if known else ""
    with cards.row(3):
        scored = "scored customers have bought at least once"
        cards.card("Customers with scores", words.count(found["scored"]), scored, Question(("scored",), view=view))
        for name, note in (("potential_value", upto), ("margin_at_risk", f"margin of 12 months {horizon}")):
            figure = words.money(found[name], currency, short=True)
            cards.card(METRICS[name].label, figure, note, Question((name,), view=view))


def grid(view: View, currency: str) -> None:
    """Recency by frequency, coloured by what the reader chooses; for readers of groups, what they may split by."""
    if not access.may_split(ask.current(), *GRID):
        instead(view, currency)
        return
    question = split(view, *GRID)
    found = asked(question)
    name = SHOWN[filters.choice("show", tuple(SHOWN), label="Colour by", width=200)]
    text = [
        f"{words.count(number)}<br>{words.money(money, currency, short=True)}"
        for number, money in zip(found["scored"], found[name if name != "scored" else "potential_value"], strict=True)
    ]
    best = found[found[list(GRID)].isin(("4", "5")).all(axis=1)]
    number, held = best["scored"].sum() / found["scored"].sum(), share_of(best, found, "potential_value")
    title = f"{words.share(number)} of customers bought lately and often; they hold {held} of the potential value"
    layout.finding(title, question, found)
    # letters before the digits: a chart takes a bare number for the place on the axis
    late, often = ([f"{letter}{fifth}" for fifth in (1, 2, 3, 4, 5)] for letter in ("R", "F"))
    cells = found.assign(**{GRID[0]: "R" + found[GRID[0]].astype(str), GRID[1]: "F" + found[GRID[1]].astype(str)})
    titles = ("recency, R5 the latest", "frequency, F5 the most often")
    drawn = score_charts.cells(
        cells, (GRID[0], late), (GRID[1], often[::-1]), name, pd.Series(text, found.index), titles
    )
    charts.draw(drawn, alt=f"Heat map of recency by frequency in fifths. {title}.")
    second = METRICS[name if name != "scored" else "potential_value"].label.lower()
    layout.quiet(
        f"Each cell: customers, and their {second}, a sum of estimates, each of which has its own interval. Fifths are "
        "of the values that occur: equal customers are never apart, and few are frequent. Lately and often: 4 or 5."
    )


def instead(view: View, currency: str) -> None:
    """What a reader of groups sees in place of the heat map."""
    name = next((one for one in GROUPED_BY if access.may_split(ask.current(), one)), None)
    layout.quiet("Recency by frequency would single out too few customers for readers of groups.")
    if name is None:
        return
    question = split(view, name)
    found = asked(question)
    largest = found.loc[found["potential_value"].idxmax()]
    said = share_of(found.loc[[largest.name]], found, "potential_value")
    title = f"{words.safe_text(filters.caption(name), 60)} {words.safe_text(largest[name], 60)} holds {said}"
    layout.finding(f"{title} of the potential value", question, found)
    charts.draw(charts.bars(found, name, METRICS["potential_value"], currency), alt=f"{title} of the potential value.")


def share_of(part: pd.DataFrame, whole: pd.DataFrame, name: str) -> str:
    """'34.1 %' of a sum; '–' where the sum is not above zero."""
    total = whole[name].sum()
    return words.share(part[name].sum() / total) if total > 0 else words.NOT_KNOWN


def moves(view: View) -> None:
    """Whose scores rose, fell or stayed since 30 days before."""
    known = movement(view)
    if known is None or not len(known[0]):
        layout.quiet(
            "How scores moved in 30 days is shown to readers of groups for the whole company, without filters."
        )
        return
    found, whom = known
    if not len(found):
        layout.quiet("How scores moved in 30 days is not known: too few customers.")
        return
    wide = found.pivot_table(index="score", columns="moved", values="customers", aggfunc="sum", fill_value=0)
    wide = wide.reindex([score for score in SCORES if score in wide.index]).reset_index()
    parts = {name: entry for name, entry in MOVES.items() if name in wide.columns}
    total = wide[list(parts)].sum(axis=1)
    stayed = words.share((wide["same"] / total).min()) if "same" in wide else words.share(0)
    title = f"Since 30 days before, recency, frequency and money stayed where they were for {stayed} or more"
    layout.finding(title)
    charts.draw(stacks.shares(wide, "score", parts, "customer"), alt=f"Bars of 100 %, one a score. {title}.")
    layout.quiet(f"Of {whom}. The earlier fifths are those of 30 days before the cut-off, from what was known then.")


def lifecycles(found: pd.DataFrame, question: Question, currency: str) -> None:
    """Lifecycle by value quadrant: customers in each cell, money in each row."""
    counts = found.pivot_table(index="lifecycle", columns="quadrant", values="scored", aggfunc="sum", observed=True)
    counts = counts.reindex(columns=list(QUADRANTS), fill_value=0).fillna(0).astype(int)
    money = found.groupby("lifecycle", observed=True)[["potential_value", "margin_at_risk"]].sum()
    shown = counts.assign(total=counts.sum(axis=1)).join(money).sort_values("total", ascending=False).reset_index()
    at_risk = shown.loc[shown["margin_at_risk"].idxmax()]
    amount = words.money(at_risk["margin_at_risk"], currency, short=True)
    who = words.counted(at_risk["total"], "customer")
    layout.finding(f"Most margin at risk lies with {who} who are {at_risk['lifecycle']}: {amount}", question, found)
    tables.table(shown, "Customers by lifecycle and value quadrant", currency, LABELS, UNITS, ("lifecycle",))


def kinds(found: pd.DataFrame, question: Question, currency: str) -> None:
    """Groups of customers who are alike, or that there are none which hold; how stable they are."""
    names = [str(name) for name in found["profile"].unique() if name != UNKNOWN]
    if holdouts.state("profiles") == NOT_ENOUGH:
        layout.finding("Whether customers form groups is not known: too few have bought on two days", question, found)
    elif CONTINUUM in names:
        layout.finding("Customers form no groups that hold: any border would be a slice of a continuum", question)
        layout.quiet("Fifths and lifecycle above are such slices: useful to speak about, and no kinds of people.")
    else:
        number = words.counted(len(names), "group")
        layout.finding(f"Customers form {number} that hold when drawn again", question, found)
    tables.table(found, "Groups of customers who are alike", currency, pinned=("profile",))
    evidence.show("profiles")
    stability()


def stability() -> None:
    """What the model card says of how well groups hold."""
    checks, tests = (model_cards.of(part, "profiles") for part in ("model_check", "model_backtest"))
    for _, row in checks.iterrows():
        layout.quiet(model_cards.check(row).removeprefix("- "))
    if len(tests):
        last = tests[tests["cut_off"] == tests["cut_off"].max()]
        figure = [proof.between(*row) for row in zip(last["value"], last["low"], last["high"], strict=True)]
        shown = last.assign(figure=figure)[["measure", "candidate", "figure"]]
        tables.table(shown, "How stable groups are", labels=LABELS)


def apart(view: View, group: str) -> None:
    """What sets customers of a group apart from their own segment, and some of them to look at."""
    facts = ("lifecycle", *DIFFERS)
    rows = ask.ask(Question((), ("customer_id",), view, facts, limit=SAMPLE, sampled=True))
    counts = pd.DataFrame(
        {
            "first": Counter(kind(text) for text in rows["differs_1"] if words.known(text)),
            "any": Counter(kind(text) for name in DIFFERS for text in rows[name] if words.known(text)),
        }
    )
    if not len(counts):
        layout.finding(f"Nothing is known that sets customers apart: {words.safe_text(group, 60)}")
        return
    counts = counts.fillna(0).astype(int).sort_values(["any", "first"], ascending=False)
    shown = counts.rename_axis("difference").reset_index()[:SIZE]
    top = shown.iloc[0]
    share = words.share(top["any"] / len(rows))
    title = f"{words.safe_text(filters.caption(group), 60)}: {share} differ from their segment by: {top['difference']}"
    layout.finding(words.safe_text(title, 200) if "<" in title else title)
    tables.table(shown, "What sets customers of the group apart", labels=LABELS, units=UNITS)
    of = "a random part of the group" if len(rows) == SAMPLE else "all of the group"
    layout.quiet(f"Counted from {words.counted(len(rows), 'customer')}, {of}: the three features that differ most.")
    ends = ("potential_low", "potential_high")
    best = Question(("potential_value",), ("customer_id",), view, ("rfm", *ends, *DIFFERS), limit=SIZE)
    listed = ask.ask(best)[["customer_id", "rfm", "potential_value", *ends, *DIFFERS]]
    layout.finding("Those of the group with the highest potential value", best, listed)
    offer.customers(listed, "Customers of the group by potential value", f"group_{group}", LABELS)


def kind(text: str) -> str:
    """A difference without its figures, so that equal ones can be counted: 'orders every … days: above the usual'."""
    head, _, tail = text.partition(";")
    own, usual = FIGURE.search(head), FIGURE.search(tail)
    if not (own and usual):
        return text
    value, typical = (float(found.group().replace(",", "")) for found in (own, usual))
    side = "above" if value > typical else "below" if value < typical else "at"
    return f"{head[: own.start()]}…{head[own.end() :]}: {side} the usual"
