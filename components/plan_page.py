"""From the terms to the plan: in a moment while a page is open, or beside it where there are too many customers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from components import ask, layout, plan_inputs, plan_large, plan_solved, words
from components.plan_solved import Solved
from components.plan_words import LEAST
from data import plan_size
from data.journal.problems import Invalid
from data.plan_policy import Policy
from data.question import Listing, Refused, View

IN_PROCESS = 50_000  # customers; larger plans are worked out in a process of their own


def show(view: View, drawing: Any, assignment: Any, lots: Any) -> Solved | None:
    """The terms as controls, and the plan under them; None where it is worked out elsewhere, or with the reason."""
    if layout.missing("contacts"):
        return None
    try:
        policy = plan_inputs.show(view)
        customers, spent = size(view, policy)
    except (Refused, Invalid, KeyError) as problem:
        layout.error(str(problem))
        return None
    policy = plan_inputs.with_budget(policy, spent)
    if customers > IN_PROCESS:
        plan_large.show(view, policy, customers)
        return None
    found = plan_solved.prepared(view, policy, drawing)
    one = None if found is None else plan_solved.solved(view, found, policy, assignment, lots)
    if one is not None and one.groups and 0 < one.contacts < LEAST:
        layout.error(
            f"Under these terms fewer than {LEAST} customers get a contact, and you see groups only.",
            "Raise the budget or a capacity, or choose a wider part of the company.",
        )
        return None
    if one is not None and (closed := plan_solved.closed(one, policy)):
        layout.quiet(
            f"{words.listed(closed)} would reach fewer than {LEAST} customers. You see groups only, so this is the "
            "best plan without."
        )
    return one


def size(view: View, policy: Policy) -> tuple[int, Decimal]:
    """How many customers, and what their contacts cost in the last 30 days, currency."""
    build = ask.current()

    def size_of(_rows: Any, *_key: str) -> tuple[int, Decimal]:
        return plan_size.size(build, view, policy)

    return ask.worked_out(Listing("channel", view), size_of, str(policy.members))
