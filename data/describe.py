"""The generated parts of the documents: feeds, metrics and tables as Markdown, from the code that they describe.

`make docs` renews them; a test asserts that they are up to date.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from data.assemble import SQL
from data.build import Options, build
from data.casting import EXPECTED
from data.catalog import DIMENSIONS, FACTS, METRICS, Unit
from data.contract import FEEDS, SEEDS, SQL_TYPE, Column, Feed, Kind
from data.describe_words import MANIFEST, WRITTEN
from data.feed_samples import SAMPLES
from data.header import Model, read_model
from data.publish import builds
from data.warehouse import Warehouse

ROOT = Path(__file__).parent.parent
CUSTOMERS, SEED = 300, 7

# Text that is accepted for each kind, and text that is not.
TEXTS = {
    Kind.KEY: (("C0017", "0042", "a/b-7"), ("a key with a line break", "201 characters")),
    Kind.TEXT: (("North", "Büro & Co"), ("a text with a line break", "501 characters")),
    Kind.MONEY: (("12", "-0.5", "1234.5678"), ("1,234.50", "1.234,50", "€12", "1e3", "0.12345", " 5.00 ")),
    Kind.NUMBER: (("3", "-1", "0.25"), ("1_000", "0x10", "infinity")),
    Kind.MOMENT: (
        ("2026-01-31", "2026-01-31 13:00", "2026-01-31T13:00:00Z", "2026-01-31T13:00:00.25+02:00"),
        ("31.01.2026", "01/31/2026", "2026-02-30", "1767225600"),
    ),
    Kind.FLAG: (("true", "false", "1", "0", "yes", "no"), ("y", "on")),
    Kind.SHARE: (("0", "0.5", "1"), ("50%", "1.01", ".5")),
}


def feeds_markdown() -> str:
    """The text that each kind accepts, then every feed and seed with its columns."""
    kinds = table(
        ("kind", "stored as", "accepted, for example", "not accepted, for example", "reason in the quarantine"),
        (
            (kind.value, f"`{SQL_TYPE[kind]}`", ticks(TEXTS[kind][0]), ticks(TEXTS[kind][1]), EXPECTED[kind])
            for kind in Kind
        ),
    )
    parts = [f"## Values\n{kinds}", *map(feed_markdown, FEEDS.values())]
    parts += ["# Seeds", "Business choices as rows. A company's own file replaces the one in `data/seeds/`."]
    return "\n\n".join([*parts, *map(feed_markdown, SEEDS.values())])


def feed_markdown(feed: Feed) -> str:
    """One feed: what it is, what is lost without it, its columns, an example."""
    rows = (
        (f"`{c.name}`" + " *" * c.required, c.kind.value, c.unit, accepted(c), c.meaning, lost(feed, c))
        for c in feed.columns
    )
    columns = table(("column", "kind", "unit", "accepted", "meaning", "without it"), rows)
    unique = f" Unique by {ticks(feed.key)}." if feed.key else ""
    open_ = " Any further column becomes an attribute of the customer, and a filter." if feed.open else ""
    switched = needing(feed.name)
    off = f" Switched off: {ticks(switched)}." if switched and not feed.required else ""
    example = f"```csv\n{SAMPLES[feed.name]}\n```"
    return (
        f"## {feed.name}\n{feed.meaning}{unique}{open_}\n\n*Without it:* {feed.without}{off}\n\n{columns}\n\n{example}"
    )


def accepted(column: Column) -> str:
    """Choices and bounds of one column."""
    parts = [ticks(column.choices)] if column.choices else []
    parts += [f"at least {column.at_least}"] if column.at_least is not None else []
    parts += ["1980 or later" + ("" if column.future else ", not in the future")] if column.kind is Kind.MOMENT else []
    return ", ".join(parts)


def lost(feed: Feed, column: Column) -> str:
    """What is lost when one column is absent: the value it takes, and the figures that are switched off."""
    if column.required:
        return "the source is refused"
    value = {"": "", "case when revenue < 0 then 'return' else 'sale' end": "sale, or return when revenue is negative"}
    parts = [value.get(column.default, column.default.strip("'"))] if column.default else []
    switched = needing(f"{feed.name}.{column.name}")
    parts += [f"no {ticks(switched)}"] if switched else []
    return "; ".join(parts)


def needing(need: str) -> list[str]:
    """Names of the figures that are not known without a feed or feed.column."""
    needs = {entry.name: entry.needs for entry in METRICS.values()} | {fact.name: fact.needs for fact in FACTS.values()}
    return [name for name in needs if need in needs[name]]


def metric_table() -> str:
    """Every metric in one line each: the table of the README."""
    return table(("metric", "formula", "meaning"), ((m.label, f"`{m.formula}`", m.meaning) for m in METRICS.values()))


def metrics_markdown() -> str:
    """Metrics, dimensions and facts of single customers."""
    metrics = table(
        ("metric", "name", "formula", "unit", "better", "meaning", "needs"),
        (
            (m.label, f"`{m.name}`", f"`{m.formula}`", m.unit.value, m.better.value, m.meaning, ticks(m.needs))
            for m in METRICS.values()
        ),
    )
    dimensions = table(
        ("dimension", "name", "meaning", "of", "filter"),
        (
            (d.label, f"`{d.name}`", d.meaning, " and ".join(f"{e}s" for e in d.events), "yes" if d.is_filter else "")
            for d in DIMENSIONS.values()
        ),
    )
    facts = table(
        ("fact", "name", "unit", "meaning", "needs"),
        (
            (f.label, f"`{f.name}`", "date" if f.unit is Unit.MOMENT else f.unit.value, f.meaning, ticks(f.needs))
            for f in FACTS.values()
        ),
    )
    return f"## Metrics\n{metrics}\n\n## Dimensions\n{dimensions}\n\n## Facts of single customers\n{facts}"


def tables_markdown(folder: Path) -> str:
    """Every table of the newest build in a warehouse folder, the steps that leave none, and the manifest."""
    name = builds(folder)[0]
    manifest = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    with Warehouse(folder).build(name).engine.connection.cursor() as con:
        stored = {row[0] for row in con.execute("select table_name from duckdb_tables()").fetchall()}
        stored |= {row[0] for row in con.execute("select view_name from duckdb_views() where not internal").fetchall()}
        columns = {one: described(con, one, manifest["attributes"]) for one in sorted(stored)}
    models = {path.stem: read_model(path) for path in sorted(SQL.glob("*.sql"))}
    undescribed = stored - models.keys() - WRITTEN.keys() - {f"feed_{feed}" for feed in (*FEEDS, *SEEDS)}
    if undescribed or manifest.keys() != MANIFEST.keys():
        raise ValueError(
            f"data/describe.py does not describe {sorted(undescribed | manifest.keys() ^ MANIFEST.keys())}"
        )
    parts = ["## Tables for questions and other tools"]
    parts += [model_markdown(models[one], columns[one]) for one in columns if one in models]
    parts += ["## What the build says of itself, and learned tables"]
    parts += [f"### {one}\n{capital(WRITTEN[one])}\n\n{columns[one]}" for one in columns if one in WRITTEN]
    parts += ["## Feeds as they were loaded\nThe columns of `docs/feeds.md`; `month` is cut in the company's zone."]
    parts += [f"### {one}\n{columns[one]}" for one in columns if one.startswith("feed_")]
    steps = ((f"`{m.name}`", m.sentence, ticks(m.grain)) for m in models.values() if m.name not in stored)
    parts += [f"## Steps that are not kept\n{table(('step', 'what one row is', 'grain'), steps)}"]
    parts += [f"## Manifest\n{table(('key', 'meaning'), ((f'`{key}`', MANIFEST[key]) for key in MANIFEST))}"]
    return "\n\n".join(parts)


def described(con: duckdb.DuckDBPyConnection, name: str, attributes: list[str]) -> str:
    """Columns with their types; the open attributes of this company in general words."""
    columns = con.execute(f"describe {name}").fetchall()
    listed = [f"`{column}` {type_of(type_)}" for column, type_, *_ in columns if column not in attributes]
    if any(column in attributes for column, *_ in columns):
        listed.append("each further attribute of the customers feed")
    return " · ".join(listed)


def type_of(type_: str) -> str:
    """A database type in lower case; a list of values is an enum."""
    return "enum" if type_.startswith("ENUM") else type_.lower().replace("timestamp_ns", "timestamp")


def model_markdown(model: Model, columns: str) -> str:
    """One SQL table: sentence, grain, checks, remarks, columns."""
    text = (SQL / f"{model.name}.sql").read_text(encoding="utf-8")
    head = re.match(r"(--.*\n)+", text).group(0).splitlines()[1:]  # type: ignore[union-attr]
    remarks = " ".join(line[3:] for line in head if not re.match(r"--\s*(grain|check|keep|cluster|enum|split):", line))
    facts = [f"Grain: {ticks(model.grain)}."] if model.grain else []
    facts += [f"Checks: {ticks(model.checks)}."] if model.checks else []
    facts += ["A view."] if model.keep == "view" else []
    return "\n\n".join(
        filter(None, (f"### {model.name}\n{capital(model.sentence)}", " ".join(facts), remarks, columns))
    )


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    cells = [list(head), *(list(row) for row in rows)]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in cells]
    return "\n".join([lines[0], "|" + " --- |" * len(cells[0]), *lines[1:]])


def ticks(texts: Iterable[str]) -> str:
    """Texts as code, with commas."""
    return ", ".join(f"`{text}`" for text in texts)


def capital(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]


def renewed(text: str, name: str, content: str) -> str:
    """A document with its generated part `name` replaced; the marks around it stay."""
    start, end = f"<!-- generated: {name} -->", f"<!-- end: {name} -->"
    before, rest = text.split(start)
    return before + start + f"\n\n{content}\n\n" + end + rest.split(end)[1]


def documents(folder: Path) -> dict[str, str]:
    """Every document with a generated part, as it should read. folder: a warehouse of a simulated company."""
    parts: dict[str, tuple[str, Callable[[], str]]] = {
        "README.md": ("metrics", metric_table),
        "docs/feeds.md": ("feeds", feeds_markdown),
        "docs/metrics.md": ("metrics", metrics_markdown),
        "docs/warehouse.md": ("tables", lambda: tables_markdown(folder)),
    }
    return {
        path: renewed((ROOT / path).read_text(encoding="utf-8"), name, make()) for path, (name, make) in parts.items()
    }


def main() -> None:
    """Renew the documents from a small simulated company's build."""
    from data.simulate import simulate  # numpy and pyarrow: only this needs them

    with TemporaryDirectory() as scratch:
        feeds, warehouse = Path(scratch) / "feeds", Path(scratch) / "warehouse"
        simulate(feeds, customers=CUSTOMERS, seed=SEED)
        build(feeds, warehouse, lambda text: None, Options(now=datetime(2026, 10, 1, tzinfo=UTC)))
        for path, text in documents(warehouse).items():
            (ROOT / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
