"""What a campaign may be said to have done, in one word, with the reasons and what to do next."""

from __future__ import annotations

from dataclasses import dataclass

from models.experiment import ALARM, FEWEST_EVENTS, Difference, SampleRatio

GAIN, LOSS, NOT_PROVEN = "proven gain", "proven loss", "not proven"
NOT_MEASURABLE, NOT_YET = "not measurable", "not yet"


@dataclass(frozen=True)
class Verdict:
    """word: one of the five; reasons: sentences, none where it is proven; next_step: a sentence, or empty."""

    word: str
    reasons: tuple[str, ...] = ()
    next_step: str = ""


def verdict(
    difference: Difference | None,
    low: float,
    high: float,
    ratio: SampleRatio | None = None,
    contaminated: Difference | None = None,
    drawn: bool = True,
    days_left: int = 0,
    needed: int = 0,
) -> Verdict:
    """Judge the one outcome that was fixed beforehand.

    difference: None where nobody was held out; low, high: interval of the net gain, or of the effect where nothing was
    spent; ratio: None where the shares drawn are not known; contaminated: of `contamination`; drawn: whether the arms
    were drawn at random; days_left: until the end that was fixed beforehand; needed: customers that would show the
    effect expected, 0 where not known. A check that failed outweighs any interval.
    """
    if difference is None or min(difference.treated.n, difference.control.n) == 0:
        return not_measurable("Nobody was held out, so what would have happened anyway is not known.", needed)
    if not drawn:
        return not_measurable("Who was held out was not drawn at random, so the two groups differ anyway.", needed)
    failed = failures(difference, ratio, contaminated)
    if days_left > 0:
        end = f"The end that was fixed beforehand is in {days_left} day{'s' if days_left > 1 else ''}."
        broken = failed[1:] if not difference.enough else failed  # too few so far is no failure yet
        return Verdict(NOT_YET, (end, *broken), "Look as often as you like at the interval of the running campaign.")
    if failed:
        return Verdict(NOT_PROVEN, failed, mending(difference, needed))
    if low > 0:
        return Verdict(GAIN)
    if high < 0:
        return Verdict(LOSS, (), "Stop it, or change the offer, the audience or the channel.")
    reason = "The interval holds a gain and a loss: chance alone explains the difference."
    return Verdict(NOT_PROVEN, (reason,), larger(needed))


def failures(difference: Difference, ratio: SampleRatio | None, contaminated: Difference | None) -> tuple[str, ...]:
    """Why no interval may be believed, as sentences; too few comes first."""
    found = []
    if not difference.enough:
        fewest = min(difference.treated.events, difference.control.events)
        found.append(f"Too few: an arm has {fewest} conversions, and needs {FEWEST_EVENTS}.")
    if ratio is not None and ratio.broken:
        found.append(
            f"The sample ratio is broken (p = {ratio.p:.1g}): customers of one arm are missing or counted twice."
        )
    if contaminated is not None and contaminated.p < ALARM:
        shares = f"{contaminated.treated.mean:.1%} of the treated and {contaminated.control.mean:.1%} of those held out"
        found.append(f"Other campaigns reached {shares}, so their effects are mixed into this one.")
    return tuple(found)


def mending(difference: Difference, needed: int) -> str:
    """What to do about checks that failed."""
    if not difference.enough:
        return larger(needed)
    return "Find out where customers were lost or mixed, and repeat the campaign."


def larger(needed: int) -> str:
    """Advice to repeat with more customers."""
    return (
        f"Repeat it with {needed:,} customers in both arms."
        if needed
        else "Repeat it with more customers in both arms."
    )


def not_measurable(reason: str, needed: int) -> Verdict:
    """No control: what would have made it measurable."""
    group = f" With an even split {needed:,} customers would show the effect expected." if needed else ""
    return Verdict(NOT_MEASURABLE, (reason,), f"Next time let a holdout be drawn at random before the export.{group}")
