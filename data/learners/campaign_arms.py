"""Arms of campaigns from their sums, and the interval of a difference that may be shown early, or at the end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import duckdb
import numpy as np

if TYPE_CHECKING:  # scipy is loaded by builds only, never by the web process
    from models.experiment import Arm, Difference, SampleRatio

Strata = dict[float, dict[str, Any]]  # stratum -> arm -> its sums
COUNTED = {"responses": "responses", "buyers": "buyers"}  # outcomes that a customer has once or not at all
EVENTS = {"revenue": "revenue_events", "margin": "margin_events", "orders": "buyers"}
SAME_HELD_OUT = """
select list(campaign_id order by campaign_id)
from (
    select campaign_id, count(*) as held_out, bit_xor(hash(customer_id)) as who
    from campaign_customer where arm = 'control' group by campaign_id
)
group by held_out, who
having count(*) > 1
order by 1
"""
ALL_TREATED = """
select count(*) = count(distinct customer_id) from campaign_customer where arm = 'treated' and campaign_id in $campaigns
"""


class Pair(NamedTuple):
    """Treated and control."""

    treated: Arm
    control: Arm


def strata_of(con: duckdb.DuckDBPyConnection) -> dict[str, Strata]:
    """Campaign -> stratum -> arm -> the row of sums that campaign_arm has of it."""
    found: dict[str, Strata] = defaultdict(lambda: defaultdict(dict))
    rows = con.execute("select * from campaign_arm order by campaign_id, stratum, arm").df()
    for row in rows.itertuples(index=False):
        found[row.campaign_id][row.stratum][row.arm] = row
    return found


def arm(row: Any, name: str, factor: float = 1.0) -> Arm:
    """One arm of a stratum for an outcome, multiplied by factor; an empty one where nobody was drawn into it."""
    from models.experiment import arm_of_count, arm_of_sums

    if row is None:
        return arm_of_count(0, 0)
    n = int(row.n)
    if name in COUNTED:
        return arm_of_count(n, int(getattr(row, name)))
    events = int(getattr(row, EVENTS.get(name, "n")))
    return arm_of_sums(n, factor * getattr(row, name), factor**2 * getattr(row, f"{name}_squares"), events)


def pair(strata: Strata, name: str, factor: float = 1.0) -> Pair:
    """Both arms for an outcome; where strata were drawn with different shares, their weighted means."""
    from models.experiment import stratified

    sides = {
        str(key): Pair(arm(rows.get("treated"), name, factor), arm(rows.get("control"), name, factor))
        for key, rows in strata.items()
    }
    if len(sides) == 1:
        return next(iter(sides.values()))
    difference = stratified(sides)
    return Pair(difference.treated, difference.control)


def planned_se(strata: Strata, name: str, factor: float = 1.0) -> float | None:
    """Standard error to be expected at the end, from as long a time before the window; None where nothing is known."""
    from models.power import planned_error

    if name in COUNTED:
        return None
    before = pair(strata, f"{name}_prior", factor)
    treated, control = before.treated.n, before.control.n
    if min(treated, control) < 2:
        return None
    variance = float(np.average([side.variance for side in before], weights=[treated, control]))
    return planned_error(treated, control, variance) if variance > 0 else None


def shown(sides: Pair, running: bool, planned: float | None, elapsed: float) -> Difference | None:
    """The difference with the interval that may be shown now.

    While the campaign runs, one that holds whenever it is looked at, None where it is too early; at the end Welch's.
    elapsed: part of the window's days, the clock where planned is not known.
    """
    from models.experiment import welch
    from models.sequence import part_of_window, watch

    now = welch(*sides)
    if not running:
        return now
    progress = part_of_window(now, planned) if planned else elapsed
    return watch(*sides, progress=max(progress, 1e-9)) if np.isfinite(progress) else None


def experiments(con: duckdb.DuckDBPyConnection) -> list[tuple[str, ...]]:
    """Campaigns that share one and the same control group and treat different customers: arms of one experiment."""
    groups = [tuple(row[0]) for row in con.execute(SAME_HELD_OUT).fetchall()]
    return [group for group in groups if con.execute(ALL_TREATED, {"campaigns": list(group)}).fetchall()[0][0]]


def ratio_of(campaigns: Sequence[Strata]) -> SampleRatio | None:
    """Whether the arms are as large as they were drawn; of campaigns that share a control group, all arms at once.

    With shares s of treated among treated and control, each treated arm is s/(1 − s) times the control group. None
    where the shares are not known.
    """
    from models.experiment import sample_ratio

    shares = [[any_row(rows).share for rows in strata.values()] for strata in campaigns]
    if not all(np.isfinite(share) for of_campaign in shares for share in of_campaign):
        return None
    if len(campaigns) == 1:
        counted = [[customers(rows, "treated"), customers(rows, "control")] for rows in campaigns[0].values()]
        return sample_ratio(counted, [[share, 1 - share] for share in shares[0]])
    if any(len(of_campaign) > 1 or not 0 < of_campaign[0] < 1 for of_campaign in shares):
        return ratio_of(campaigns[:1])
    (control,) = {customers(rows, "control") for strata in campaigns for rows in strata.values()}
    treated = [customers(rows, "treated") for strata in campaigns for rows in strata.values()]
    odds = np.array([of_campaign[0] / (1 - of_campaign[0]) for of_campaign in shares] + [1.0])
    return sample_ratio([*treated, control], odds / odds.sum())


def touched(strata: Strata) -> Difference:
    """How many more of the treated than of those held out other campaigns reached in the window."""
    from models.experiment import contamination

    counts = []
    for side in ("treated", "control"):
        rows = [of[side] for of in strata.values() if side in of]
        counts += [sum(int(row.n) for row in rows), sum(int(row.touched) for row in rows)]
    return contamination(*counts)


def any_row(rows: dict[str, Any]) -> Any:
    """The sums of either arm."""
    return next(iter(rows.values()))


def customers(rows: dict[str, Any], side: str) -> int:
    """Customers of one arm of a stratum."""
    return int(rows[side].n) if side in rows else 0
