"""What a channel plan reads from a build: its statements, in parts, as arrays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from data.audience_sources import CUSTOMER, bound, named_in
from data.audience_sources import text_of as audience_text
from data.catalog import DIMENSIONS
from data.conditions import conditions
from data.journal.problems import Invalid
from data.plan_policy import Policy
from data.tables import is_of_customer
from data.view import Refused, View, label
from data.warehouse import Build

SQL = Path(__file__).parent / "sql" / "plan"
SHARED = ("consent", "reached", "resting")  # what campaigns go by, too
ROWS_AT_ONCE = 100_000


def text_of(file: str) -> str:
    """The SQL of a file."""
    return (SQL / file).read_text(encoding="utf-8")


def chosen_by(build: Build, view: View, policy: Policy) -> tuple[str, dict[str, Any]]:
    """The customers of a policy inside a scope as a condition, and its named values. Raises Invalid or Refused."""
    for name, _ in policy.members:
        if not is_of_customer(name) or (name not in DIMENSIONS and name not in build.attributes):
            raise Invalid(f"A plan is made of attributes of customers, and {label(name).lower()} is none here.")
        if view.scope.attributes is not None and name not in view.scope.attributes:
            raise Refused(f"You see groups only, and {label(name).lower()} could single customers out.")
    scope = view.scope.about(partners=False, single=True)
    return bound(*conditions(View(scope, policy.members), CUSTOMER, joined=False))


def parts(build: Build, file: str, member: str, values: dict[str, Any]) -> Iterator[dict[str, np.ndarray]]:
    """The rows of a statement in parts, as arrays by column. member: the SELECT of customers and their places."""
    text = text_of(file).replace("{member}", member)
    for name in SHARED:
        text = text.replace(f"{{{name}}}", audience_text(f"{name}.sql"))
    with asking(build), build.engine.reader(text, named_in(text, values), ROWS_AT_ONCE) as reader:
        for part in reader:
            yield {name: part[name].to_numpy(zero_copy_only=False) for name in part.schema.names}


def read(build: Build, text: str, values: dict[str, Any]) -> pa.Table:
    """The whole answer to a statement."""
    with asking(build), build.engine.reader(text, named_in(text, values), ROWS_AT_ONCE) as reader:
        return reader.read_all()


@contextmanager
def asking(build: Build) -> Iterator[None]:
    """Say in words that an older build lacks a table."""
    try:
        yield
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        raise Refused(
            f"Build {build.id} was made by an earlier Rapport, which did not work this out yet. "
            "Build again to have it: python -m data build FOLDER"
        ) from error
