"""A view as SQL conditions with bound values: the reader's scope, the chosen members, the months."""

from __future__ import annotations

from data.contract import UNKNOWN
from data.tables import Table
from data.view import Scope, View

MOST_LISTED = 20  # members that are written out; more of them are bound as one list
LIST = "select unnest(?::varchar[])"


def conditions(view: View, source: Table, joined: bool) -> tuple[list[str], list]:
    """The view as SQL conditions with bound values. An empty scope or an empty choice gives no rows."""
    where: list[str] = []
    values: list = []
    if not view.scope.everything:
        scope = [one_of(column(name, source, joined), chosen) for name, chosen in reach(view.scope)]
        where.append("(" + " or ".join(text for text, _ in scope) + ")" if scope else "false")
        values += [value for _, bound in scope for value in bound]
    for name, members in view.members:
        text, bound = one_of(column(name, source, joined), members) if members else ("false", [])
        where.append(text)
        values += bound
    for sign, day in ((">=", view.since), ("<=", view.until)):
        if day:
            where.append(f"month {sign} ?::date")
            values.append(day)
    return where, values


def reach(scope: Scope) -> list[tuple[str, tuple[str, ...]]]:
    """The members by which a scope lets anything through."""
    return [] if scope.everything else [(name, chosen) for name, chosen in scope.members if chosen]


def one_of(column_sql: str, members: tuple[str, ...]) -> tuple[str, list]:
    """A condition that the column is one of the members, and its values."""
    few = len(members) <= MOST_LISTED
    return f"{column_sql} in ({listed(members) if few else LIST})", list(members) if few else [list(members)]


def listed(members: tuple[str, ...]) -> str:
    """A placeholder for each member."""
    return ", ".join("?" * len(members))


def column(name: str, source: Table, joined: bool) -> str:
    """Where a dimension's value is found: in the table itself, or in the customer it belongs to."""
    if source.has(name):
        return f"t.{name}" if joined else name
    return f"coalesce(c.{name}, '{UNKNOWN}')"
