"""Intake: a company's folder becomes feed tables. Every row is loaded, quarantined with a reason, or rejected with its file."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb

from data import casting, files, personal, postgres
from data.company import Company, Unusable
from data.contract import FEEDS, SEEDS, Column, Feed, Kind
from data.files import Rejected, identifier, quoted

CONTROLS = {"lines": ("revenue", "cost"), "contacts": ("cost",), "customers": ("acquisition_cost",), "campaigns": ("fixed_cost",)}
MONTH_OF = {"lines": "ordered_at", "contacts": "occurred_at", "customers": "joined_at"}
MOST_PERSONAL = 0.01  # from this share of rows on, a column is personal data, not a stray value
CLOCK_SKEW = timedelta(minutes=5)


@dataclass
class Source:
    """One source of one feed and what became of its rows. totals: (source, quarantined, loaded) for each control sum."""

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
        return sum(getattr(source, what) for source in self.sources if source.feed in FEEDS)


def take_in(con: duckdb.DuckDBPyConnection, folder: Path, company: Company, say: Callable[[str], None], now: datetime | None = None) -> Intake:
    """Fill the tables feed_<name> of the connection from a folder; raises Unusable when nothing can be built from it."""
    if not folder.is_dir():
        raise Unusable(f"There is no folder {folder}. Make one with: python -m data simulate --to {folder}")
    intake = Intake(currency=company.currency)
    now = now or datetime.now(UTC)
    loader = Loader(con, folder, company, (now + CLOCK_SKEW).replace(tzinfo=None), intake, say)
    plain, mappings = loader.find()
    for feed in (*SEEDS.values(), *FEEDS.values()):
        loader.create(feed)
        for path in plain.get(feed.name, ()):
            loader.load(feed, path.name, lambda path=path: loader.open_file(path), path)
        for path in mappings.get(feed.name, ()):
            loader.load(feed, path.name, lambda path=path: loader.open_mapping(path), path)
        loader.drop_repeats(feed)
        con.execute(f"alter table feed_{feed.name} drop column problem")
    loader.check_currency()
    return intake


class Loader:
    """The state of one intake: the connection, the folder, and what has been seen so far."""

    def __init__(self, con, folder: Path, company: Company, horizon: datetime, intake: Intake, say: Callable[[str], None]):
        self.con, self.folder, self.company, self.intake, self.say = con, folder.resolve(), company, intake, say
        self.horizon = f"timestamp '{horizon:%Y-%m-%d %H:%M:%S}'"
        self.prints: dict[Path, files.Fingerprint] = {}
        self.seen: dict[tuple[str, str], str] = {}
        self.views: set[str] = set()

    def find(self) -> tuple[dict[str, list[Path]], dict[str, list[Path]]]:
        """Plain files by feed, mappings by feed; whatever nothing names is noted as unused."""
        plain: dict[str, list[Path]] = {}
        mappings: dict[str, list[Path]] = {}
        entries = sorted(path for path in self.folder.iterdir() if not path.name.startswith("."))
        texts = {path: path.read_text(encoding="utf-8") for path in entries if path.suffix == ".sql" and not path.is_symlink()}
        for path, text in texts.items():
            feed = header(text, "feeds")
            if feed not in FEEDS:
                raise Unusable(f"{path}: the header must say which feed it fills, for example '-- feeds: lines'. Feeds: {', '.join(FEEDS)}")
            mappings.setdefault(feed, []).append(path)
        read = "\n".join(texts.values())
        for path in entries:
            stem = re.split(r"[-.]", path.name, maxsplit=1)[0].lower()
            if stem in FEEDS or stem in SEEDS:
                if path.suffix in (*files.SUFFIXES, *files.PACKED) or not path.suffix:
                    plain.setdefault(stem, []).append(path)
            elif path.suffix != ".sql" and path.name != "company.toml" and path.name not in read and not path.is_dir():
                self.intake.unused.append(path.name)
        for name in SEEDS:
            plain.setdefault(name, [Path(__file__).parent / "seeds" / f"{name}.csv"])
        if not plain.get("lines") and not mappings.get("lines"):
            raise Unusable(f"{self.folder} has no order lines: put a file lines.csv (or .parquet, .xlsx) there, or a mapping "
                           "*.sql that says '-- feeds: lines'. What the columns mean: docs/feeds.md")
        return plain, mappings

    def create(self, feed: Feed) -> None:
        columns = [f"{column.name} {casting.SQL_TYPE[column.kind]}" for column in feed.columns]
        columns += ["month date"] * (feed.name in MONTH_OF) + ["problem varchar"]
        self.con.execute(f"create table feed_{feed.name} ({', '.join(columns)})")

    def open_file(self, path: Path) -> tuple[str, str]:
        if path.resolve().parent not in (self.folder, (Path(__file__).parent / "seeds").resolve()) or path.is_symlink():
            raise Rejected("it is not a regular file (links, pipes and devices are not read); put the file itself there")
        self.prints[path] = files.fingerprint(path)
        return files.relation(path, self.con, f"sheet {path.name}"), self.prints[path].sha256

    def open_mapping(self, path: Path) -> tuple[str, str]:
        """A mapping's SELECT as a view, with the folder's files as views of their own names."""
        text = path.read_text(encoding="utf-8")
        name = f"mapping {path.name}"
        if (variable := header(text, "runs on")) is not None:
            postgres.stream(os.environ, variable, text, self.con, name)
            return identifier(name), ""
        statements = self.con.extract_statements(text)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise Rejected("a mapping is exactly one SELECT")
        hashes = []
        for file in sorted(self.folder.iterdir()):
            if file.suffix.lower() in files.SUFFIXES and file.name in text:
                relation, sha256 = self.open_file(file)
                hashes.append(sha256)
                if file.name not in self.views:
                    self.con.execute(f"create temp view {identifier(file.name)} as select * from {relation}")
                    self.views.add(file.name)
        if re.search(r"\bpseudonym\s*\(", text):
            key = personal.pseudonym_key(os.environ)
            if not key:
                raise Rejected("it uses pseudonym(), but RAPPORT_PSEUDONYM_KEY is not set; make a key with: openssl rand -hex 32")
            self.con.execute(personal.pseudonym_macro(key))
        self.con.execute(f"create temp view {identifier(name)} as {text.rstrip().rstrip(';')}")
        return identifier(name), "+".join(hashes)

    def load(self, feed: Feed, file: str, open_: Callable[[], tuple[str, str]], path: Path) -> None:
        """Take one source in, whole or not at all."""
        source = Source(feed.name, file)
        self.intake.sources.append(source)
        self.say(f"reading {file}")
        self.con.execute("begin")
        try:
            relation, source.sha256 = open_()
            if (first := self.seen.setdefault((feed.name, source.sha256), file)) != file and source.sha256:
                source.rows_in = source.quarantined = count(self.con, relation)
                self.intake.quarantine.append((feed.name, file, f"same content as {first}", source.rows_in))
            else:
                self.fill(feed, source, relation)
            self.unchanged()
            self.con.execute("commit")
        except (Rejected, duckdb.Error, OSError, UnicodeError) as error:
            self.con.execute("rollback")
            self.reject(source, path, error)

    def fill(self, feed: Feed, source: Source, relation: str) -> None:
        """Insert a source's rows with what is wrong with each, then move the wrong ones to the quarantine."""
        types = {name: type_ for name, type_, *_ in self.con.execute(f"describe select * from {relation}").fetchall()}
        present = self.match(feed, source, types)
        source.columns = tuple(present)
        select, raw = self.select(feed, source, present, types)
        table = f"feed_{feed.name}"
        before = count(self.con, table)
        self.con.execute(f"insert into {table} by name select {select} from (select {raw} from {relation})")
        inserted = count(self.con, table) - before
        sums = [name for name in CONTROLS.get(feed.name, ()) if name in present]
        control = ", ".join(casting.cast(feed.column(n), casting.given(identifier(present[n]), types[present[n]]), types[present[n]], "UTC").join(
            ("coalesce(sum(", "), 0)")) for n in sums)
        source.rows_in, *totals = self.con.execute(f"select count(*){', ' if sums else ''}{control} from {relation}").fetchone()
        if source.rows_in != inserted:
            raise Rejected("it changed while it was read; send it again when it is complete")
        held = ", ".join(f"coalesce(sum({name}), 0)" for name in sums) or "0"
        problems = self.con.execute(f"select problem, count(*), {held} from {table} where problem is not null group by 1 order by 1").fetchall()
        strays = sum(rows for problem, rows, *_ in problems if "looks like" in problem)
        if strays > max(MOST_PERSONAL * source.rows_in, 0) and strays > 1:
            kinds = "; ".join(problem for problem, *_ in problems if "looks like" in problem)
            raise Rejected(f"{strays:,} of {source.rows_in:,} rows hold personal data ({kinds}). Leave the column out in a mapping, "
                           "or turn it into a key there with pseudonym(column); a plain hash is not enough")
        if problems:
            self.con.execute(f"delete from {table} where problem is not null")
        source.quarantined = sum(rows for _, rows, *_ in problems)
        source.loaded = inserted - source.quarantined
        self.intake.quarantine += [(feed.name, source.file, problem, rows) for problem, rows, *_ in problems]
        for i, name in enumerate(sums):
            kept_out = sum((row[2 + i] for row in problems), Decimal(0))
            source.totals[name] = [totals[i], kept_out]

    def match(self, feed: Feed, source: Source, types: dict[str, str]) -> dict[str, str]:
        """Contract column -> the source's own name for it (letter case aside); personal data is refused by name."""
        present = {column: name for name in types if (column := name.strip().lower()) in feed.names}
        lacking = [column.name for column in feed.columns if column.required and column.name not in present]
        if lacking:
            raise Rejected(f"it lacks {', '.join(lacking)}; its header must use the words of docs/feeds.md, or a mapping must")
        further = [name for name in types if name.strip().lower() not in feed.names]
        for name in further:
            if kind := personal.personal_name(name):
                raise Rejected(personal.refusal(feed.name, source.file, name, kind))
        if feed.open:
            for name in further:
                attribute = re.sub(r"\W+", "_", name.strip().lower()).strip("_")
                if not attribute or attribute[0].isdigit() or attribute in (*feed.names, "month", "problem"):
                    raise Rejected(f"attribute {name!r} needs a name of letters, digits and _")
                if attribute not in self.intake.attributes:
                    self.intake.attributes.append(attribute)
                    self.con.execute(f"alter table feed_{feed.name} add column {attribute} varchar default '(unknown)'")
                present[attribute] = name
        else:
            source.left_out = tuple(further)
        return present

    def select(self, feed: Feed, source: Source, present: dict[str, str], types: dict[str, str]) -> tuple[str, str]:
        """The outer projection (contract values and the problem) over the inner one (raw and cast values)."""
        raw, outer, problems, texts = [], [], "", []
        columns = [*feed.columns, *(Column(name, Kind.TEXT, "", default="'(unknown)'") for name in present if name not in feed.names)]
        for column in columns:
            if column.name not in present:
                outer.append(f"{casting.missing(column)} as {column.name}")
                continue
            type_ = types[present[column.name]]
            value = casting.given(identifier(present[column.name]), type_)
            raw += [f"{value} as raw_{column.name}", f"{casting.cast(column, value, type_, self.company.zone)} as {column.name}"]
            outer.append(f"coalesce({column.name}, {column.default}) as {column.name}" if column.default else column.name)
            problems += casting.problem(column, f"raw_{column.name}", column.name, self.horizon)
            if type_ == "VARCHAR" and not column.choices and column.kind in (Kind.KEY, Kind.TEXT):
                texts.append(column.name)
        if feed.name == "lines" and "currency" in present and self.company.currency:
            problems += f"when currency <> {quoted(self.company.currency)} then 'currency is not {self.company.currency}; convert it in a mapping' "
        suspect = " or ".join(f"not {casting.bare(name)}" for name in texts)
        check = f"case when {suspect} then {personal.content_check(texts)} end" if texts else "null"
        outer.append(f"case {problems}else {check} end as problem" if problems else f"{check} as problem")
        if feed.name in MONTH_OF:
            moment = MONTH_OF[feed.name]
            known = moment if moment in present else "null::timestamp"
            outer.append(f"{casting.month(known, self.company.zone)} as month")
        return ", ".join(outer), ", ".join(raw)

    def drop_repeats(self, feed: Feed) -> None:
        """Of rows with one key: equal content counts once, different content counts not at all."""
        given = {name for source in self.intake.sources if source.feed == feed.name for name in source.columns}
        if not feed.key or not set(feed.key) <= given and feed.name in ("lines", "contacts"):
            return
        table, key = f"feed_{feed.name}", ", ".join(feed.key)
        present = " and ".join(f"{name} is not null" for name in feed.key[-1:]) if feed.name in ("lines", "contacts") else "true"
        if not self.con.execute(f"select count(*) <> count(distinct ({key})) from {table} where {present}").fetchone()[0]:
            return
        everything = ", ".join(identifier(n) for n, *_ in self.con.execute(f"describe {table}").fetchall())
        self.con.execute(
            f"create temp table repeats as with keyed as (select rowid as r, hash({key}) as k, hash({everything}) as h from {table} where {present}) "
            "select r, min(h) over (partition by k) = max(h) over (partition by k) as equal, row_number() over (partition by k order by r) as nth "
            "from keyed qualify count(*) over (partition by k) > 1")
        for equal, reason in ((True, f"repeats {key} with the same content"), (False, f"repeats {key} with different content; none of them is taken")):
            where = f"rowid in (select r from repeats where equal = {equal}{' and nth > 1' if equal else ''})"
            rows = self.con.execute(f"select count(*) from {table} where {where}").fetchone()[0]
            if rows:
                self.quarantine_repeats(feed, table, where, reason, rows)
        self.con.execute("drop table repeats")

    def quarantine_repeats(self, feed: Feed, table: str, where: str, reason: str, rows: int) -> None:
        sources = [source for source in self.intake.sources if source.feed == feed.name and source.loaded]
        for name in CONTROLS.get(feed.name, ()):
            with_sum = [source for source in sources if name in source.totals]
            if with_sum:
                with_sum[-1].totals[name][1] += self.con.execute(f"select coalesce(sum({name}), 0) from {table} where {where}").fetchone()[0]
        self.con.execute(f"delete from {table} where {where}")
        self.intake.quarantine.append((feed.name, ", ".join(dict.fromkeys(s.file for s in sources)), reason, rows))
        for source in reversed(sources):
            taken = min(rows, source.loaded)
            source.loaded, source.quarantined, rows = source.loaded - taken, source.quarantined + taken, rows - taken

    def check_currency(self) -> None:
        """One company, one currency: never add up two of them."""
        if self.intake.currency:
            return
        found = [row[0] for row in self.con.execute("select distinct currency from feed_lines where currency is not null order by 1").fetchall()]
        if len(found) > 1:
            raise Unusable(f"The lines are in {len(found)} currencies ({', '.join(found[:5])}). Say in company.toml which one the company "
                           "reports in (currency = \"EUR\") and convert the others in a mapping")
        self.intake.currency = found[0] if found else ""

    def unchanged(self) -> None:
        for path, before in self.prints.items():
            if files.fingerprint(path, before.sha256) != before:
                raise Rejected("it changed while it was read; send it again when it is complete")

    def reject(self, source: Source, path: Path, error: Exception) -> None:
        source.rows_in = source.rejected = lines_in(path)
        source.loaded = source.quarantined = 0
        source.totals = {}
        source.columns = ()
        source.reason = str(error) if isinstance(error, Rejected) else without_values(error)
        self.intake.quarantine = [entry for entry in self.intake.quarantine if entry[:2] != (source.feed, source.file)]


def header(text: str, name: str) -> str | None:
    """The value of a `-- name: value` line in a SQL file's header."""
    found = re.search(rf"^--\s*{name}:\s*(\S+)\s*$", text, re.MULTILINE)
    return found.group(1) if found else None


def count(con: duckdb.DuckDBPyConnection, relation: str) -> int:
    return con.execute(f"select count(*) from {relation}").fetchone()[0]


def lines_in(path: Path) -> int:
    """Rows a refused file would have had: its text lines without the header; 0 when it cannot be read or is no text."""
    if path.suffix.lower() not in (".csv", ".tsv") or path.is_symlink() or not path.is_file():
        return 0
    try:
        with path.open("rb") as handle:
            breaks = sum(chunk.count(b"\n") for chunk in iter(lambda: handle.read(1 << 20), b""))
    except OSError:
        return 0
    return max(breaks - 1, 0)


def without_values(error: Exception) -> str:
    """What a database or system error says, without any value it quotes from the data."""
    text = str(error)
    if found := re.search(r"CSV Error on Line: (\d+)", text):
        what = "a line longer than can be read" if "Maximum line size" in text else "not UTF-8" if "unicode" in text.lower() or "utf-8" in text.lower() \
            else "an unclosed quote" if "quote" in text.lower().split("possible fixes")[0] else "another number of columns than the header"
        return f"line {found.group(1)} has {what}; mend the file and send it again" if what != "not UTF-8" else \
            f"line {found.group(1)} is not UTF-8; save it as UTF-8 CSV"
    if isinstance(error, (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException, duckdb.PermissionException)):
        return text.split("\n")[0]
    if isinstance(error, duckdb.ConversionException):
        return "a value cannot be converted as the mapping says; use try_cast, so that only that row is quarantined"
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return f"it cannot be read ({type(error).__name__.removesuffix('Exception')}); it may be damaged or of another type"
