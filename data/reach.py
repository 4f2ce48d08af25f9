"""What a reader may choose from: the members of every filter that occur inside the reader's scope."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from data.question import Question
from data.view import Scope, View
from data.warehouse import Build


def values(
    build: Build, scope: Scope, answer: Callable[[Question, Build], pd.DataFrame] | None = None
) -> dict[str, list[str]]:
    """Filter -> its members in scope, in alphabetical order; filters with nothing in scope are left out.

    answer: how questions are answered, when not by the build itself (a cache).
    """
    offered: dict[str, list[str]] = build.manifest["filters"]
    if scope.attributes is not None:
        offered = {name: members for name, members in offered.items() if name in scope.attributes}
    if scope.everything:
        return offered
    found = {}
    for name in offered if scope.members else ():
        question = Question(by=(name,), view=View(scope))
        rows = answer(question, build) if answer else build.answer(question)
        members = set(rows[name].astype(str))
        found[name] = [member for member in offered[name] if member in members]
    return {name: members for name, members in found.items() if members}
