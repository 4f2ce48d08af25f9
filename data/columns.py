"""From a source's columns to a feed's: which is which, which are left out or refused, and the SQL that judges a row."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from data import casting, personal
from data.catalog import DIMENSIONS, FACTS, METRICS
from data.company import Company
from data.contract import NOT_SAID, Column, Feed, Kind
from data.files import Rejected, identifier, quoted
from data.personal_names import personal_name

MONTH_OF = {"lines": "ordered_at", "contacts": "occurred_at", "customers": "joined_at"}
# what DuckDB reserves: select keyword_name from duckdb_keywords() where keyword_category = 'reserved'
SQL_WORDS = re.findall(
    r"\w+",
    """
    all analyse analyze and any array as asc asymmetric both case cast check collate column constraint create default
    deferrable
    desc describe distinct do else end except false fetch for foreign from group having in initially intersect into
    lambda lateral leading limit not null offset on only or order pivot pivot_longer pivot_wider placing primary qualify
    references returning select show some summarize symmetric table then to trailing true union unique unpivot using
    variadic when where window with
    """,
)
NO_CURRENCY = f"('{'X' * 3}', 'XTS')"  # ISO 4217: no currency, and the code for tests


@dataclass(frozen=True)
class Matched:
    """Contract column or attribute -> the source's own column; the attributes among them; what no feed wants."""

    present: dict[str, str]
    attributes: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Selection:
    """SQL over one source: the feed's columns, over inner ones, and what is wrong with a row (NULL: nothing).

    inner: raw values beside cast ones, for judging. settled: the cast ones alone, for rows that have been judged.
    """

    columns: str
    inner: str
    settled: str
    problem: str


def match(feed: Feed, file: str, types: dict[str, str]) -> Matched:
    """Match columns by name, letter case aside; personal data is refused by name."""
    present = {column: name for name in types if (column := name.strip().lower()) in feed.names}
    lacking = [column.name for column in feed.columns if column.required and column.name not in present]
    if lacking:
        listed = ", ".join(lacking)
        raise Rejected(f"it lacks {listed}; its header must use the words of docs/feeds.md, or a mapping must")
    further = [name for name in types if name.strip().lower() not in feed.names]
    for name in further:
        if kind := personal_name(name):
            raise Rejected(personal.refusal(feed.name, file, name, kind))
    if not feed.open:
        return Matched(present, left_out=tuple(further))
    taken: dict[str, str] = {}
    left_out = []
    for name in further:
        attribute = attribute_name(name)
        if attribute in taken:
            raise Rejected(f"columns {taken[attribute]!r} and {name!r} would be the same attribute; rename one of them")
        if attribute in (*feed.names, *reserved()) or not casting.readable(types[name]):
            left_out.append(name)
        else:
            taken[attribute] = name
    return Matched(present | taken, tuple(taken), tuple(left_out))


def attribute_name(name: str) -> str:
    """`Loyalty tier` -> `loyalty_tier`."""
    attribute = re.sub(r"\W+", "_", name.strip().lower()).strip("_")
    if not re.match(r"[^\W\d]", attribute):
        raise Rejected(f"attribute {name!r} needs a name of letters, digits and _")
    return attribute


@cache
def reserved() -> frozenset[str]:
    """Names no attribute may have: the catalog's, and every word of the SQL that puts attributes into tables."""
    texts = [
        (Path(__file__).parent / "sql" / f"{name}.sql").read_text("utf-8") for name in ("customer", "customer_total")
    ]
    words = set(re.findall(r"[a-z_0-9]+", re.sub("--.*", "", "\n".join(texts))))
    return frozenset(words | set(SQL_WORDS) | set(METRICS) | set(DIMENSIONS) | set(FACTS))


def select(feed: Feed, matched: Matched, types: dict[str, str], company: Company, horizon: str) -> Selection:
    """SQL of contract values and of the problem, over an inner projection of raw and cast values."""
    raw, settled, outer, problems, texts = [], [], [], "", []
    attributes = [Column(name, Kind.TEXT, "", default=NOT_SAID) for name in matched.attributes]
    for column in (*feed.columns, *attributes):
        if column.name not in matched.present:
            outer.append(f"{casting.missing(column)} as {column.name}")
            continue
        type_ = types[matched.present[column.name]]
        value = casting.given(identifier(matched.present[column.name]), type_)
        kept = identifier(f"raw {column.name}")
        raw += [f"{value} as {kept}", f"{casting.cast(column, value, type_, company.zone)} as {column.name}"]
        settled.append(f"{casting.cast(column, value, type_, company.zone, judged=True)} as {column.name}")
        outer.append(f"coalesce({column.name}, {column.default}) as {column.name}" if column.default else column.name)
        problems += casting.problem(column, kept, column.name, horizon)
        if type_ == "VARCHAR" and not column.choices and column.kind in (Kind.KEY, Kind.TEXT):
            texts.append(column.name)
    if feed.name == "lines" and "currency" in matched.present:
        problems += wrong_currency(company.currency)
    if feed.name in MONTH_OF:
        moment = MONTH_OF[feed.name]
        known = moment if moment in matched.present else "null::timestamp"
        outer.append(f"{casting.month(known, company.zone)} as month")
    problem = f"case {problems}else {personal.content_check(texts)} end"
    return Selection(", ".join(outer), ", ".join(raw), ", ".join(settled), problem)


def wrong_currency(currency: str) -> str:
    """Branches that name lines of another currency than the company's."""
    if currency:
        return f"when currency <> {quoted(currency)} then 'currency is not {currency}; convert it in a mapping' "
    code = f"regexp_full_match(currency, '[A-Z]{{3}}') and currency not in {NO_CURRENCY}"
    return f"when not ({code}) then 'currency is no ISO 4217 code such as EUR' "
