"""Question: a frozen value that becomes one SQL statement with bound values, and one sentence.

A question is at once the cache key, the log line, the bookmark and the test case.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from data.catalog import CONTACT, DIMENSIONS, FACTS, LINE, METRICS, REACH, SCORE, Metric, attribute, known
from data.conditions import column, conditions, of_own_partners, reach, told
from data.tables import COLUMNS_NOT_ADDITIVE_OVER, LISTINGS, TABLES, Table, is_of_customer
from data.view import EVERYTHING as EVERYTHING
from data.view import PARTNER, Refused, View, label

SINGLE = {"customer_id", "roi_state"}  # dimensions that tell of one customer at a time
KINDS = {LINE: ("line",), CONTACT: ("contact", "campaign cost", "joined"), SCORE: ("score",), REACH: ("reach",)}
RANKS = {"roi_rank", "rank_low", "rank_high", "margin_rank"}
# The customers in scope, each stored place replaced by how many in scope come up to it.
IN_SCOPE = """(
    with mine as (select * from customer where {scope}),
    rated as (select roi_rank, row_number() over (order by roi_rank) as place from mine where roi_rank is not null)
    select mine.* replace (
        own.place as roi_rank,
        case when mine.rank_low is not null then coalesce(low.place, 0) + 1 end as rank_low,
        high.place as rank_high,
        row_number() over (order by mine.margin_rank) as margin_rank
    )
    from mine
    left join rated own on own.roi_rank = mine.roi_rank
    asof left join rated low on mine.rank_low > low.roi_rank
    asof left join rated high on mine.rank_high >= high.roi_rank)"""


@dataclass(frozen=True)
class Question:
    """Which metrics and facts, split by what, through which view, in which order, which part of the answer.

    order_by: a metric, fact or dimension of the question; the first metric, largest first, when empty.
    Ties are broken by the split columns, so the same question always gives the same order.
    sampled: customers in the order of a digest of their keys: the first ones are a sample, the same each time.
    """

    metrics: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    view: View = field(default_factory=View)
    facts: tuple[str, ...] = ()
    order_by: str = ""
    smallest_first: bool = False
    limit: int | None = None
    offset: int = 0
    sampled: bool = False

    def __post_init__(self):
        """Ask of the own customers or of the own partners, whichever the question is about, never of a mixture."""
        named = {*self.by, *(name for name, _ in self.view.members)}
        scope = self.view.scope.about(PARTNER in named, bool(self.facts or named & SINGLE))
        object.__setattr__(self, "view", replace(self.view, scope=scope))

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
        ranked, values = self._ranked(source)
        where, bound = conditions(self.view, source, joined)
        values += bound
        if source.name == "ledger":
            where.append(f"kind in ({', '.join(kinds(self))})")
        if upto:
            where.append(f"{self.order_by} <= {int(upto)}")
        if "customer_id" in self.by:
            where.append(f"{'t.' if joined else ''}customer_id is not null")
        text = f"select {', '.join(select)} from {ranked or source.name} t"
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
        return [*self.by, *(name for name, _ in (*self.view.members, *reach(self.view.scope)))]

    def _ranked(self, source: Table) -> tuple[str, list]:
        """The customers in scope with their places among each other; nothing where the stored places are right.

        A place in the whole company would tell how many customers others have, and how good they are.
        """
        if self.view.scope.everything or not RANKS & set(self.facts):
            return "", []
        where, values = conditions(View(self.view.scope), source, joined=False)
        return IN_SCOPE.format(scope=" and ".join(where)), values

    def _order(self) -> list[str]:
        if self.sampled:
            return ["md5(customer_id)", "customer_id"]
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
        vocabulary = DIMENSIONS | {a: attribute(a) for a in attributes}
        dimensions = [known(vocabulary, name) for name in (*self.by, *(name for name, _ in self.view.members))]
        seen = {event for name, _ in reach(self.view.scope) for event in known(vocabulary, name).events}
        for metric in (METRICS[name] for name in self.metrics):
            if not self.view.scope.everything and reach(self.view.scope) and not set(metric.events) <= seen:
                raise Refused(
                    f"{metric.label} is not known within {self.view.scope}: part of it comes from events that have no "
                    f"partner. Ask for {' or '.join(splittable(tuple(seen)))}."
                )
            for dimension in dimensions:
                if not set(metric.events) <= set(dimension.events):
                    raise Refused(
                        f"{metric.label} cannot be split by {dimension.label.lower()}: part of it comes from events "
                        f"that have no {dimension.label.lower()}. Ask for {' or '.join(splittable(dimension.events))}."
                    )
        timeless = [METRICS[name].label for name in self.metrics if {SCORE, REACH} & set(METRICS[name].events)]
        if timeless and (self.view.since or self.view.until):
            raise Refused(
                f"{timeless[0]} is what is expected after the data's end, so it has no months. Ask for everything."
            )
        if self.facts and (self.by != ("customer_id",) or self.view.since or self.view.until):
            raise Refused("Ranks, states and scores belong to single customers over the whole history.")
        if self.sampled and self.by != ("customer_id",):
            raise Refused("Only single customers can be sampled.")
        allowed = self.view.scope.attributes
        for dimension in dimensions:
            of_customer = dimension.name == "customer_id" or is_of_customer(dimension.name)
            if allowed is not None and of_customer and dimension.name not in allowed:
                raise Refused(
                    f"You see groups of customers, not single ones: {dimension.label.lower()} would single out too few."
                )


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
        scope, values = self.view.scope, list[Any]()
        of_customers, of_partners = "customer_id" in shape.dims, PARTNER in shape.dims
        text = f"select t.*{told(shape) if scope.attributes is not None else ''} from {shape.name} t"
        one_partner = not scope.everything and scope.attributes is not None
        learned = one_partner and shape.name.startswith("learned_")  # from what others sold
        if (shape.of_whole and not scope.everything) or (of_customers and scope.attributes is not None) or learned:
            text += " where false"
        elif of_customers:
            own = replace(self.view, scope=scope.about(partners=False, single=True))
            where, values = conditions(own, shape, joined=True)
            text += " join customer c on c.customer_id = t.customer_id where " + " and ".join(where or ["true"])
        elif of_partners:
            where, values = of_own_partners(self.view, shape)
            text += " where " + " and ".join(where or ["true"])
        elif not scope.everything:
            text += " where false"
        elif shape.of_campaigns:
            where, values = conditions(View(EVERYTHING, self.view.members), shape, joined=True)
            text += " where " + " and ".join(where or ["true"])
        order = "".join(f"t.{name}, " for name in shape.grain)
        return f"{text} order by {order.rstrip(', ')} limit {int(self.limit)} offset {int(self.offset)}", values

    def __str__(self) -> str:
        return f"{self.table}, {self.view}"


def kinds(question: Question) -> list[str]:
    """The kinds of rows of the ledger an answer is made of, quoted.

    Only events that carry the split dimensions, for the others would be one row of nothing; what is expected only
    where it is asked for, because it is of no month.
    """
    events = {event for name in question.metrics for event in METRICS[name].events}
    if not events or events & {LINE, CONTACT}:
        events |= {LINE, CONTACT}
    for name in question.by:
        events &= set((DIMENSIONS.get(name) or attribute(name)).events)
    return [f"'{kind}'" for event in sorted(events) for kind in KINDS[event]]


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
    if table.of_customers and "customer_id" not in question.by and not expected_only(question):
        return False  # it lacks the lines without customer
    if (view.since or view.until) and "month" not in table.dims:
        return False
    if not all(tells(table, name) for name in question._named()):
        return False
    for name in question.metrics:
        metric = METRICS[name]
        if metric.distinct:
            if not stored(metric, table, question.by) and metric.distinct not in table.columns:
                return False
        elif not metric.columns <= table.columns:
            return False
    return True


def expected_only(question: Question) -> bool:
    """Whether only what is expected of customers is asked for, which no line without customer is part of."""
    return bool(question.metrics) and all(set(METRICS[name].events) == {SCORE} for name in question.metrics)


def tells(source: Table, name: str) -> bool:
    """Whether a dimension is in this table, or in the customer each row of it belongs to."""
    return source.has(name) or ("customer_id" in source.dims and is_of_customer(name))


def splittable(events: tuple[str, ...]) -> list[str]:
    """Labels of a few metrics made of these events only, for the advice in a refusal."""
    return [metric.label for metric in METRICS.values() if set(metric.events) <= set(events)][:3]
