"""A view as SQL conditions with bound values: the reader's scope, the chosen members, the months."""

from __future__ import annotations

from data.contract import UNKNOWN
from data.tables import GOES_ON, Table
from data.view import EVERYTHING, PARTNER, SMALLEST_GROUP, Refused, Scope, View, label

NUMBERS = {"order_block"}  # dimensions that are numbers: compared as text, so that any text is only a value
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
        of = f"{column(name, source, joined)}{'::varchar' if name in NUMBERS else ''}"
        text, bound = one_of(of, members) if members else ("false", [])
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


def told(shape: Table) -> str:
    """What readers of groups see of a listing: nothing that is about fewer customers than the smallest group."""
    if not shape.groups:
        return ""
    number = shape.groups[0]
    columns = ", ".join(
        f"case when t.{number} >= {SMALLEST_GROUP} then t.{name} end as {name}" for name in shape.groups
    )
    return f" replace ({columns})"


def of_own_partners(view: View, shape: Table) -> tuple[list[str], list]:
    """Conditions on a listing of partners: whoever sees some partners sees no row that names another one."""
    if further := [name for name, _ in view.members if name not in shape.dims]:
        raise Refused(f"{shape.name} has no {label(further[0]).lower()}: it can be narrowed by partners only.")
    where, values = conditions(View(EVERYTHING, view.members), shape, joined=True)
    if not view.scope.everything:
        own = tuple(one for name, chosen in reach(view.scope) if name == PARTNER for one in chosen)
        named = {GOES_ON} if GOES_ON in shape.dims else {PARTNER, "other_id"}
        for name in sorted(named & shape.dims):
            text, bound = one_of(f"t.{name}", own) if own else ("false", [])
            where, values = [*where, text], [*values, *bound]
    return where, values
