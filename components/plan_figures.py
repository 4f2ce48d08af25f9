"""The plan in figures: its finding, four key figures with their passports, and the plan beside other choices."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from components import ask, cards, layout, plan_solved, plan_words, tables, words
from components.passports import passport_rows
from components.plan_solved import Solved
from data.catalog import Unit
from data.plan import REFUSALS, REFUSED
from data.plan_policy import UNIT
from data.question import Question

BY_CHANNEL = {
    "label": "Channel", "before": "Contacts, last 30 days", "contacts": "Contacts planned", "capacity": "Capacity",
    "used": "Used", "cost": "Cost", "value": "Net (expected, unproven)",
}  # fmt: skip
LABELS = {
    "choice": "Choice", "contacts": "Contacts", "cost": "Cost", "value": "Margin less cost (expected, unproven)",
}  # fmt: skip
UNITS = {
    **dict.fromkeys(("contacts", "before", "capacity"), Unit.COUNT),
    **dict.fromkeys(("cost", "value"), Unit.MONEY),
    "used": Unit.SHARE,
}
CURSED = (
    "A plan is picked for its own expectations, so these come out too high more often than too low. What is not proven "
    "by random tests is a promise of the model; the share drawn by lot is there to check it."
)


def show(one: Solved) -> None:
    """The finding, the key figures, and what holds the plan back."""
    currency = ask.current().manifest["currency"]
    layout.finding(plan_words.title(one.value, one.contacts, currency, one.groups, one.observed))
    if not one.candidates.allowed.any():
        st.markdown(f":material/block: {words.safe_text(nobody(one), 400)}")
    low, high = one.ends()
    present = plan_solved.current_value(one.candidates)
    with cards.row(4):
        card("Expected net of the plan", words.money(one.value, currency, short=True),
             f"{plan_words.UNPROVEN}; {plan_words.between(low, high, currency)} if every figure lay at the lower, or "
             "at the upper end of its 90 % interval", one, NET)  # fmt: skip
        if present is None:
            card("Against current practice", words.NOT_KNOWN, not_practised(one), one, PRACTICE)
        else:
            contacts = words.counted(one.candidates.current_contacts.sum(), "contact")
            card("Against current practice", words.signed(one.value - present, currency, short=True),
                 f"{plan_words.UNPROVEN}; the last 30 days had {contacts}, worth {words.money(present, currency)} by "
                 "the same figures", one, PRACTICE)  # fmt: skip
        card("Spent", words.money(one.cost, currency, short=True), spent(one, currency), one, SPENT)
        card("Not contacted on purpose", on_purpose(one), not_contacted(one), one, NOBODY)
    layout.quiet(words.safe_text(explored(one, currency), 500))
    layout.quiet(f"{plan_words.gap(one.plan.gap)} {CURSED}{apart(one, currency)}")


def not_practised(one: Solved) -> str:
    """Why there is no current practice to compare with."""
    few = one.candidates.current_contacts.sum()
    return f"{f'fewer than {plan_words.LEAST} customers were' if few else 'nobody was'} contacted in the last 30 days"


NET = ("Expected margin of every planned contact, less what the contacts cost.", "sum(effect − cost of the contact)")
PRACTICE = (
    "The plan's expected net, less that of the contacts of the last 30 days of the data, valued by the same figures: "
    "for each channel its contacts times the mean effect of those it reached, less what the contacts cost.",
    "net of the plan − (sum(contacts × mean effect) − cost of the last 30 days)",
)
SPENT = ("What the planned contacts cost, at the channels' costs of a contact.", "sum(cost of the contact)")
NOBODY = (
    "Customers who may be contacted and are not: because no channel is expected to bring more than it costs, because "
    "the budget or a capacity earns more elsewhere, or by lot.",
    "count(allowed and without a contact)",
)


def card(label: str, figure: str, note: str, one: Solved, meaning: tuple[str, str]) -> None:
    """One key figure with its passport."""
    with st.container(border=True, height="stretch", gap="xsmall"):
        with st.popover(label, type="tertiary", key=f"_plan_{label}", on_change="rerun",
                        help="Where this figure comes from") as popover:  # fmt: skip
            if popover.open:
                st.markdown(f"**{words.safe_text(label)}.** {words.safe_text(meaning[0], 600)}")
                st.code(meaning[1], language=None, wrap_lines=True)
                tables.facts(rows_of(one), alt=f"Passport of {label}")
        st.metric(label, words.visible(figure), label_visibility="collapsed")
        layout.quiet(words.safe_text(note, 400))


def rows_of(one: Solved) -> list[tuple[str, str]]:
    """What a plan was made from."""
    bases = [
        f"{words.safe_text(label, 60)}: {words.safe_text(basis or 'nothing known', 60)}"
        for label, basis in zip(one.labels, one.candidates.basis, strict=True)
    ]
    made = [
        ("Customers", words.count(len(one.candidates))),
        ("Figures from", "; ".join(bases)),
        ("Terms", f"`{one.policy.sha256[:16]}`"),
        ("Learned", "learned_effect, by the build; see the model card"),
    ]
    return [*made, *(row for row in passport_rows(Question(("contacts",), view=one.view)) if row[0] != "Shown")]


def spent(one: Solved, currency: str) -> str:
    """'of a budget of €1,000.00, 98.2 %'."""
    budget = one.policy.budget
    if budget is None:
        return "no budget is set"
    if not budget:
        return "of a budget of 0"
    same = ", what the last 30 days cost" if budget == one.candidates.current_cost else ""
    return f"of a budget of {words.money(budget, currency)}: {words.share(one.cost / float(budget))}{same}"


def left(one: Solved) -> np.ndarray:
    """(n,) who may be contacted and is not."""
    return one.candidates.allowed.any(axis=1) & (one.plan.channel < 0)


def on_purpose(one: Solved) -> str:
    """How many are left uncontacted on purpose."""
    return words.NOT_KNOWN if entangled(one) else plan_words.told(int(left(one).sum()), one.groups)


def without(one: Solved) -> list[int]:
    """Customers without a contact: on purpose; who may get none; held out, in a test or released."""
    out = one.candidates.out > 0
    return [int(left(one).sum()), int((~out & ~one.candidates.allowed.any(axis=1)).sum()), int(out.sum())]


def entangled(one: Solved) -> bool:
    """Whether the customers in all, less the other numbers, would tell readers of groups of fewer than ten."""
    return any(plan_words.withheld(without(one), one.groups))


def not_contacted(one: Solved) -> str:
    """How many of those no contact pays for; who may not be contacted at all."""
    names = np.array(one.assignment.REASONS)
    pays_not = int((left(one) & (names[one.plan.reason] == "no channel pays")).sum())
    purpose, barred, apart = without(one)
    if entangled(one):
        return f"{plan_words.told(purpose + barred + apart, one.groups)} get no contact, on purpose or as they may not"
    told = not any(plan_words.withheld([pays_not, purpose - pays_not], one.groups))
    parts = [
        f"no contact pays for {plan_words.told(pays_not, one.groups) if told else 'some'} of them",
        f"{plan_words.told(barred, one.groups)} more may get no contact now",
    ]
    parts += [f"{plan_words.told(apart, one.groups)} are held out, in a test or released"] if apart else []
    return "; ".join(parts)


def apart(one: Solved, currency: str) -> str:
    """The same plan by figures that no customer's own outcomes went into, where that makes a difference."""
    value = one.apart()
    if abs(value - one.value) <= 0.005 * abs(one.value):
        return ""
    net = f"{words.money(value, currency)} ({plan_words.UNPROVEN})"
    return f" By figures learned without each customer's own outcomes, its net is {net}."


def nobody(one: Solved) -> str:
    """Why nobody of the view may be contacted, the most frequent reason first."""
    found = one.candidates
    codes, numbers = np.unique(found.refusal[found.out == 0], return_counts=True)
    order = codes[np.argsort(-numbers, kind="stable")]
    whys = [REFUSALS[REFUSED[code]].lower() for code in order if code][:2]
    whys += ["who is held out, in a test or released gets none"] if (found.out > 0).any() else []
    return f"Nobody of this view may be contacted now: {'; '.join(whys)}." if whys else "There is nobody to contact."


def explored(one: Solved, currency: str) -> str:
    """How many were drawn by lot, and what that costs."""
    none, some = (int((one.done.drawn == kind).sum()) for kind in (plan_solved.SET_NONE, plan_solved.SET_CHANNEL))
    if not none + some:
        return "Nobody is drawn by lot, so nothing will be learned of whether this plan is right."
    if one.groups and (0 < some < plan_words.LEAST or 0 < none < plan_words.LEAST):
        return "To learn from, some customers are drawn by lot: they get no contact, or a channel by lot."
    cost = words.money(plan_solved.exploring_cost(one), currency)
    numbers = [plan_words.told(number, one.groups) for number in (none, some)]
    spent = float(one.costs[one.by_lot()].sum())
    much = " That is most of what is spent: lower the share, or set the dearest channel to 0." if one.cost else ""
    return (
        f"To learn from: {numbers[0]} customers drawn by lot get no contact and {numbers[1]} a channel by lot, for "
        f"{words.money(spent, currency)}. Compared with their best, that is about {cost} less, at the plan's prices "
        f"({plan_words.UNPROVEN})." + (much if spent > one.cost / 2 else "")
    )


def beside(one: Solved) -> None:
    """Plan, current practice and nobody, one below the other."""
    currency = ask.current().manifest["currency"]
    found, present = one.candidates, plan_solved.current_value(one.candidates)
    rows = [
        {"choice": "This plan", "contacts": one.contacts, "cost": one.cost, "value": one.value},
        {"choice": "Current practice, the last 30 days", "contacts": int(found.current_contacts.sum()),
         "cost": float(found.current_cost), "value": present},
        {"choice": "Nobody contacted", "contacts": 0, "cost": 0.0, "value": 0.0},
    ]  # fmt: skip
    layout.finding(f"Plan, current practice and nobody, by the same figures ({plan_words.UNPROVEN})")
    frame = pd.DataFrame(rows)
    if one.groups:
        frame["contacts"] = frame["contacts"].where((frame["contacts"] == 0) | (frame["contacts"] >= plan_words.LEAST))
        if present is None:
            frame = frame[frame["value"].notna()]
    tables.table(frame, "The plan beside what was done and beside nothing", currency, LABELS, UNITS)


def by_channel(one: Solved) -> None:
    """Contacts of each channel, how much of its capacity that takes, cost and expected margin."""
    currency, found = ask.current().manifest["currency"], one.candidates
    net = one.each(found.effect) - one.costs
    at = one.plan.channel.astype(np.int64)
    sums = np.bincount(at[at >= 0], net[at >= 0], minlength=len(one.labels))
    frame = pd.DataFrame(
        {
            "label": one.labels,
            "before": found.current_contacts,
            "contacts": one.plan.contacts,
            "capacity": [np.nan if limit is None else float(limit) for limit in found.capacity(one.policy)],
            "cost": one.plan.contacts * found.cost / UNIT,
            "value": sums,
        }
    )
    frame.insert(4, "used", frame["contacts"] / frame["capacity"].where(frame["capacity"] > 0))
    if one.groups:
        few = plan_words.withheld(list(map(int, frame["contacts"])))
        frame.loc[few, ["contacts", "used", "cost", "value"]] = np.nan
        customers = np.bincount(found.current[found.current >= 0], minlength=len(one.labels))
        few = plan_words.withheld([max(*pair) for pair in zip(customers, found.current_contacts > 0, strict=True)])
        frame.loc[few, "before"] = np.nan
    full = [words.safe_text(label, 60) for label, used in zip(one.labels, frame["used"], strict=True) if used >= 1]
    layout.finding(f"{words.listed(full)}: all contacts used" if full else "No channel is used up")
    tables.table(frame, "Contacts, capacity and cost by channel", currency, BY_CHANNEL, UNITS, ("label",))
