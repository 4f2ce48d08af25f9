"""A company's folder: which of its files fill which feed, and each one opened as a relation that SQL may read."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from data import files, postgres, pseudonym
from data.company import Unusable, read_text
from data.contract import FEEDS, SEEDS
from data.files import Rejected, identifier, quoted

OWN_SEEDS = Path(__file__).parent / "seeds"


@dataclass
class Contents:
    """Files by the feed they fill. mappings: feed -> file -> its SQL. unused: names that nothing reads."""

    plain: dict[str, list[Path]] = field(default_factory=dict)
    mappings: dict[str, dict[Path, str]] = field(default_factory=dict)
    unused: list[str] = field(default_factory=list)


def look(folder: Path) -> Contents:
    """Sort a folder's files; hidden files are nobody's business."""
    found = Contents()
    entries = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    for path in entries:
        if path.suffix.lower() == ".sql":
            text = read_text(path)
            feed = header(text, "feeds")
            if feed is None or feed not in FEEDS:
                listed = ", ".join(FEEDS)
                raise Unusable(
                    f"{path}: the header must say which feed it fills, such as '-- feeds: lines'. Feeds: {listed}"
                )
            found.mappings.setdefault(feed, {})[path] = text
    texts = [text for mappings in found.mappings.values() for text in mappings.values()]
    for path in entries:
        known = path.suffix.lower() == ".sql" or path.name == "company.toml" or path.is_dir()
        if feed := fills(path):
            found.plain.setdefault(feed, []).append(path)
        elif not known and not any(mentions(text, path.name) for text in texts):
            found.unused.append(path.name)
    for name in SEEDS:
        found.plain.setdefault(name, [OWN_SEEDS / f"{name}.csv"])
    return found


def fills(path: Path) -> str:
    """The feed a plain file is named after: lines for lines.csv, lines-2026-01.parquet and lines.xls; or nothing."""
    feed = re.split(r"[-.]", path.name, maxsplit=1)[0].lower()
    known = feed in FEEDS or feed in SEEDS
    return feed if known and path.suffix.lower() in ("", *files.SUFFIXES, *files.OTHER_DATA) else ""


def header(text: str, name: str) -> str | None:
    """The value of a `-- name: value` line in a SQL file's header."""
    found = re.search(rf"^--\s*{name}:\s*(\S+)\s*$", text, re.MULTILINE)
    return found.group(1) if found else None


def mentions(text: str, file: str) -> bool:
    """Whether SQL names a file, in quotes as `from 'orders.csv'`."""
    return quoted(file) in text or identifier(file) in text


def confine(con: duckdb.DuckDBPyConnection, *folders: Path) -> None:
    """Let SQL read files of these folders and the seeds only; DuckDB keeps its own database and spill files."""
    allowed = ", ".join(quoted(f"{place}/") for place in (*folders, OWN_SEEDS.resolve()))
    con.execute(f"set allowed_directories = [{allowed}]")
    con.execute("set enable_external_access = false")


@dataclass(frozen=True)
class Opened:
    """A source ready to be read: a relation, a hash of all it is made of, and the files it must not change in."""

    relation: str
    sha256: str = ""
    prints: tuple[tuple[Path, files.Fingerprint], ...] = ()

    def still(self) -> None:
        """Refuse the source when one of its files is not what it was when it was opened."""
        for path, before in self.prints:
            if files.fingerprint(path, before.sha256) != before:
                raise Rejected(files.CHANGED)


def relation(path: Path, con: duckdb.DuckDBPyConnection) -> str:
    """SQL that reads the file: a table function over CSV or Parquet, or a temporary table filled from a sheet."""
    if path.stat().st_size == 0:
        raise Rejected("it is empty: not even a header")
    with path.open("rb") as handle:
        head = handle.read(files.HEAD)
    match path.suffix.lower():
        case ".parquet":
            return files.parquet(path, head, con)
        case ".xlsx":
            from data.sheets import sheet  # only companies that send workbooks pay for it

            return sheet(path, head, con)
        case ".csv" | ".tsv":
            return files.read_csv(path, head)
    raise Rejected(f"it is none of {', '.join(files.SUFFIXES)}; unpack or convert it first")


class Opener:
    """Opens plain files and mappings of one folder in one connection, each file once; of others, plain files only."""

    def __init__(self, con: duckdb.DuckDBPyConnection, folder: Path, *others: Path):
        self.con, self.folder, self.places = con, folder, (folder, *others, OWN_SEEDS.resolve())
        self.opened: dict[Path, Opened] = {}

    def file(self, path: Path) -> Opened:
        """A plain file as a relation."""
        if path not in self.opened:
            if path.resolve().parent not in self.places:
                raise Rejected(files.NOT_A_FILE)
            now = files.fingerprint(path)
            self.opened[path] = Opened(relation(path, self.con), now.sha256, ((path, now),))
        return self.opened[path]

    def mapping(self, path: Path, text: str) -> Opened:
        """A mapping's one SELECT as a view over the folder's files, or the rows it brings from a database server."""
        name = f"mapping {path.name}"
        if (variable := header(text, "runs on")) is not None:
            postgres.stream(os.environ, variable, text, self.con, name)
            return Opened(identifier(name))
        statements = self.con.extract_statements(text)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise Rejected("a mapping is exactly one SELECT")
        read = [self.named(file) for file in sorted(self.folder.iterdir()) if mentions(text, file.name)]
        if re.search(r"\bpseudonym\s*\(", text):
            self.offer_pseudonym()
        # a view, because a view may not change anything, not even in a common table expression
        self.con.execute(f"create or replace temp view {identifier(name)} as {text.rstrip().rstrip(';')}")
        own = files.fingerprint(path)
        sha256 = "+".join([own.sha256, *(opened.sha256 for opened in read)])
        return Opened(identifier(name), sha256, ((path, own), *(entry for opened in read for entry in opened.prints)))

    def named(self, path: Path) -> Opened:
        """A file as a view of its own name, for mappings."""
        try:
            opened = self.file(path)
        except Rejected as error:
            raise Rejected(f"{path.name}: {error}") from error
        self.con.execute(f"create or replace temp view {identifier(path.name)} as select * from {opened.relation}")
        return opened

    def offer_pseudonym(self) -> None:
        """Define pseudonym(value) for mappings."""
        if not (key := pseudonym.pseudonym_key(os.environ)):
            raise Rejected(
                f"it uses pseudonym(), but {pseudonym.KEY_VARIABLE} is not set; make a key with: openssl rand -hex 32"
            )
        try:
            self.con.execute(pseudonym.pseudonym_macro(key))
        except ValueError as error:
            raise Rejected(str(error)) from error

    def forget(self) -> None:
        """Drop what was opened: source rows must not stay beside the feeds, nor the pseudonym's key."""
        self.con.execute("drop macro if exists temp.pseudonym")
        for kind in ("view", "table"):
            rows = self.con.execute(
                f"select {kind}_name from duckdb_{kind}s() where temporary and not internal and database_name = 'temp'"
            ).fetchall()
            for (name,) in rows:
                self.con.execute(f"drop {kind} {identifier(name)}")
