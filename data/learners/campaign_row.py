"""The row of one campaign in learned_campaign: effects, what it earned, and the verdict in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from data.learners import campaign_arms as arms
from data.view import SMALLEST_GROUP

if TYPE_CHECKING:  # scipy is loaded by builds only, never by the web process
    from models.adjustment import Adjusted
    from models.campaign_roi import CampaignRoi
    from models.experiment import Difference, SampleRatio
    from models.verdict import Verdict

AT_ANY_LOOK, AT_THE_END = "at any look", "at the end"
FARTHEST = 100  # times the customers there were: an advice to have more than that is none
UNKNOWN_MARGIN = (
    "What it earned is not known: the order lines have no cost, and the campaigns feed no margin_rate for it."
)
NO_COST = "Its return is not known: the feeds know no cost of it."
NOT_FIXED = "The end of its window was not fixed beforehand: 30 days after the last contact are counted."
NOT_DRAWN = "Who was held out was not drawn at random, so the two groups differ anyway."
DRAW_NEXT = "Next time let a holdout be drawn at random before the export, and say so in assignment."
NO_CONTACTS = "The contacts feed has no contact of it."


DIFFERENCES = ("effect", "margin_effect", "response_effect", "conversion_effect", "revenue_effect")
NUMBERS = (
    *(f"{name}{end}" for name in DIFFERENCES for end in ("", "_se", "_low", "_high")),
    *(f"{name}_{arm}" for name in ("response", "conversion", "revenue") for arm in ("treated", "control")),
    *("treated_mean", "control_mean", "adjusted_effect", "adjusted_low", "adjusted_high", "variance_ratio"),
    *("attributed_revenue", "attributed_margin", "attributed_roi", "incremental_revenue", "incremental_margin"),
    *("inflation", "net", "net_low", "net_high"),
    *("incremental_roi", "incremental_roi_low", "incremental_roi_high"),
    *("treated_touched", "control_touched", "touched_p", "ratio_chi2", "ratio_p"),
)
COLUMNS = (
    {"campaign_id": "str", "treated_customers": "Int64", "control_customers": "Int64", "interval": "str"}
    | dict.fromkeys(NUMBERS, "float64")
    | {"covariates": "Int64", "ratio_df": "Int64", "customers_needed": "Int64", "verdict": "str", "reason": "str"}
    | {"next_step": "str", "remark": "str", "sound": "bool"}
)


@dataclass(frozen=True)
class Found:
    """One campaign: its row of campaign_window with cost and attribution, its arms, and what was learned of all."""

    row: Any
    strata: arms.Strata
    ratio: SampleRatio | None
    adjusted: Adjusted | None

    @property
    def running(self) -> bool:
        """Whether the window goes on beyond the data."""
        return self.row.days_left > 0

    def shown(self, name: str, factor: float = 1.0) -> tuple[arms.Pair, Difference | None]:
        """Both arms of an outcome, and their difference with the interval that may be shown now."""
        sides = arms.pair(self.strata, name, factor)
        days = self.row.window_days - self.row.days_left
        elapsed = days / self.row.window_days if self.row.window_days > 0 else 0
        return sides, arms.shown(sides, self.running, arms.planned_se(self.strata, name, factor), elapsed)

    @property
    def value(self) -> tuple[str, float] | None:
        """What a customer's margin is worked out from: an outcome and the rate it is multiplied by; None if unknown."""
        if self.row.costed:
            return "margin", 1.0
        return ("revenue", float(self.row.margin_rate)) if self.row.margin_rate > 0 else None

    @property
    def outcome(self) -> tuple[str, float]:
        """The outcome that it is judged by, as an outcome of the sums and what it is multiplied by."""
        if self.row.outcome == "margin" and not self.row.costed:
            return "revenue", float(self.row.factor)
        return self.row.outcome, 1.0


def measured(found: Found) -> dict[str, Any]:
    """The row of one campaign; of an arm with fewer customers than the smallest group, no figures are told."""
    result: dict[str, Any] = {"campaign_id": found.row.campaign_id} | claimed(found)
    if not found.strata:
        return result | said(without_control(found), found)
    sides, effect = found.shown(*found.outcome)
    result |= {"treated_customers": sides.treated.n, "control_customers": sides.control.n}
    value = found.shown(*found.value)[1] if found.value else None
    roi = earned(found, value)
    if min(side.n for side in sides) >= SMALLEST_GROUP:
        result |= {"treated_mean": sides.treated.mean, "control_mean": sides.control.mean}
        result |= {"interval": AT_ANY_LOOK if found.running else AT_THE_END}
        result |= differing("effect", effect) | differing("margin_effect", value)
        for name, column in (("response", "responses"), ("conversion", "buyers"), ("revenue", "revenue")):
            result |= compared(name, *found.shown(column))
        result |= incremental(found, roi, value) | adjusted(found) | checks(found)
    needed = customers_needed(found)
    return result | judged(found, sides, roi, needed) | {"customers_needed": needed or None}


def adjusted(found: Found) -> dict[str, Any]:
    """The effect adjusted for what was known before, and by how much that narrowed it."""
    if not found.adjusted:
        return {}
    own = found.adjusted.difference
    result = {"adjusted_effect": own.estimate, "adjusted_low": own.low, "adjusted_high": own.high}
    return result | {"variance_ratio": found.adjusted.variance_ratio, "covariates": len(found.adjusted.columns)}


def checks(found: Found) -> dict[str, Any]:
    """Shares that other campaigns reached, and whether the arms are as large as they were drawn."""
    mixed, ratio = arms.touched(found.strata), found.ratio
    result = {"treated_touched": mixed.treated.mean, "control_touched": mixed.control.mean, "touched_p": mixed.p}
    return result | ({"ratio_chi2": ratio.chi2, "ratio_df": ratio.df, "ratio_p": ratio.p} if ratio else {})


def without_control(found: Found) -> Verdict:
    """Verdict where nobody was held out, or not at random."""
    from models.verdict import NOT_MEASURABLE, Verdict, verdict

    if not found.row.contacts and not found.row.held_out:
        return Verdict(NOT_MEASURABLE, (NO_CONTACTS,), "Load its contacts, those held out included.")
    if not (found.row.treated and found.row.held_out):
        return verdict(None, np.nan, np.nan)
    return Verdict(NOT_MEASURABLE, (NOT_DRAWN,), DRAW_NEXT)


def judged(found: Found, sides: arms.Pair, roi: CampaignRoi | None, needed: int) -> dict[str, Any]:
    """Verdict in words by the net gain, or by the effect on orders or responses where those were to be judged."""
    from models.experiment import welch
    from models.verdict import failures, verdict

    fixed, mixed = welch(*sides), arms.touched(found.strata)
    low, high = fixed.low, fixed.high
    if found.row.outcome in ("margin", "revenue") and roi:
        low, high = roi.net_low, roi.net_high
    elif found.row.outcome in ("margin", "revenue") and found.row.cost > 0:
        n = sides.treated.n  # whatever the margin, from none of the revenue to all of it
        low, high = min(low, 0) * n - found.row.cost, max(high, 0) * n - found.row.cost
    word = verdict(fixed, low, high, found.ratio, mixed, True, int(found.row.days_left), needed)
    sound = not found.running and not failures(fixed, found.ratio, mixed)
    return said(word, found) | {"sound": sound}


def said(word: Verdict, found: Found) -> dict[str, Any]:
    """A verdict as columns, with what else is to be known about it."""
    remarks = [UNKNOWN_MARGIN] if found.value is None else []
    remarks += [] if found.row.cost > 0 else [NO_COST]
    remarks += [] if found.row.window_fixed or not found.strata else [NOT_FIXED]
    return {"verdict": word.word, "reason": " ".join(word.reasons), "next_step": word.next_step, "sound": False} | {
        "remark": " ".join(remarks)
    }


def compared(name: str, sides: arms.Pair, difference: Difference | None) -> dict[str, Any]:
    """A further outcome in both arms; no effect on answers where nobody held out ever could answer."""
    result = {f"{name}_treated": sides.treated.mean, f"{name}_control": sides.control.mean}
    silent = name == "response" and not sides.control.events
    return result | ({} if silent else differing(f"{name}_effect", difference))


def differing(name: str, difference: Difference | None) -> dict[str, Any]:
    """A difference as columns: estimate, standard error, interval."""
    if difference is None:
        return {}
    values = (difference.estimate, difference.se, difference.low, difference.high)
    return dict(zip((name, f"{name}_se", f"{name}_low", f"{name}_high"), values, strict=True))


def earned(found: Found, value: Difference | None) -> CampaignRoi | None:
    """What it earned beyond its cost; None while it is too early to say."""
    from models.campaign_roi import campaign_roi

    if value is None or not np.isfinite(value.estimate):
        return None
    return campaign_roi(value, 1.0, float(found.row.cost), attributed_value(found))


def attributed_value(found: Found) -> float | None:
    """Margin that attribution would claim; None where no margin is known."""
    if not found.value:
        return None
    return float(found.row.attributed_margin if found.row.costed else found.value[1] * found.row.attributed_revenue)


def claimed(found: Found) -> dict[str, Any]:
    """What attribution claims, whoever was held out; a return only when the window has ended."""
    margin, cost = attributed_value(found), found.row.cost
    result: dict[str, Any] = {"attributed_revenue": found.row.attributed_revenue, "attributed_margin": margin}
    if margin is not None and cost > 0 and not found.running:
        result["attributed_roi"] = (margin - cost) / cost
    return result


def incremental(found: Found, roi: CampaignRoi | None, value: Difference | None) -> dict[str, Any]:
    """What it caused, in all: revenue, margin, net of its cost; attributed by incremental revenue."""
    revenue = found.shown("revenue")[1]
    result: dict[str, Any] = {}
    if revenue is not None:
        gained = revenue.treated.n * revenue.estimate
        result |= {"incremental_revenue": gained}
        result |= {"inflation": found.row.attributed_revenue / gained} if gained > 0 else {}
    if roi and value:
        result |= {"incremental_margin": value.treated.n * value.estimate}
        result |= {"net": roi.net, "net_low": roi.net_low, "net_high": roi.net_high}
        result |= {"incremental_roi": roi.roi, "incremental_roi_low": roi.low, "incremental_roi_high": roi.high}
    return result


def customers_needed(found: Found) -> int:
    """Customers in both arms that would show the net gain promised, or else the one seen; 0 where it cannot be said."""
    from models.experiment import welch
    from models.power import customers_needed

    if not found.value:
        return 0
    sides = arms.pair(found.strata, *found.value)
    n = sides.treated.n + sides.control.n
    variance = (sides.treated.variance * sides.treated.n + sides.control.variance * sides.control.n) / n
    promised = found.row.expected_effect
    effect = float(promised) if pd.notna(promised) else welch(*sides).estimate
    net = effect - found.row.cost / sides.treated.n if sides.treated.n else np.nan
    if not (net > 0 and variance > 0 and sides.control.n):
        return 0
    needed = customers_needed(net, variance, sides.control.n / n)
    return needed if needed <= FARTHEST * n else 0
