"""Key figures of campaigns, and what they promised beside what came of them: sums from holdouts only."""

from __future__ import annotations

from collections.abc import Sequence

from components import ask, campaigns_chart, cards, charts, layout, words
from components import campaign_words as said
from components import campaigns_known as known
from components.campaigns_known import Line
from data.journal.campaign_rows import SUBMITTED

# Key figures


def figures(lines: Sequence[Line]) -> None:
    """What runs, what waits, what was proven this year, and whether promises came true."""
    running, waiting = [one for one in lines if one.running], [one for one in lines if one.state == SUBMITTED]
    reached = sum(one.customers or 0 for one in running)
    with cards.row(4):
        note = f"{words.counted(reached, 'customer')} in them, those held out included" if running else "none now"
        cards.card("Running", words.count(len(running)), note)
        oldest = f"the oldest since {ask.moment(min(one.at for one in waiting))}" if waiting else "nothing waits"
        cards.card("Waiting for approval", words.count(len(waiting)), oldest)
        cards.card(*proven_card(lines))
        cards.card(*promised_card(lines))
    layout.quiet(words.safe_text(unselected(lines), 900))


def proven_card(lines: Sequence[Line]) -> tuple[str, str, str]:
    """The sum of proven gains and losses of this year, and what is not in it."""
    year = known.of_year(lines)
    inside = known.proven(year)
    gains = sum(one.verdict == "proven gain" for one in inside)
    beside = [
        f"{words.count(number)} {word}"
        for word in ("not proven", "not measurable")
        if (number := sum(one.verdict == word for one in year))
    ]
    money = [one for one in year if one.verdict in known.PROVEN and one not in inside]
    beside += [f"{words.count(len(money))} proven, but not in money"] if money else []
    if not inside:
        none = f"no gain or loss proven; {words.listed(beside)}" if beside else "no campaign has ended this year"
        return "Proven this year, after cost", words.NOT_KNOWN, none
    found = known.total(inside, "net")
    low, high = (said.money(value, True) for value in (found.low, found.high))
    parts = [
        f"{low} to {high}",
        f"{words.counted(gains, 'gain')}, {words.counted(len(inside) - gains, 'loss', 'losses')}",
    ]
    parts += [f"not in it: {words.listed(beside)}"] if beside else []
    return "Proven this year, after cost", said.money(found.amount, True), "; ".join(parts)


def promised_card(lines: Sequence[Line]) -> tuple[str, str, str]:
    """Incremental margin of all graded promises beside what was promised."""
    graded = known.promised(lines)
    if not graded:
        return "Came true of promises", words.NOT_KNOWN, "no promise has been graded yet"
    aim = sum((one.expected or 0) * float(one.get("treated_customers") or 0) for one in graded)
    found = known.total(graded, "incremental_margin")
    low, high = (said.money(value, True) for value in (found.low, found.high))
    promises = words.counted(len(graded), "graded promise")
    return "Came true of promises", said.money(found.amount, True), (
        f"{low} to {high}, of {said.money(aim, True)} in {promises}; incremental margin before cost"
    )  # fmt: skip


def unselected(lines: Sequence[Line]) -> str:
    """How to read the sum of the year, and the same over all measured campaigns, proven or not."""
    text = (
        "Proven means: against customers held out at random, the 95 % interval leaves out 0. A sum of what passed a "
        "test reads high"
    )
    every = [one for one in known.of_year(lines) if one.ended and one.get("net") is not None]
    if every:
        found = known.total(every, "net")
        amount = said.money_interval(found.amount, found.low, found.high, True)
        text += f"; the {words.counted(len(every), 'campaign')} measured this year, proven or not, came to {amount}"
    return f"{text}. Variances are added; where campaigns share a control group, their errors are."


# Promises


def promises(lines: Sequence[Line]) -> None:
    """Did what was promised come true? The finding, the chart, and why attributed figures are not in it."""
    layout.finding(words.safe_text(finding(lines), 300))
    shown = campaigns_chart.shown(lines)
    if not shown:
        layout.quiet(
            "A campaign appears here with its promise as soon as customers held out at random can be compared "
            "with those it reached."
        )
    else:
        currency = said.currency()
        charts.draw(campaigns_chart.promises(shown, currency), alt=alt(shown, finding(lines)))
        layout.quiet(reading(lines, shown))
    if text := inflated(lines):
        layout.quiet(words.safe_text(text, 700))


def finding(lines: Sequence[Line]) -> str:
    """'Of 5 graded promises, 3 came true, 2 fell short', or why nothing can be said."""
    graded = known.promised(lines)
    if not graded:
        ended = sum(one.ended for one in lines)
        if ended:
            measured = words.counted(ended, "campaign")
            return f"{measured} {'is' if ended == 1 else 'are'} measured, but none of them had promised anything"
        return "No promise has been graded yet"
    ways = [known.against(one) for one in graded]
    parts = [f"{words.count(ways.count(0))} came true within the errors of both"]
    parts += [f"{words.count(ways.count(-1))} fell short"] if -1 in ways else []
    parts += [f"{words.count(ways.count(1))} did better"] if 1 in ways else []
    return f"Of {words.counted(len(graded), 'graded promise')}, {words.listed(parts)}"


def alt(shown: Sequence[Line], title: str) -> str:
    """The chart for those who do not see it."""
    return f"{title}. Margin less cost per treated customer. {'; '.join(map(spoken, shown[:10]))}."


def spoken(one: Line) -> str:
    """One row of the chart in words."""
    aim = f"promised {said.money_interval(*campaigns_chart.promised(one))}, " if one.expected is not None else ""
    came = said.money_interval(*campaigns_chart.realised(one))
    return f"{words.visible(one.name, 60)}: {aim}{campaigns_chart.series(one).lower()} {came}"


def reading(lines: Sequence[Line], shown: Sequence[Line]) -> str:
    """How to read the chart, and what is not in it."""
    blind = sum(one.verdict == "not measurable" for one in lines)
    text = (
        "Diamond: promised, less what was spent on a customer. Lines are intervals: as promised, and 95 % of what was "
        "measured. A gain or a loss is proven where a line leaves out 0."
    )
    if blind:
        text += (
            f" {words.counted(blind, 'campaign')} cannot be measured, because nobody was held out at random: not shown."
        )
    if len(shown) == campaigns_chart.MOST:
        text += f" The latest {campaigns_chart.MOST} are shown."
    return text


def inflated(lines: Sequence[Line]) -> str:
    """By how much attribution overstates what the measured campaigns changed; in words only, never beside them."""
    measured = [one for one in lines if one.ended and one.get("incremental_revenue") is not None]
    claim = sum(float(one.get("attributed_revenue") or 0) for one in measured)
    changed = sum(float(one.get("incremental_revenue")) for one in measured)
    if not claim:
        return ""
    times = f", {words.ratio(claim / changed)} times what the control groups show" if changed > 0 else ""
    return (
        f"Attribution would credit these campaigns with {said.money(claim, True)} of revenue{times}: it counts what "
        "their customers would have bought anyway. So it is on no axis here, and in no sum."
    )
