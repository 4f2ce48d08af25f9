"""Scope, View, Question: frozen values that become one SQL statement with bound values, and one sentence.

A question is at once the cache key, the log line, the bookmark and the test case.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date

from data.catalog import CONTACT, DIMENSIONS, FACTS, LINE, METRICS, Metric, attribute, known
from data.contract import UNKNOWN
from data.tables import COLUMNS_NOT_ADDITIVE_OVER, LISTINGS, TABLES, Table, is_of_customer

Members = tuple[tuple[str, tuple[str, ...]], ...]
MOST_LISTED = 20  # members that are written out; more of them are bound as one list
LIST = "select unnest(?::varchar[])"


class Refused(ValueError):
    """A question that cannot be answered as asked; the message says why and what can be asked instead."""


@dataclass(frozen=True)
class Scope:
    """What a reader may see: everything, or the rows whose members match. No members means no rows."""

    everything: bool = False
    members: Members = ()

    def __str__(self) -> str:
        if self.everything:
            return "all customers and partners"
        return " and ".join(spoken(name, chosen) for name, chosen in self.members) or "nothing"


EVERYTHING = Scope(everything=True)


@dataclass(frozen=True)
class View:
    """Which part of the company: the reader's scope, members of dimensions, months since and until (inclusive)."""

    scope: Scope = field(default_factory=Scope)
    members: Members = ()
    since: date | None = None
    until: date | None = None

    def between(self, since: date | None, until: date | None) -> View:
        """The same view over other months."""
        return replace(self, since=since, until=until)

    def only(self, name: str, *chosen: str) -> View:
        """The same view narrowed to members of one further dimension."""
        return replace(self, members=(*self.members, (name, chosen)))

    def __str__(self) -> str:
        parts = [spoken(name, chosen) for name, chosen in self.members]
        if not self.scope.everything:
            parts.append(f"within {self.scope}")
        if self.since or self.until:
            first, last = (f"{day:%b %Y}" if day else "" for day in (self.since, self.until))
            parts.append(first if first == last else f"{first or 'the beginning'} to {last or 'the latest month'}")
        else:
            parts.append("whole history")
        return ", ".join(parts)


@dataclass(frozen=True)
class Question:
    """Which metrics and facts, split by what, through which view, in which order, which part of the answer.

    order_by: a metric, fact or dimension of the question; the first metric, largest first, when empty.
    Ties are broken by the split columns, so the same question always gives the same order.
    """

    metrics: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    view: View = field(default_factory=View)
    facts: tuple[str, ...] = ()
    order_by: str = ""
    smallest_first: bool = False
    limit: int | None = None
    offset: int = 0

    def sql(
        self, attributes: frozenset[str] = frozenset(), table: Table | None = None, upto: int = 0
    ) -> tuple[str, list]:
        """One SELECT and its values.

        attributes: open attributes of this build. table: force a table (for proofs). upto: only ranks up to this one.
        """
        self._check(attributes)
        source = table or smallest(self)
        joined = any(not source.has(name) for name in self._named())
        one_row_each = bool(source.grain) and set(source.grain) == set(self.by) and not joined
        select = [f"{column(name, source, joined)} as {name}" for name in self.by]
        select += [f"{aggregate(METRICS[name], source, self.by, one_row_each)} as {name}" for name in self.metrics]
        select += self.facts
        where, values = conditions(self.view, source, joined)
        if source.name == "ledger":
            where += carrying(self.by)
        if upto:
            where.append(f"{self.order_by} <= {int(upto)}")
        if "customer_id" in self.by:
            where.append(f"{'t.' if joined else ''}customer_id is not null")
        text = f"select {', '.join(select)} from {source.name} t"
        if joined:  # only what is asked of the customer: its sums have the same names as the source's
            of_customer = sorted({name for name in self._named() if not source.has(name)})
            known_of = f"select customer_id, {', '.join(of_customer)} from customer"
            text += f" left join ({known_of}) c on c.customer_id = t.customer_id"
        if where:
            text += " where " + " and ".join(where)
        if self.by and not one_row_each:
            text += " group by all"
        if self.by:
            text += " order by " + ", ".join(self._order())
        if self.limit is not None:
            text += f" limit {int(self.limit)} offset {int(self.offset)}"
        return text, values

    def first_ranks(self) -> int:
        """A rank within which a page of a ranking most likely lies, 0 when the question is no page of a ranking.

        The rows lie on the disk in the order of the rank, so that the first ones are found without reading the rest.
        """
        is_page = self.limit is not None and self.order_by in ("roi_rank", "margin_rank")
        return 400 * (self.offset + (self.limit or 0)) if is_page else 0

    def count_sql(self, attributes: frozenset[str] = frozenset()) -> tuple[str, list]:
        """How many rows the whole answer has, for paging."""
        whole = replace(self, metrics=(), facts=(), limit=None, order_by=self.by[0], offset=0)
        text, values = whole.sql(attributes, smallest(self))
        return f"select count(*) as rows from ({text})", values

    def __str__(self) -> str:
        names = [METRICS[name].label for name in self.metrics] + [FACTS[name].label for name in self.facts]
        split = f" by {', '.join(label(name) for name in self.by)}" if self.by else ""
        return f"{', '.join(names)}{split}, {self.view}"

    def _named(self) -> list[str]:
        """Every dimension the answer depends on."""
        scope = () if self.view.scope.everything else self.view.scope.members
        return [*self.by, *(name for name, _ in (*self.view.members, *scope))]

    def _order(self) -> list[str]:
        first = self.order_by or (self.metrics or self.facts or self.by)[0]
        if first not in (*self.metrics, *self.facts, *self.by):
            raise Refused(f"Cannot order by {first!r}: it is not part of the question.")
        rising = self.smallest_first or (first in self.by and not self.order_by) or first.endswith("_rank")
        return [f"{first} {'asc' if rising else 'desc'} nulls last", *(name for name in self.by if name != first)]

    def _check(self, attributes: frozenset[str]) -> None:
        for name in self.metrics:
            known(METRICS, name)
        for name in self.facts:
            known(FACTS, name)
        dimensions = [known(DIMENSIONS | {a: attribute(a) for a in attributes}, name) for name in self._named()]
        for metric in (METRICS[name] for name in self.metrics):
            for dimension in dimensions:
                if not set(metric.events) <= set(dimension.events):
                    raise Refused(
                        f"{metric.label} cannot be split by {dimension.label.lower()}: part of it comes from events "
                        f"that have no {dimension.label.lower()}. Ask for {' or '.join(splittable(dimension.events))}."
                    )
        if self.facts and (self.by != ("customer_id",) or self.view.since or self.view.until):
            raise Refused("Ranks, states and scores belong to single customers over the whole history.")


@dataclass(frozen=True)
class Listing:
    """Rows of a stored table as they are: one customer's timeline, tie-outs, quarantine, seeds.

    table: one of data.tables.LISTINGS. Rows that belong to customers are shown only inside the view's scope.
    """

    table: str
    view: View = field(default_factory=View)
    limit: int = 1_000
    offset: int = 0

    def sql(self, attributes: frozenset[str] = frozenset()) -> tuple[str, list]:
        """One SELECT and its values."""
        shape = LISTINGS.get(self.table)
        if shape is None:
            raise Refused(f"There is no listing {self.table!r}. Known: {', '.join(LISTINGS)}")
        of_customers = "customer_id" in shape.dims
        text = f"select t.* from {shape.name} t"
        values: list = []
        if of_customers:
            where, values = conditions(self.view, shape, joined=True)
            text += " join customer c on c.customer_id = t.customer_id where " + " and ".join(where or ["true"])
        elif not self.view.scope.everything:
            text += " where false"
        order = "".join(f"t.{name}, " for name in shape.grain)
        return f"{text} order by {order.rstrip(', ')} limit {int(self.limit)} offset {int(self.offset)}", values

    def __str__(self) -> str:
        return f"{self.table}, {self.view}"


def conditions(view: View, source: Table, joined: bool) -> tuple[list[str], list]:
    """The view as SQL conditions with bound values. An empty scope or an empty choice gives no rows."""
    where: list[str] = []
    values: list = []
    chosen = list(view.members)
    if not view.scope.everything:
        chosen += view.scope.members or [("", ())]
    for name, members in chosen:
        if not members:
            where.append("false")
        else:
            few = len(members) <= MOST_LISTED
            where.append(f"{column(name, source, joined)} in ({listed(members) if few else LIST})")
            values += members if few else [list(members)]
    for sign, day in ((">=", view.since), ("<=", view.until)):
        if day:
            where.append(f"month {sign} ?::date")
            values.append(day)
    return where, values


def carrying(by: tuple[str, ...]) -> list[str]:
    """Only events that carry the split dimensions: the ledger's others would be one row of nothing."""
    events = [DIMENSIONS[name].events for name in by if name in DIMENSIONS]
    return ["kind = 'line'"] * ((LINE,) in events) + ["kind <> 'line'"] * ((CONTACT,) in events)


def listed(members: tuple[str, ...]) -> str:
    """A placeholder for each member."""
    return ", ".join("?" * len(members))


def column(name: str, source: Table, joined: bool) -> str:
    """Where a dimension's value is found: in the table itself, or in the customer it belongs to."""
    if source.has(name):
        return f"t.{name}" if joined else name
    return f"coalesce(c.{name}, '{UNKNOWN}')"


def aggregate(metric: Metric, source: Table, by: tuple[str, ...], one_row_each: bool) -> str:
    """The metric's SQL over one table; where every group is one row, sums are the columns themselves."""
    if metric.distinct and not stored(metric, source, by):
        return f"count(distinct {metric.distinct})"
    over, under = metric.name if metric.distinct else metric.over, metric.under
    total = "({})" if one_row_each else "sum({})"
    numerator = total.format(over) if one_row_each else f"coalesce({total.format(over)}, 0)"
    return f"{numerator}::double / nullif({total.format(under)}, 0)::double" if under else numerator


def stored(metric: Metric, source: Table, by: Iterable[str]) -> bool:
    """Whether a count of different things may be added up from this table's stored counts."""
    merged = set(source.dims) - set(by)
    return metric.name in source.columns and not merged & COLUMNS_NOT_ADDITIVE_OVER[metric.name]


def smallest(question: Question) -> Table:
    """The smallest table that holds every dimension and every column the question needs, exactly."""
    return next(table for table in TABLES if answers(table, question))


def answers(table: Table, question: Question) -> bool:
    """Whether a table gives the question's exact answer."""
    view = question.view
    if question.facts:
        return table.name == "customer"
    if table.of_customers and "customer_id" not in question.by:
        return False  # it lacks the lines without customer
    if (view.since or view.until) and "month" not in table.dims:
        return False
    for name in question._named():
        if not table.has(name) and not ("customer_id" in table.dims and is_of_customer(name)):
            return False
    for name in question.metrics:
        metric = METRICS[name]
        if metric.distinct:
            if not stored(metric, table, question.by) and metric.distinct not in table.columns:
                return False
        elif not metric.columns <= table.columns:
            return False
    return True


def splittable(events: tuple[str, ...]) -> list[str]:
    """Labels of a few metrics made of these events only, for the advice in a refusal."""
    return [metric.label for metric in METRICS.values() if set(metric.events) <= set(events)][:3]


def spoken(name: str, chosen: tuple[str, ...]) -> str:
    """'segment home or business', as the subtitle says it."""
    shown = " or ".join(chosen[:4]) + (f" or {len(chosen) - 4} more" if len(chosen) > 4 else "")
    return f"{label(name).lower()} {shown or 'none'}"


def label(name: str) -> str:
    """The label of a dimension, also of one that only this build has."""
    return (DIMENSIONS.get(name) or attribute(name)).label
