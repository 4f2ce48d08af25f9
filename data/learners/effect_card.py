"""The model card 'contact-effect' and the sentence of each channel: whether a contact was tested, and who differs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import numpy as np

from data.learners.effect_trial import Bands, Counts, trial
from data.learners.known import Known
from data.model_card import IN_USE, NOT_ENOUGH, UNPROVEN, Card

if TYPE_CHECKING:  # scipy is loaded by builds only, never by the web process
    from models.effect import Effects, Estimate

ENOUGH = 200  # customers treated, and held out, that a channel needs
SURE = 1.5657  # an interval of 99 % by one of 90 %
DIFFERS = {"customer": "customers", "segment": "segments", "channel": "no reliable difference"}
BASIS = "What is given is the rate of answers times the margin of an order, which does not prove that a contact changes"
KEEP = "insert into effect_channel values (?, ?, ?, ?, ?, ?, ?, ?, ?)"


def card(
    known: Known, con: duckdb.DuckDBPyConnection, counts: dict[str, Counts], found: dict[str, Effects], bands: Bands
) -> Card:
    """Everything there is to say about the effects of contacts; fills effect_channel on the way."""
    channels = [name for (name,) in con.execute("select channel from feed_channels order by channel").fetchall()]
    used = {name for (name,) in con.execute("select channel from effect_usual").fetchall()}
    made = Card(
        "contact-effect",
        "Effect of a contact",
        "What margin does one contact bring, on which channel, and for whom?",
        "Doubly-robust scores of customers held out at random, in folds of customers; segments drawn toward the "
        "channel; single customers by a ridge of the scores, where its ranking proves itself; else answers × margin",
        "1",
        *state(used, found),
        known.cut,
        con.execute("select count(distinct number)::integer from effect_trial").fetchall()[0][0],
        "90 %, normal; the rows of a customer go together",
    )
    share = len(found) / max(len(used | found.keys()), 1)
    made.checked(
        "channels tested",
        bool(found) if used | found.keys() else None,
        f"{len(found)} of {len(used | found.keys())} channels that were used are tested ({100 * share:.0f} %): there "
        f"at least {ENOUGH} customers each were contacted and held out at random, in campaigns that ended.",
    )
    for channel in channels:
        count = counts.get(channel, Counts(0, 0, 0))
        if channel in found:
            describe(made, channel, found[channel], count)
            backtest(made, con, channel, found[channel], bands)
        elif channel in used:
            made.checked(f"{channel}: enough held out", False, why(None, count))
        keep(con, channel, found.get(channel), count)
    return made


def state(used: set[str], found: dict[str, Effects]) -> tuple[str, str]:
    """State of the card, and why."""
    if not found:
        if not used:
            return NOT_ENOUGH, "Nobody was contacted in the 24 months before the cut-off."
        return UNPROVEN, "On no channel were enough customers held out at random: all figures are unproven."
    rest = f"; unproven on: {', '.join(sorted(used))}" if used else ""
    return IN_USE, f"Tested on: {', '.join(sorted(found))}{rest}."


def keep(con: duckdb.DuckDBPyConnection, channel: str, effects: Effects | None, count: Counts) -> None:
    """The row of one channel; of an unproven one the figures follow from those of its customers."""
    row: list = [None, None, None, "unproven"]
    if effects:
        mean = effects.channel
        row = [mean.value, mean.low, mean.high, DIFFERS[effects.level]]
    con.execute(KEEP, [channel, *count, *row, why(effects, count)]).fetchall()


def why(effects: Effects | None, count: Counts) -> str:
    """Why the channel's figure is what it is, in one sentence or two."""
    campaigns = f"{count.campaigns:,} campaign{'s' * (count.campaigns != 1)}"
    if effects is None:
        few = (
            f"Only {count.held:,} customers were held out at random and {count.treated:,} contacted; {ENOUGH} of each "
        )
        few += "are needed."
        return f"{few if count.campaigns else 'Nobody was held out at random.'} {BASIS} anything."
    drawn = f"{campaigns} contacted {count.treated:,} and held out {count.held:,} customers at random"
    if effects.level == "customer":
        share = f"{100 * effects.slope.value:.0f} % of how customers' own estimates differ is used"
        return f"{drawn}; ranking by own estimates beats chance (p = {effects.qini_p:.2g}), and {share}."
    if effects.level == "segment":
        return (
            f"{drawn}; effects differ by how recently and how often customers order (p = {effects.segments.p:.2g}), so "
            "each segment has its own, drawn toward the channel's."
        )
    return f"{drawn}; they show no reliable difference between customers, so everybody has the channel's mean effect."


def describe(made: Card, channel: str, effects: Effects, count: Counts) -> None:
    """Parameters and checks of one tested channel."""
    mean, segments = effects.channel, effects.segments
    made.value(f"{channel}: mean effect", mean.value, mean.se)
    made.value(f"{channel}: standard deviation between segments", float(np.sqrt(segments.between)))
    if effects.level == "customer":
        made.value(f"{channel}: share of own estimates used", effects.slope.value, effects.slope.se)
    made.checked(f"{channel}: enough held out", True, why(effects, count))
    made.checked(
        f"{channel}: customers differ",
        effects.level != "channel" or None,
        f"Segments: Q = {segments.q:.1f} with {segments.df} degrees of freedom, p = {segments.p:.2g}. Ranking by own "
        f"estimates: p = {effects.qini_p:.2g}. Over all channels hardly anything passes by chance (Holm, 2 %).",
    )


def backtest(made: Card, con: duckdb.DuckDBPyConnection, channel: str, effects: Effects, bands: Bands) -> None:
    """The last campaign beside what the earlier ones would have foretold."""
    from models.effect import clustered

    last = effects.campaign == effects.campaign.max()
    name = f"{channel}: last campaign as foretold"
    if last.all():
        made.checked(name, None, "There was only one campaign.")
        return
    before, after = (clustered(effects.scores[rows], effects.customer[rows]) for rows in (~last, last))
    for candidate, one, rows in (("earlier campaigns", before, ~last), ("last campaign", after, last)):
        test(made, candidate, f"{channel}: mean effect", one, rows)
    gap, half = after.value - before.value, SURE * np.hypot(before.high - before.value, after.high - after.value)
    made.checked(
        name,
        bool(abs(gap) <= half),
        f"The last campaign brought {after.value:.2f} a contact (90 %: {after.low:.2f} to {after.high:.2f}), the "
        f"earlier ones {before.value:.2f} ({before.low:.2f} to {before.high:.2f}).",
    )
    if effects.level != "channel":
        compare(made, con, channel, effects, bands, last)


def compare(
    made: Card, con: duckdb.DuckDBPyConnection, channel: str, effects: Effects, bands: Bands, last: np.ndarray
) -> None:
    """Whether effects by segment or customer, learned from earlier campaigns, beat the channel's mean on the last."""
    from models.effect import Effects, clustered

    rows = trial(con, channel, bands)
    earlier = Effects(rows.of(~last), effects.count)
    earlier.settle(effects.base == "segment", effects.level == "customer")
    foretold, scores = earlier.of(rows.traits[last], rows.segment[last])[0], effects.scores[last]
    loss, usual = (scores - foretold) ** 2, (scores - earlier.channel.value) ** 2
    gain = clustered(usual - loss, effects.customer[last])
    test(made, f"by {effects.level}, over the channel's mean", f"{channel}: squared error saved", gain, last)
    made.checked(
        f"{channel}: better than the channel's mean",
        gain.value > 0,
        f"Squared error of the scores saved on the last campaign, against one effect for everybody: {gain.value:.2f} "
        f"(90 %: {gain.low:.2f} to {gain.high:.2f}).",
    )


def test(made: Card, candidate: str, measure: str, one: Estimate, rows: np.ndarray) -> None:
    """One figure of the backtest."""
    made.test(made.cut_off, candidate, measure, one.value, int(rows.sum()), one.low, one.high)
