"""Two segments side by side: who is in both, which attributes tell them apart, and what a customer of each brings."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from components import access, ask, charts, filters, layout, segment_form, tables, within, words
from components.address import filter_values, label_of
from components.axes import plain
from components.segments import LABELS, PER_CUSTOMER, UNITS, members, sums, view_of
from data.catalog import METRICS
from data.journal.segments import Segment
from data.question import Question, Refused
from data.view import Members

FIRST, SECOND = "first", "second"  # in the address
FEWEST, MOST_DIFFERENT, MOST_VALUES = 10, 12, 3  # customers in a cell; rows; rows of one attribute


def choice(found: Sequence[Segment]) -> tuple[Segment, Segment] | None:
    """Two different segments out of those the reader can see here; the address says which."""
    names = within.labels([one for one in found if members(one)])
    if len(names) < 2:
        return None
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        one = pick(FIRST, "First", names, next(iter(names)))
        two = pick(SECOND, "Second", names, next(name for name in names if name != one))
    by_id = {segment.segment_id: segment for segment in found}
    if one == two:
        layout.quiet("Choose two different segments to compare them.")
        return None
    return by_id[one], by_id[two]


def pick(name: str, label: str, names: dict[str, str], default: str) -> str:
    """One of the segments; the address holds its key, the control shows its name."""
    filters.own(name)
    arrived = st.query_params.get(name, "")
    if arrived and arrived not in names:
        filters.refuse_here(name, arrived, "is no segment that you can compare here", "Choose one of the list")
    key = f"_segment_{name}"
    st.session_state[key] = st.session_state[name] = arrived or default
    return st.selectbox(
        label,
        list(names),
        key=key,
        width=260,
        format_func=lambda one: names.get(one, words.NOT_KNOWN),
        on_change=picked,
        args=(name,),
    )


def picked(name: str) -> None:
    """A segment was chosen; the control's callback."""
    st.query_params[name] = st.session_state[f"_segment_{name}"]


def show(one: Segment, two: Segment) -> None:
    """Overlap, what tells them apart, and figures per customer."""
    counts = overlap(one.members, two.members)
    if counts is None:
        layout.quiet("How many customers they share is not known in this build.")
        return
    names = quoted(one.name), quoted(two.name)
    title = overlap_title(counts, names)
    layout.finding(title)
    parts = [f"Only in {one.name}", "In both", f"Only in {two.name}"]
    charts.draw(bars(parts, counts), alt=f"Three bars. {title}.")
    if not sum(counts[:2]) or not sum(counts[1:]):
        return
    apart = attributes(one.members, two.members)
    layout.finding(apart_title(apart, names))
    layout.quiet(
        f"Shares of {words.count(counts[0] + counts[1])} and {words.count(counts[1] + counts[2])} customers. "
        f"Fewer than {FEWEST} customers in a cell are left out; so is what either segment is made of."
    )
    if len(apart):
        tables.table(apart, "Attributes that differ most", "", LABELS, UNITS, ("attribute", "value"))
    figures = per_customer(one.members, two.members, (counts[0] + counts[1], counts[1] + counts[2]))
    if len(figures):
        layout.finding(f"What one customer of {names[0]} brings and costs beside one of {names[1]}")
        right = {name: st.column_config.TextColumn(LABELS[name], alignment="right") for name in ("one", "two", "times")}
        named = {"figure": st.column_config.TextColumn(LABELS["figure"])}
        st.dataframe(
            figures, hide_index=True, alt="Figures per customer", column_config=named | right, height="content"
        )
        layout.quiet("Sums over the whole history, divided by customers who bought. Expected figures are estimates.")


def quoted(name: str) -> str:
    """A segment's name inside a sentence."""
    return f"“{words.safe_text(name, 80)}”"


def overlap(one: Members, two: Members) -> tuple[int, int, int] | None:
    """Customers only in the first, in both, only in the second; None where the build cannot count."""
    first, both, second = (segment_form.count(held) for held in (one, (*one, *two), two))
    if first is None or both is None or second is None:
        return None
    return first - both, both, second - both


def overlap_title(counts: tuple[int, int, int], names: tuple[str, str]) -> str:
    """How much of each segment the other one has."""
    only, both, other = counts
    if not both:
        return f"Nobody is both in {names[0]} and in {names[1]}"
    shares = [words.share(both / (both + alone)) for alone in (only, other)]
    return f"{words.counted(both, 'customer')} in both: {shares[0]} of {names[0]}, {shares[1]} of {names[1]}"


def bars(names: Sequence[str], counts: Sequence[int]) -> go.Figure:
    """A bar for each part of the overlap."""
    figure = charts.base(48 + 34 * len(names))
    figure.add_bar(
        orientation="h",
        x=list(counts),
        y=[plain(name) for name in names],
        marker={"color": [charts.SECOND, charts.FIGURE, charts.SECOND]},
        text=[words.count(number) for number in counts],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{y}: %{text}<extra></extra>",
    )
    return figure.update_layout(
        yaxis={"autorange": "reversed", "type": "category", "showgrid": False, "automargin": True},
        xaxis={"range": [0, 1.2 * max(*counts, 1)], "visible": False},
        bargap=0.35,
    )


def attributes(one: Members, two: Members) -> pd.DataFrame:
    """Values of attributes by how far their shares in the two segments lie apart, largest first.

    Left out: what either segment is made of, attributes the reader may not cross with theirs, cells of a few customers.
    """
    made_of = {name for name, _ in (*one, *two)}
    rows = []
    for name in filter_values(ask.current()):
        if name in made_of or not access.may_split(ask.current(), name):
            continue
        first, second = shares(name, one), shares(name, two)
        for value in sorted({*first, *second}):
            (a, of_a), (b, of_b) = first.get(value, (0, 0.0)), second.get(value, (0, 0.0))
            if not any(0 < number < FEWEST for number in (a, b)):
                rows.append((label_of(name), value, of_a, of_b, a, b))
    columns = ["attribute", "value", "share_one", "share_two", "number_one", "number_two"]
    found = pd.DataFrame(rows, columns=columns)
    found["apart"] = [words.change(a, b, METRICS["risk"].unit) for a, b in zip(found["share_one"], found["share_two"])]
    distance = (found["share_one"] - found["share_two"]).abs()
    ordered = found.loc[distance.sort_values(ascending=False, kind="stable").index]
    few = ordered.groupby("attribute", sort=False).head(MOST_VALUES)  # or one attribute with many values fills it all
    return few[:MOST_DIFFERENT].reset_index(drop=True)


def shares(name: str, held: Members) -> dict[str, tuple[int, float]]:
    """Value of an attribute -> customers who bought with it, and their share of the segment."""
    try:
        found = ask.ask(Question(("scored",), (name,), view_of(held)))
    except (Refused, KeyError):
        return {}
    total = float(found["scored"].sum())
    return {str(v): (int(n), float(n) / total) for v, n in zip(found[name], found["scored"]) if total and n}


def apart_title(found: pd.DataFrame, names: tuple[str, str]) -> str:
    """The attribute that tells the two apart best."""
    if not len(found):
        return "No attribute tells them apart"
    most = found.iloc[0]
    value, where = words.safe_text(most["value"], 60), words.safe_text(most["attribute"]).lower()
    first, second = words.share(most["share_one"]), words.share(most["share_two"])
    return f"They differ most in {where}: {first} of {names[0]} are {value}, {second} of {names[1]}"


def per_customer(one: Members, two: Members, sizes: tuple[int, int]) -> pd.DataFrame:
    """Sums of each segment divided by its customers, and the first to the second; those that differ most first."""
    currency = ask.current().manifest["currency"]
    first, second = sums(PER_CUSTOMER, one), sums(PER_CUSTOMER, two)
    rows = []
    for name in (name for name in PER_CUSTOMER if name in first and name in second):
        a, b = (float(found[name] or 0) / max(size, 1) for found, size in ((first, sizes[0]), (second, sizes[1])))
        unit, times = METRICS[name].unit, words.ratio(a / b) if b > 0 and a > 0 else words.NOT_KNOWN
        written = [words.money(v, currency) if unit == "money" else words.ratio(v) for v in (a, b)]
        rows.append((METRICS[name].label, *written, times))
    return pd.DataFrame(rows, columns=["figure", "one", "two", "times"])
