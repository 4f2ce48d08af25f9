"""How large a channel plan will be, before it is made: its customers, and what their contacts cost at present."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from data.plan import CURRENT_DAYS
from data.plan_policy import UNIT, Policy
from data.plan_read import chosen_by, parts, text_of
from data.view import View
from data.warehouse import Build


def size(build: Build, view: View, policy: Policy) -> tuple[int, Decimal]:
    """Customers of a policy inside a scope, and the cost of their contacts in the last 30 days of the data, currency.

    Raises Refused or Invalid.
    """
    chosen, values = chosen_by(build, view, policy)
    end = datetime.fromisoformat(build.manifest["as_of"]).astimezone(UTC).replace(tzinfo=None)
    values |= {"end": end, "recently": end - timedelta(days=CURRENT_DAYS)}
    [row] = parts(build, "size.sql", text_of("member.sql").replace("{chosen}", chosen), values)
    return int(row["customers"][0]), Decimal(int(row["spent"][0])) / UNIT
