"""What is wrong with the rows of one source, counted and added up; and when it is enough to refuse the source."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from data.files import Rejected

MOST_PERSONAL = 0.01  # from this share of rows on, a column is personal data, not a stray value
WHOLE = "This file is taken whole or not at all, so that no choice of yours is lost; mend it"


@dataclass(frozen=True)
class Verdict:
    """Rows of one source that share a problem (None: nothing is wrong), with sums and absolute sums of the controls."""

    problem: str | None
    rows: int
    sums: dict[str, Decimal]
    absolute: dict[str, Decimal]


def refuse_personal(verdicts: list[Verdict]) -> None:
    """A few stray values are quarantined; more of them mean that the column is personal data."""
    strays = [verdict for verdict in verdicts if verdict.problem and "looks like" in verdict.problem]
    stray, rows = (sum(verdict.rows for verdict in some) for some in (strays, verdicts))
    if stray > max(MOST_PERSONAL * rows, 1):
        kinds = "; ".join(str(verdict.problem) for verdict in strays)
        raise Rejected(
            f"{stray:,} of {rows:,} rows hold personal data ({kinds}). Leave the column out in a mapping, "
            "or turn it into a key there with pseudonym(column); a plain hash is not enough"
        )


def refuse_wrong(verdicts: list[Verdict]) -> None:
    """For sources that are taken whole: any wrong row refuses them."""
    if bad := [verdict for verdict in verdicts if verdict.problem]:
        wrong, rows = (sum(verdict.rows for verdict in some) for some in (bad, verdicts))
        said = "; ".join(str(verdict.problem) for verdict in bad)
        raise Rejected(f"{wrong:,} of {rows:,} rows cannot be used: {said}. {WHOLE}")
