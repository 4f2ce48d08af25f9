"""Intake: a folder becomes feed tables; every row is loaded, quarantined with a reason, or rejected with its file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path

import duckdb

from data import casting, columns, files, mergers, repeats
from data.columns import MONTH_OF
from data.company import Company, Unusable
from data.contract import FEEDS, NOT_SAID, SEEDS, Feed
from data.files import Rejected, one
from data.folder import Opened, Opener, confine, look
from data.publish import DRAFT
from data.verdicts import Verdict, refuse_personal, refuse_wrong

CONTROLS = {
    "lines": ("revenue", "cost"),
    "contacts": ("cost",),
    "customers": ("acquisition_cost",),
    "campaigns": ("fixed_cost",),
}
MOST_MONEY = 10**13  # absolute sum of one control; ten times as much no longer fits DECIMAL(18,4) with all its sums
CLOCK_SKEW = timedelta(minutes=5)


@dataclass
class Source:
    """One source of one feed and what became of its rows. totals: [in the source, quarantined] for each control sum."""

    feed: str
    file: str
    sha256: str = ""
    rows_in: int = 0
    loaded: int = 0
    quarantined: int = 0
    rejected: int = 0
    reason: str = ""
    left_out: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    totals: dict[str, list[Decimal]] = field(default_factory=dict)


@dataclass
class Intake:
    """All that came in: sources, quarantine rows (feed, file, reason, rows), open attributes, unused files."""

    sources: list[Source] = field(default_factory=list)
    quarantine: list[tuple[str, str, str, int]] = field(default_factory=list)
    attributes: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    currency: str = ""

    def total(self, what: str) -> int:
        """Rows of all feeds: rows_in, loaded, quarantined or rejected."""
        return sum(getattr(source, what) for source in self.sources if source.feed in FEEDS)


def take_in(
    con: duckdb.DuckDBPyConnection,
    folder: Path,
    company: Company,
    say: Callable[[str], None],
    now: datetime | None = None,
    own: Path | None = None,
) -> Intake:
    """Fill the tables feed_<name> of the connection from a folder; raises Unusable when nothing can be built from it.

    own: a folder with Rapport's own campaigns as feeds. Afterwards the connection reads no other files than these.
    """
    if not folder.is_dir():
        raise Unusable(f"There is no folder {folder}. Make one with: python -m data simulate --to {folder}")
    contents = look(folder := folder.resolve())
    if not contents.plain.get("lines") and not contents.mappings.get("lines"):
        raise Unusable(
            f"{folder} has no order lines: put a file lines.csv (or .parquet, .xlsx) there, or a mapping "
            "*.sql that says '-- feeds: lines'. What the columns mean: docs/feeds.md"
        )
    check_zone(con, company)
    places = (folder, *([own.resolve()] if own else []))
    confine(con, *places)
    opener = Opener(con, *places)
    loader = Loader(con, company, (now or datetime.now(UTC)) + CLOCK_SKEW, say)
    loader.intake.unused = contents.unused
    for feed in (*SEEDS.values(), *FEEDS.values()):
        loader.create(feed)
        for path in contents.plain.get(feed.name, ()):
            loader.load(feed, path, partial(opener.file, path))
        for path, text in contents.mappings.get(feed.name, {}).items():
            loader.load(feed, path, partial(opener.mapping, path, text))
        for path in sorted(places[1].glob(f"{feed.name}-*.parquet")) if own else ():
            loader.give_way(feed, f"select campaign_id from {opener.file(path).relation}")
            loader.load(feed, path, partial(opener.file, path))
        loader.leave_out(feed)
    opener.forget()
    loader.check_currency()
    mergers.follow(con)
    return loader.intake


def check_zone(con: duckdb.DuckDBPyConnection, company: Company) -> None:
    """The database must know the company's zone too."""
    try:
        con.execute("select timezone(?, timestamp '2026-01-01')::varchar", [company.zone])
    except duckdb.Error as error:
        raise Unusable(
            f"company.toml: zone {company.zone!r} is not known to DuckDB; use one such as Europe/Berlin"
        ) from error


class Loader:
    """Loads one source after the other; `intake` says what became of them."""

    def __init__(self, con: duckdb.DuckDBPyConnection, company: Company, horizon: datetime, say: Callable[[str], None]):
        self.con, self.company, self.say = con, company, say
        self.horizon = f"timestamp '{horizon.astimezone(UTC):%Y-%m-%d %H:%M:%S}'"
        self.intake = Intake(currency=company.currency)
        self.loaded: dict[tuple[str, str], str] = {}
        self.amounts: dict[tuple[str, str], Decimal] = {}

    def create(self, feed: Feed) -> None:
        """The feed's empty table."""
        typed = [f"{column.name} {casting.SQL_TYPE[column.kind]}" for column in feed.columns]
        typed += ["month date"] * (feed.name in MONTH_OF)
        self.con.execute(f"create table feed_{feed.name} ({', '.join(typed)})")

    def load(self, feed: Feed, path: Path, open_: Callable[[], Opened]) -> None:
        """Take one source in, whole or not at all."""
        source = Source(feed.name, path.name)
        self.intake.sources.append(source)
        self.say(f"reading {path.name}")
        opened = None
        try:
            opened = open_()
            source.sha256 = opened.sha256
            if first := self.loaded.get((feed.name, opened.sha256)):
                source.rows_in = source.quarantined = count(self.con, opened.relation)
                self.intake.quarantine.append((feed.name, path.name, f"same content as {first}", source.rows_in))
            else:
                self.fill(feed, source, opened)
        except (duckdb.OutOfMemoryException, duckdb.FatalException, duckdb.TransactionException, MemoryError):
            raise  # the machine's limit or the warehouse's disk, not the file's fault
        except (Rejected, duckdb.Error, OSError, UnicodeError) as error:
            if DRAFT in str(error):
                raise
            self.reject(source, path, opened, error)

    def fill(self, feed: Feed, source: Source, opened: Opened) -> None:
        """Judge every row first, then insert those without a problem; what is left out never reaches the build."""
        described = self.con.execute(f"describe select * from {opened.relation}").fetchall()
        types = {name: "VARCHAR" if type_.startswith("ENUM") else type_ for name, type_, *_ in described}
        matched = columns.match(feed, source.file, types)
        selection = columns.select(feed, matched, types, self.company, self.horizon)
        verdicts = self.judge(feed, matched, selection, opened)
        refuse_personal(verdicts)
        if feed.whole:
            refuse_wrong(verdicts)
        amounts = self.add_up(feed, verdicts)
        self.insert(feed, matched, selection, opened, verdicts)
        self.note(feed, source, matched, verdicts)
        self.amounts |= amounts
        if opened.sha256:
            self.loaded[feed.name, opened.sha256] = source.file

    def judge(
        self, feed: Feed, matched: columns.Matched, selection: columns.Selection, opened: Opened
    ) -> list[Verdict]:
        """Count and add up the whole source by what is wrong with its rows."""
        names = [name for name in CONTROLS.get(feed.name, ()) if name in matched.present]
        sums = "".join(f", coalesce(sum({name}), 0), coalesce(sum(abs({name})), 0)" for name in names)
        found = self.con.execute(
            f"select {selection.problem} as problem, count(*){sums} "
            f"from (select {selection.inner} from {opened.relation}) group by 1 order by 1"
        ).fetchall()
        return [
            Verdict(problem, rows, dict(zip(names, totals[::2])), dict(zip(names, totals[1::2])))
            for problem, rows, *totals in found
        ]

    def add_up(self, feed: Feed, verdicts: list[Verdict]) -> dict[tuple[str, str], Decimal]:
        """Absolute sums of all sources of the feed so far; beyond what the build can add up, the source is refused."""
        amounts: dict[tuple[str, str], Decimal] = {}
        for verdict in verdicts:
            for name, absolute in verdict.absolute.items():
                key = feed.name, name
                amounts[key] = amounts.get(key, self.amounts.get(key, Decimal(0))) + absolute
        for (_, name), amount in amounts.items():
            if amount > MOST_MONEY:
                raise Rejected(f"{name} adds up to more than {MOST_MONEY:,}; is it in the unit of the currency?")
        return amounts

    def insert(
        self,
        feed: Feed,
        matched: columns.Matched,
        selection: columns.Selection,
        opened: Opened,
        verdicts: list[Verdict],
    ) -> None:
        """Insert the good rows; all or, when the source turns out to have changed meanwhile, none."""
        table = f"feed_{feed.name}"
        expected = sum(verdict.rows for verdict in verdicts if verdict.problem is None)
        clean = all(verdict.problem is None for verdict in verdicts)
        inner, where = (selection.settled, "") if clean else (selection.inner, f" where {selection.problem} is null")
        new = [name for name in matched.attributes if name not in self.intake.attributes]
        self.con.execute("begin")
        try:
            for name in new:
                self.con.execute(f"alter table {table} add column {name} varchar default {NOT_SAID}")
            (inserted,) = one(
                self.con,
                f"insert into {table} by name select {selection.columns} "
                f"from (select {inner} from {opened.relation}){where}",
            )
            opened.still()
            if inserted != expected:
                raise Rejected(files.CHANGED)
            self.con.execute("commit")
        except BaseException:
            self.con.execute("rollback")
            raise
        self.intake.attributes += new

    def note(self, feed: Feed, source: Source, matched: columns.Matched, verdicts: list[Verdict]) -> None:
        """Write down what became of a source's rows."""
        bad = [verdict for verdict in verdicts if verdict.problem]
        source.columns, source.left_out = tuple(matched.present), matched.left_out
        source.rows_in = sum(verdict.rows for verdict in verdicts)
        source.quarantined = sum(verdict.rows for verdict in bad)
        source.loaded = source.rows_in - source.quarantined
        for name in CONTROLS.get(feed.name, ()):
            if name in matched.present:
                whole, held = (sum((v.sums[name] for v in some), Decimal(0)) for some in (verdicts, bad))
                source.totals[name] = [whole, held]
        self.intake.quarantine += [(feed.name, source.file, v.problem or "", v.rows) for v in bad]

    def reject(self, source: Source, path: Path, opened: Opened | None, error: Exception) -> None:
        """Refuse a source with a reason, and count its rows where they can be counted."""
        source.reason = str(error) if isinstance(error, Rejected) else files.without_values(error, path)
        try:
            rows = (
                count(self.con, opened.relation) if opened and isinstance(error, Rejected) else files.rows_of_text(path)
            )
        except duckdb.Error:
            rows = files.rows_of_text(path)
        source.rows_in = source.rejected = rows

    def leave_out(self, feed: Feed) -> None:
        """Quarantine rows that only the whole feed shows to be wrong: repeated keys, contacts without a known cost."""
        given = {name for source in self.loaded_of(feed) for name in source.columns}
        for where, reason in (*repeats.find(self.con, feed, given), *repeats.IMPOSSIBLE.get(feed.name, ())):
            if feed.whole:
                repeats.give_up(self.con, feed, self.loaded_of(feed), where, reason)
            else:
                self.take_out(feed, where, reason)

    def give_way(self, feed: Feed, own: str) -> None:
        """Quarantine the company's rows about campaigns that Rapport exported: it knows them itself, and once."""
        why = "Rapport exported this campaign and knows who was in it; bring answers back as responses"
        self.take_out(feed, f"campaign_id in ({own})", why)

    def loaded_of(self, feed: Feed) -> list[Source]:
        """The sources that rows of a feed came from."""
        return [source for source in self.intake.sources if source.feed == feed.name and source.loaded]

    def take_out(self, feed: Feed, where: str, reason: str) -> None:
        """Move rows that are loaded already to the quarantine."""
        table, names, sources = f"feed_{feed.name}", CONTROLS.get(feed.name, ()), self.loaded_of(feed)
        added = "".join(f", coalesce(sum({name}), 0)" for name in names)
        rows, *sums = one(self.con, f"select count(*){added} from {table} where {where}")
        if rows:
            self.con.execute(f"delete from {table} where {where}")
            files_ = ", ".join(dict.fromkeys(source.file for source in sources))
            self.intake.quarantine.append((feed.name, files_, reason, rows))
            repeats.take_back(sources, rows, dict(zip(names, sums)))

    def check_currency(self) -> None:
        """One company, one currency: never add up two of them."""
        if self.intake.currency:
            return
        query = "select distinct currency from feed_lines where currency is not null order by 1"
        found = [row[0] for row in self.con.execute(query).fetchall()]
        if len(found) > 1:
            raise Unusable(
                f"The lines are in {len(found)} currencies ({', '.join(found[:5])}). Say in company.toml which one the "
                'company reports in (currency = "EUR") and convert the others in a mapping'
            )
        self.intake.currency = found[0] if found else ""


def count(con: duckdb.DuckDBPyConnection, relation: str) -> int:
    """Rows of a relation."""
    return one(con, f"select count(*) from {relation}")[0]
