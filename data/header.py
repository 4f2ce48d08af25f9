"""SQL files with a contract on top: what the table is, its grain, its checks, how it is kept."""

from __future__ import annotations

import re
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

KEEP = ("table", "view", "temp")


@dataclass(frozen=True)
class Model:
    """One table of the build.

    needs: the other tables it reads. cluster, enum: how it is stored, not what it holds. split: a column of the grain
    by which it can be made part by part where memory is short; its SELECT says `{part}` where a part is chosen.
    """

    name: str
    sentence: str
    select: str
    grain: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    keep: str = "table"
    cluster: tuple[str, ...] = ()
    enum: tuple[str, ...] = ()
    split: str = ""
    needs: frozenset[str] = frozenset()


def read_model(path: Path) -> Model:
    """The contract and the SELECT of one file; ValueError when the header is not a contract."""
    text = path.read_text(encoding="utf-8")
    first = re.match(r"--\s*(\w+):\s*(.+)", text)
    if not first or first.group(1) != path.stem:
        raise ValueError(f"{path.name} must open with '-- {path.stem}: what one row is'")
    entries: dict[str, list[str]] = {}
    for name, value in re.findall(r"^--\s*(grain|check|keep|cluster|enum|split):\s*(.+?)\s*$", text, re.MULTILINE):
        entries.setdefault(name, []).append(value)
    keep = entries.get("keep", ["table"])[0]
    if keep not in KEEP:
        raise ValueError(f"{path.name}: keep is one of {', '.join(KEEP)}, not {keep!r}")
    select = re.sub(r"^--.*\n", "", text, flags=re.MULTILINE)
    return Model(
        name=path.stem,
        sentence=first.group(2),
        select=select.strip(),
        keep=keep,
        grain=names(entries.get("grain")),
        checks=tuple(entries.get("check", ())),
        cluster=names(entries.get("cluster")),
        enum=names(entries.get("enum")),
        split=entries.get("split", [""])[0],
        needs=frozenset(re.findall(r"\b(?:from|join)\s+([a-z_]+)", select)),
    )


def names(values: list[str] | None) -> tuple[str, ...]:
    """Comma-separated names of a header entry."""
    return tuple(re.split(r"\s*,\s*", values[0])) if values else ()


def in_order(models: dict[str, Model], learned: dict[str, frozenset[str]]) -> list[str]:
    """Names of SQL models and learned tables, each after what it needs."""
    known = models.keys() | learned.keys()
    graph = {name: model.needs & known for name, model in models.items()} | {
        n: needs & known for n, needs in learned.items()
    }
    # names are sorted first, so that the same files always run in the same order
    return list(TopologicalSorter({name: sorted(graph[name]) for name in sorted(graph)}).static_order())
