"""Who answers on which channel, how sure that is, what it costs to contact those who do not, and how often is often."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import streamlit as st

from components import access, ask, cards, charts, evidence, exports, filters, layout, offer, stacks, tables, words
from data.catalog import METRICS, Unit
from data.question import Listing, Question, View
from data.rights import CUSTOMERS

SIZE = 25
LIMITS = ["least_contacts", "most_contacts"]
NEEDS = "contacts.responded"
HIGH, LOW = "high responders", "low responders"
STATES = {
    "high_responders": ("high", charts.BETTER),
    "unsure_responders": ("not enough evidence", charts.QUIET),
    "low_responders": ("low", charts.WORSE),
}
SIZES = ("10", "30", "100", "300")  # the stored groups have ten customers or more
OPENS = ("open", "read", "view", "impression", "deliver")  # words of kinds that are no answers
LABELS = {
    "channel": "Channel",
    "response_kind": "Counted as an answer",
    "responses": "Answers",
    "customers": "Customers",
    "sent": "Contacts",
    "answered": "Answers",
    "rate": "Rate, shrunken",
    "interval": "90 % interval",
    "place": "Place",
    "unresponsive_cost": "Cost",
}
UNITS = dict.fromkeys(("responses", "customers", "sent", "answered", "place"), Unit.COUNT) | {
    "rate": Unit.SHARE,
    "unresponsive_cost": Unit.MONEY,
}


# What is asked


def question(view: View) -> Question:
    """How many customers each channel reached, and how many of them are high, low or neither."""
    return Question(("reached", *STATES, "unresponsive_cost"), ("channel",), view, order_by="reached")


def whole(view: View, table: str) -> pd.DataFrame | None:
    """A table of the whole company; None for those who see a part of it, for whom it would be somebody else's."""
    return ask.ask(Listing(table, View(view.scope))) if view.scope.everything else None


def intensity(view: View) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    """Rates of whole channels, and by the number of contacts a customer had; None where only a part is seen."""
    found = whole(view, "response_intensity")
    if found is None:
        return None
    spread = found["least_contacts"] == 0
    groups = found[~spread]
    return found[spread], groups.assign(group=[between(*row) for row in groups[LIMITS].itertuples(index=False)])


def between(least: int, most: float) -> str:
    """'3 to 4', '2', '9 or more', 'any'."""
    if not words.known(most):
        return f"{words.count(least)} or more"
    return words.count(least) if least == most else f"{words.count(least)} to {words.count(most)}"


# What is shown


def figures(view: View) -> None:
    """Shares of high, low and neither among all pairs of customer and channel, and what low responders cost."""
    asked = replace(question(view), by=(), order_by="")
    found, currency = ask.ask(asked).iloc[0], ask.current().manifest["currency"]
    pairs = f"of {words.counted(found['reached'], 'pair')} of customer and channel, last 24 months"
    with cards.row(4):
        for name, note in (
            ("high_responders", f"{pairs}; at most 1 in 10 of them wrong"),
            ("unsure_responders", "too few contacts to call them high or low: a state, not a failure"),
            ("low_responders", "rate below half of the channel's; at most 1 in 10 of them wrong"),
        ):
            share = words.share(found[name] / found["reached"])
            figure = f"{words.count(found[name])} ({share})"
            cards.card(METRICS[name].label, figure, note, Question((name, "reached"), view=view))
        money = words.money(found["unresponsive_cost"], currency, short=True)
        note = "contacts of low responders, last 24 months; part of the relationship investment"
        cards.card("Cost of low responders", money, note, Question(("unresponsive_cost",), view=view))


def states(found: pd.DataFrame, asked: Question) -> None:
    """High, low and not enough evidence, channel by channel."""
    title = states_title(found)
    layout.finding(title, asked, found)
    charts.draw(stacks.shares(found, "channel", STATES, "customer"), alt=f"Bars of 100 %, one a channel. {title}.")
    layout.quiet(
        "High: above 1.5 times the channel's usual rate; low: below half of it; each list is made so long that at most "
        "one in ten on it is expected to be wrong (false discovery rate). Opens are not responses: machines open "
        "messages too. Whether an answer would have come without the contact is a separate question "
        "(incremental response), which only a holdout answers."
    )
    evidence.show("responsiveness")


def states_title(found: pd.DataFrame) -> str:
    """On which channel most customers are known to answer, and of how many not enough is known."""
    total = found["reached"].sum()
    unsure = words.share(found["unsure_responders"].sum() / total)
    high = found["high_responders"] / found["reached"]
    if not found["high_responders"].sum():
        return f"No customer is known to answer above the usual; of {unsure} not enough is known"
    best = found.loc[high.idxmax()]
    name = called(best["channel"])
    share = words.share(high.max())
    return (
        f"{name} has most high responders, {share} of its customers; over all channels, of {unsure} not enough is known"
    )


def rates(found: pd.DataFrame) -> None:
    """The usual rate of every channel with its interval, and how far single customers' rates lie apart."""
    if not len(found):
        return
    found = found.sort_values(["rate", "channel"], ascending=[False, True])
    best = found.iloc[0]
    rate = stacks.said(*best[["rate", "low", "high"]])
    title = f"{called(best['channel'])} is answered most often: {rate} of its contacts"
    layout.finding(title)
    charts.draw(stacks.rates(found, "channel"), alt=f"Rates by channel with 90 % intervals. {title}.")
    layout.quiet(
        f"Answers per contact of the whole company, {window()}, whatever the filters; 90 % intervals, in which the "
        "answers of one customer go together. The broad bar holds the middle 90 % of the customers' own rates, each "
        "drawn toward the channel's the more, the fewer contacts it had; there is none below 100 customers, nor where "
        "own rates told no more of later contacts than the channel's."
    )


def saturation(found: pd.DataFrame, channel: str, usual: pd.DataFrame, least: str) -> None:
    """Rate of answers by the number of contacts a customer had on one channel."""
    rows = found[(found["channel"] == channel) & (found["customers"] >= int(least))]
    if len(rows) < 2:
        layout.too_few(len(rows), 2, "groups of customers by number of contacts")
        return
    base = float(usual.loc[usual["channel"] == channel, "rate"].iloc[0])
    first, last = rows.iloc[0], rows.iloc[-1]
    apart = first["high"] < last["low"] or last["high"] < first["low"]
    ends = (f"{stacks.said(*row[['rate', 'low', 'high']])} of contacts with {row['group']}" for row in (first, last))
    said = " and ".join(ends)
    verdict = "answer at different rates" if apart else "do not answer at reliably different rates"
    title = f"{called(channel)}: customers with few and with many contacts {verdict}"
    layout.finding(title)
    drawn = stacks.steps(rows, "group", base, "contacts of the customer in 24 months")
    charts.draw(drawn, alt=f"Rate of answers by number of contacts. {title}: {said}.")
    layout.quiet(
        f"Answered: {said}. The dotted line is the channel's usual rate. Whole company, {window()}. "
        "Who is contacted more often was chosen, so this tells nothing of what one more contact would do."
    )


def kinds(found: pd.DataFrame) -> None:
    """What was counted as an answer, and a warning where that is no more than an open."""
    if not len(found):
        return
    opened = found[found["response_kind"].str.lower().str.contains("|".join(OPENS))]
    if len(opened):
        share = words.share(opened["responses"].sum() / found["responses"].sum())
        layout.finding(f"{share} of what counts as an answer is an open, which is no response")
        layout.quiet("Leave opens out of the contacts feed (`responded`), or every rate on this page is too high.")
    else:
        layout.finding("Opens are not among the answers")
    tables.table(
        found[["channel", "response_kind", "responses", "customers"]],
        "What counted as an answer on each channel",
        labels=LABELS,
        units=UNITS,
    )


def cost(found: pd.DataFrame, view: View, currency: str) -> None:
    """What contacts of low responders cost, channel by channel."""
    total = found["unresponsive_cost"].sum()
    if not total:
        layout.finding("No money is known to have gone to low responders")
        layout.quiet("Of nobody is enough known to say that they answer less than half as often as is usual.")
        return
    rows = found[found["unresponsive_cost"] > 0].sort_values("unresponsive_cost", ascending=False)
    money, number = (
        words.money(total, currency, short=True),
        words.counted(found["low_responders"].sum(), "low responder"),
    )
    title = f"{money} went to contacts of {number} in 24 months"
    layout.finding(title, Question(("unresponsive_cost", "low_responders"), ("channel",), view))
    charts.draw(charts.bars(rows, "channel", METRICS["unresponsive_cost"], currency), alt=title)
    layout.quiet("Their answers are few, not none: what is lost by not contacting them only a holdout would tell.")


def people(found: pd.DataFrame, view: View, channel: str) -> None:
    """The customers called high or low on a channel, a page of them, each with the own rate and its interval."""
    if not access.may(CUSTOMERS):
        layout.quiet("Single customers are not listed for readers of groups.")
        return
    answers = filters.choice("answers", (HIGH, LOW), HIGH, "Customers", width=200)
    state = answers.split()[0]
    own = found.loc[found["channel"] == channel, f"{state}_responders"]
    number = int(own.iloc[0]) if len(own) else 0
    if not number:
        layout.finding(f"Nobody is known to be a {state} responder on {called(channel)}")
        return
    above = st.container()
    begins = (filters.page_number(number, SIZE) - 1) * SIZE
    asked = Listing("responder", view.only("channel", channel).only("answers", state), SIZE, begins)
    rows = ask.ask(asked)
    rows["interval"] = [
        f"{words.share(low)} to {words.share(high)}" for low, high in zip(rows["rate_low"], rows["rate_high"])
    ]
    with above:
        who = words.counted(number, f"{state} responder")
        layout.finding(f"{who} on {called(channel)}, the surest first")
        drawn = charts.ranking_whiskers(
            rows, "customer_id", "rate", "rate_low", "rate_high", Unit.SHARE, "", "own rate, drawn toward the channel's"
        )
        charts.draw(drawn, alt=f"Rates of {words.counted(len(rows), 'customer')} with 90 % intervals, as in the table.")
        shown = rows[["place", "customer_id", "rate", "interval", "sent", "answered", "unresponsive_cost"]]
        shown = shown if state == "low" else shown.drop(columns="unresponsive_cost")
        offer.customers(shown, f"{who} on {words.visible(channel, 60)}", f"{channel}_{state}_{begins}", LABELS, UNITS)
        exports.offer(asked, "responders", labels=LABELS, units=UNITS)


def called(channel: str) -> str:
    """A channel's name at the beginning of a title."""
    return words.safe_text(filters.caption(channel), 60)


def window() -> str:
    """'24 months up to 30 Sep 2026'."""
    known = evidence.cut_off()
    return f"24 months up to {words.day(known[0])}" if known else "the last 24 months"
