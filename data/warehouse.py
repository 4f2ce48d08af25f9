"""The warehouse: which build serves, which came before, and questions put to one of them."""

from __future__ import annotations

import json
import os
from datetime import date
from functools import lru_cache
from pathlib import Path
from threading import Lock

import duckdb
import pandas as pd

from data.engine import DuckDB
from data.publish import POINTER, builds, digest
from data.question import Listing, Question, Refused
from data.rights import MANAGER, PARTNER_ROLE, Held, named, scope_of
from data.view import Scope

# what a manifest must hold before its build is opened; any other gap shows on the screens only
NEEDED = {"build", "bytes", "sha256", "attributes"}


def folder() -> str:
    """Where the builds are."""
    return os.environ.get("RAPPORT_WAREHOUSE", "warehouse")


@lru_cache(maxsize=4)
def served(where: str) -> Warehouse:
    """The warehouse of a folder, one for the whole process, so that a build is checked against its hash only once."""
    return Warehouse(Path(where))


class NoBuild(LookupError):
    """There is no such build; the message says how to make one."""


class Build:
    """One immutable build. warning: why this one serves although another should."""

    def __init__(self, file: Path, manifest: dict, warning: str = ""):
        self.id, self.manifest, self.warning = file.stem, manifest, warning
        self.engine = DuckDB(file)
        self.attributes = frozenset(manifest["attributes"])

    def answer(self, question: Question | Listing) -> pd.DataFrame:
        """The rows of a question, or of a stored listing."""
        if isinstance(question, Question) and (upto := question.first_ranks()):
            page = self.engine.ask(*question.sql(self.attributes, upto=upto))
            if len(page) == question.limit:  # every further rank would come after these
                return page
        return self.asked(*question.sql(self.attributes))

    def asked(self, sql: str, values: list) -> pd.DataFrame:
        """The rows of a statement; a table or a column that an older build lacks is refused in words."""
        try:
            return self.engine.ask(sql, values)
        except (duckdb.CatalogException, duckdb.BinderException) as error:
            raise Refused(
                f"Build {self.id} was made by an earlier Rapport, which did not work this out yet. "
                "Build again to have it: python -m data build FOLDER"
            ) from error

    def partners_of(self, manager: str) -> tuple[str, ...]:
        """The partners that a manager looks after, in this build."""
        rows = self.engine.ask("select partner_id from partner where manager_id = ? order by partner_id", [manager])
        return tuple(rows["partner_id"])

    def complete_year(self) -> tuple[date, date]:
        """The last twelve complete months, or as many as there are: the first and the last one."""
        said = self.manifest
        first, last = (date.fromisoformat(said[name]) for name in ("first_month", "last_month"))
        until = max(first, date.fromisoformat(said["last_complete_month"] or said["first_month"]))
        index = until.year * 12 + until.month - 12
        return max(first, date(index // 12, index % 12 + 1, 1)), min(until, last)

    def knows(self, held: Held) -> bool:
        """Whether this build has the book or the partner that a role is held for."""
        column = {MANAGER: "manager_id", PARTNER_ROLE: "partner_id"}.get(held.role)
        if column is None:
            return not held.subject
        tables = ("customer", "partner") if column == "manager_id" else ("partner",)
        found = (
            self.engine.ask(f"select 1 as one from {table} where {column} = ? limit 1", [held.subject])
            for table in tables
        )
        return named(held.subject) and any(len(rows) for rows in found)

    def scope_of(self, held: tuple[Held, ...]) -> Scope:
        """The rows of this build that these roles may see."""
        books = {one.subject for one in held if one.role == MANAGER}
        groupable = tuple(self.manifest.get("groupable", ()))
        return scope_of(held, groupable, {book: self.partners_of(book) for book in books})

    def count(self, question: Question) -> int:
        """How many rows the whole answer has."""
        return int(self.asked(*question.count_sql(self.attributes))["rows"].iloc[0])


class Warehouse:
    """A folder of builds."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.checked: dict[str, Build] = {}
        self.refused: dict[tuple[str, int], NoBuild] = {}  # not hashed again until the file changes
        self.checking = Lock()  # readers are threads

    def newest(self) -> str:
        """Name of the build that should serve: what the pointer says, else the newest there is."""
        named = read_manifest(self.folder / POINTER).get("build")
        there = builds(self.folder) if self.folder.is_dir() else []
        if isinstance(named, str) and named in there:
            return named
        if not there:
            raise NoBuild(
                f"No warehouse in {self.folder}. Build one with: python -m data build FOLDER --warehouse {self.folder}"
            )
        return there[0]

    def current(self) -> Build:
        """The build that serves; an older good one, with a warning, when the newest file is not what was published."""
        wanted = self.newest()
        for name in [wanted, *(other for other in builds(self.folder) if wanted > other)]:
            try:
                build = self.build(name)
            except NoBuild:
                continue
            warning = f"Build {wanted} is damaged and is not shown. These are the figures of build {name}."
            build.warning = warning if name != wanted else ""
            return build
        raise NoBuild(
            f"No build in {self.folder} is intact. "
            f"Build one with: python -m data build FOLDER --warehouse {self.folder}"
        )

    def build(self, name: str) -> Build:
        """One build by name, checked once against the hash it was published with."""
        with self.checking:
            if name not in self.checked:
                key = name, written(self.folder / f"{name}.duckdb") + written(self.folder / f"{name}.json")
                if key in self.refused:
                    raise self.refused[key]
                try:
                    self.checked[name] = self.open(name)
                except NoBuild as reason:
                    self.refused[key] = reason
                    raise
            return self.checked[name]

    def open(self, name: str) -> Build:
        """Open a build that is what its manifest says it is."""
        if name not in builds(self.folder):
            raise NoBuild(
                f"There is no build {name[:60]!r} in this warehouse. It may be too old: only the latest are kept."
            )
        manifest = read_manifest(self.folder / f"{name}.json")
        if lacking := NEEDED - manifest.keys():
            raise NoBuild(f"The manifest of build {name} cannot be read: it lacks {', '.join(sorted(lacking))}.")
        file = self.folder / f"{name}.duckdb"
        try:
            if file.stat().st_size == manifest["bytes"] and digest(file) == manifest["sha256"]:
                return Build(file, manifest)
        except (OSError, TypeError, duckdb.Error) as error:
            raise NoBuild(f"Build {name} cannot be opened: {type(error).__name__}.") from error
        raise NoBuild(f"Build {name} is not the file that was published.")

    def history(self) -> list[dict]:
        """Manifests of all builds, newest first."""
        manifests = ((name, read_manifest(self.folder / f"{name}.json")) for name in builds(self.folder))
        damaged = {"built_at": "", "damaged": True}
        return [manifest if manifest.keys() >= NEEDED else {"build": name} | damaged for name, manifest in manifests]


def written(path: Path) -> int:
    """When a file was last written, in nanoseconds; 0 when it is not there."""
    try:
        return path.stat().st_mtime_ns
    except (OSError, ValueError):
        return 0


def read_manifest(path: Path) -> dict:
    """What a small JSON file holds; nothing when it cannot be read or is no manifest."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
