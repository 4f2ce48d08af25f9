"""The record of a campaign: what it changed, beside what attribution claims; verdict, arms, checks."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from components import access, ask, campaign_charts, cards, charts, layout, tables, words
from components import campaign_words as spoken
from components.campaign_charts import AT_THE_END, unit_of
from components.campaign_check import facts
from components.campaign_find import Found, listed
from data.catalog import Unit
from data.journal import campaigns, responses
from data.journal.campaign_rows import EXPORTED
from data.view import SMALLEST_GROUP

ALARM = 0.001  # a sample ratio, or contacts by others, this unlikely is no accident
INTERVALS = {"at any look": "holds whenever it is looked at", AT_THE_END: "of the end that was fixed beforehand"}
UNITS = {"number": Unit.COUNT, "answers": Unit.COUNT, "conversion": Unit.SHARE, "cost": Unit.MONEY}


def show(one: Found) -> None:
    """Figures, the chart of the effect over time, the verdict, promised beside realised, arms and checks."""
    waiting = one.row is None or (one.own is not None and one.figure("measured_from") is None)
    if waiting:
        not_yet(one)
    else:
        figures(one)
        over_time(one)
        verdict(one)
        promised(one)
        arms(one)
        checks(one)
    if one.own:
        with st.expander("What was promised and approved"):
            facts(one.own.promise)


def not_yet(one: Found) -> None:
    """Exported after the build on the screen was made: arms, the answers so far, and when there is more."""
    froze = campaigns.frozen(access.journal(), one.key)
    with cards.row(3):
        cards.card("Treated", words.count(reached(froze)), "drawn, explored ones included")
        cards.card("Held out", words.count(froze.get("control", 0)), "drawn at random")
        answers(one)
    with st.container(border=True):
        st.markdown("**It is measured with the next build.**")
        layout.quiet(
            "Its recipients have still to be sent: see below. The window begins with the first complete delivery."
            if one.state == EXPORTED
            else "The build on the screen was made before it was launched. Answers above are live from the journal."
        )


def reached(froze: dict[str, Any]) -> int:
    """Customers drawn to be contacted."""
    return int(froze.get("treated", 0)) + int(froze.get("exploration", 0))


# Key figures


def figures(one: Found) -> None:
    """Incremental margin and return with their intervals, the attributed one beside them, and answers."""
    margin, roi = one.figure("incremental_margin"), one.figure("incremental_roi")
    treated = one.figure("treated_customers") or 0
    ends = [one.figure(f"margin_effect_{end}") for end in ("low", "high")]
    ranged = [treated * float(end) for end in ends if end is not None]
    held = INTERVALS.get(one.figure("interval"), "")
    with cards.row(4):
        cards.card(
            "Incremental margin",
            spoken.money(margin, short=True) if margin is not None else missing(one),
            f"{spoken.money(ranged[0], True)} to {spoken.money(ranged[1], True)}; {held}"
            if len(ranged) == 2
            else why_not(one),
        )
        low, high = one.figure("incremental_roi_low"), one.figure("incremental_roi_high")
        cards.card(
            "Incremental ROI",
            words.ratio(roi) if roi is not None else missing(one),
            f"{words.ratio(low)} to {words.ratio(high)}; {held}"
            if low is not None and high is not None
            else why_not(one),
        )
        claimed(one)
        answers(one)


def missing(one: Found) -> str:
    """What stands where there is no figure."""
    return "Not yet" if one.figure("verdict") == "not yet" else words.NOT_KNOWN


def why_not(one: Found) -> str:
    """Why there is no figure."""
    if one.figure("verdict") == "not measurable":
        return "nobody comparable was held out"
    if one.figure("verdict") == "not yet":
        return "too early for an interval that holds"
    if one.figure("effect") is None and one.figure("treated_customers") is not None:
        return "too few customers in an arm"
    return one.figure("remark") or "not known in this build"


def claimed(one: Found) -> None:
    """What attribution claims: beside the incremental figure, never added to it."""
    roi, inflation = one.figure("attributed_roi"), one.figure("inflation")
    note = "what attribution would claim; it is not added to the incremental one"
    if inflation is not None:
        note = f"claims {words.ratio(inflation)} times the revenue that was incremental; the two are never added"
    elif roi is None and (margin := one.figure("attributed_margin")) is not None:
        note = (
            f"attribution claims {spoken.money(margin, True)} of margin so far; it is not added to the incremental one"
        )
    cards.card("Attributed ROI", words.ratio(roi) if roi is not None else words.NOT_KNOWN, note)


def answers(one: Found) -> None:
    """Answers of the treated beside those held out: live for campaigns of the journal, else of the build."""
    if one.own:
        found = responses.counts(access.journal(), access.reader(), one.key)
        treated = found.answered.get("treated", 0) + found.answered.get("exploration", 0)
        since = f", the latest {ask.moment(found.latest)}" if found.latest else ""
        said = {"treated": words.count(treated), "control": words.count(found.answered.get("control", 0))}
        said |= dict.fromkeys(found.few, f"<{SMALLEST_GROUP}")
        cards.card("Answers", said["treated"], f"of those treated; {said['control']} of those held out{since}")
        return
    rates = [one.figure(f"response_{arm}") for arm in ("treated", "control")]
    if rates[0] is not None and rates[1] is not None:
        note = f"of {words.count(one.figure('treated') or 0)} contacts; held out: {words.share(rates[1])}"
    else:
        rate = one.figure("response_rate")
        shown = words.share(rate) if rate is not None else words.NOT_KNOWN
        note = f"{shown} of {words.count(one.figure('treated') or 0)} contacts"
    cards.card("Answers", words.count(one.figure("responses") or 0), note)


# Over time


def over_time(one: Found) -> None:
    """The one chart: what it changed so far, day by day."""
    days = listed("campaign_day", one.key)
    outcome, currency = one.figure("outcome"), spoken.currency()
    days = days[days["effect"].notna()] if len(days) else days
    if not len(days) or (one.figure("effect") is None and one.figure("verdict") != "not yet"):
        layout.finding(finding(one))
        if one.figure("verdict") == "not yet":
            layout.quiet("No day of its window is in the data yet, or an arm is too small: there is nothing to draw.")
        return
    text = finding(one)
    layout.finding(text)
    ends = one.figure("measured_to")
    cost = cost_each(one) if outcome == "margin" else None
    figure = campaign_charts.effect(days, outcome, currency, cost, ends)
    last = days.iloc[-1]
    now = campaign_charts.said(last["effect"], last["low"], last["high"], unit_of(outcome), currency)
    charts.draw(
        figure, alt=f"{text} {spoken.outcome(outcome)}, treated less held out: {now} on {words.day(last['day'])}."
    )
    layout.quiet(
        f"{spoken.outcome(outcome)} of a treated customer less that of one held out, summed since the start."
        f"{drawn_intervals(days)}"
    )


def drawn_intervals(days: pd.DataFrame) -> str:
    """What the intervals in the chart mean: only of those that are drawn."""
    known, end = days["low"].notna(), days["interval"].eq(AT_THE_END)
    band = " The band holds however often it is looked at." if (known & ~end).any() else ""
    return band + (
        " The diamond is the interval of the end, which alone gives the verdict." if (known & end).any() else ""
    )


def finding(one: Found) -> str:
    """The title of the chart: the verdict with its figure."""
    word, running = spoken.verdict(one.figure("verdict")), one.figure("verdict") == "not yet"
    effect = one.figure("effect")
    if effect is None:
        few = "too few customers in an arm" if one.figure("treated_customers") is not None else "nobody comparable"
        return "What it changed cannot be told from chance so early" if running else f"{word}: {few}"
    written = words.figure(effect, unit_of(one.figure("outcome")), spoken.currency())
    said = f"{written} {spoken.outcome(one.figure('outcome')).lower()} a customer beyond those held out"
    cost = cost_each(one) if one.figure("outcome") == "margin" else None
    if cost is not None:
        said += f", at a cost of {spoken.money(cost)}"
    return f"So far {said}" if running else f"{word}: {said}"


def cost_each(one: Found) -> float | None:
    """What a treated customer cost, currency."""
    treated, cost = one.figure("treated_customers"), one.figure("cost")
    return float(cost) / float(treated) if treated and cost else None


# In words


def verdict(one: Found) -> None:
    """The verdict with its reason and the next step."""
    with st.container(border=True, gap="xsmall"):
        st.markdown(f"**Verdict:** {spoken.verdict_badge(one.figure('verdict'))}")
        for name in ("reason", "remark"):
            if text := one.figure(name):
                st.markdown(words.safe_text(text, 800))
        if text := one.figure("next_step"):
            st.markdown(f"**Next:** {words.safe_text(text, 400)}")
        graded = one.step("grade")
        if graded:
            layout.quiet(f"Graded {ask.moment(graded.at)}; later builds change nothing about that.")


def promised(one: Found) -> None:
    """What was expected of one treated customer beside what came of it."""
    own = one.own.promise if one.own else None
    given: list[Any] = [one.figure(name) for name in ("expected_effect", "expected_low", "expected_high")]
    if own:
        given = [own.expected, own.expected_low, own.expected_high]
    if given[0] is None:
        layout.quiet("Nothing was promised for it, so there is no promise to compare with.")
        return
    came = [one.figure(f"margin_effect{end}") for end in ("", "_low", "_high")]
    rows = [
        ("Promised", spoken.money_interval(given[0], given[1], given[2])),
        ("Realised", spoken.money_interval(came[0], came[1], came[2])),
    ]
    if came[0] is not None:
        rows.append(("Difference", spoken.money(float(came[0]) - float(given[0]))))
    basis = own.basis if own else one.figure("basis")
    rows.append(("Forecast from", words.safe_text(basis) if basis else words.NOT_KNOWN))
    layout.finding("Promised and realised: margin for each customer treated")
    tables.facts(rows, "What was promised and what came of it")


def arms(one: Found) -> None:
    """A row for each arm: customers, mean of the outcome, conversion, answers, cost."""
    unit = unit_of(one.figure("outcome"))
    rows = []
    for arm in ("treated", "control"):
        number = one.figure(f"{arm}_customers")
        if number is None:
            continue
        rate = one.figure(f"response_{arm}")
        rows.append({
            "arm": spoken.ARMS[arm], "number": number, "mean": one.figure(f"{arm}_mean"),
            "conversion": one.figure(f"conversion_{arm}"), "answers": rate * number if rate is not None else None,
            "cost": one.figure("cost") if arm == "treated" else 0,
        })  # fmt: skip
    if not rows:
        return
    layout.finding("The arms")
    mean = f"{spoken.outcome(one.figure('outcome'))} a customer"
    labels = {
        "arm": "Arm",
        "number": "Customers",
        "mean": mean,
        "conversion": "Bought",
        "answers": "Answers",
        "cost": "Cost",
    }
    tables.table(
        pd.DataFrame(rows), "Arms of the campaign", spoken.currency(), labels, UNITS | {"mean": unit}, ("arm",)
    )
    layout.quiet("Everybody counts in the arm that was drawn, contacted or not.")


def checks(one: Found) -> None:
    """Sample ratio, other campaigns, adjusted effect."""
    rows = []
    if (p := one.figure("ratio_p")) is not None:
        said = "**broken**: customers of an arm are missing or counted twice" if p < ALARM else "as drawn"
        rows.append(("Sizes of the arms", f"{said} (p = {p:.2g})"))
    if (p := one.figure("touched_p")) is not None:
        shares = " and ".join(words.share(one.figure(f"{arm}_touched")) for arm in ("treated", "control"))
        said = "**mixed into this one**" if p < ALARM else "reached both arms alike"
        rows.append(("Other campaigns", f"{said}: {shares} of treated and held out (p = {p:.2g})"))
    if (value := one.figure("adjusted_effect")) is not None:
        unit, currency = unit_of(one.figure("outcome")), spoken.currency()
        low, high = (words.figure(one.figure(f"adjusted_{end}"), unit, currency) for end in ("low", "high"))
        ratio = one.figure("variance_ratio")
        narrowed = f"; its variance is {words.ratio(ratio)} of the plain one's" if ratio is not None else ""
        rows.append(
            ("Adjusted for what was known before", f"{words.figure(value, unit, currency)} ({low} to {high}){narrowed}")
        )
    if rows:
        layout.finding("Checks")
        tables.facts(rows, "Checks of the measurement")
