"""The warehouse: which build serves, which came before, and questions put to one of them."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from data.engine import DuckDB
from data.publish import POINTER, builds, digest
from data.question import Listing, Question


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
        return self.engine.ask(*question.sql(self.attributes))

    def count(self, question: Question) -> int:
        """How many rows the whole answer has."""
        return int(self.engine.ask(*question.count_sql(self.attributes))["rows"].iloc[0])


class Warehouse:
    """A folder of builds."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.checked: dict[str, Build] = {}

    def newest(self) -> str:
        """Name of the build that should serve: what the pointer says, else the newest there is."""
        try:
            named = json.loads((self.folder / POINTER).read_text(encoding="utf-8"))["build"]
        except (OSError, ValueError, KeyError, TypeError):
            named = ""
        there = builds(self.folder) if self.folder.is_dir() else []
        if named in there:
            return named
        if not there:
            raise NoBuild(f"No warehouse in {self.folder}. Build one with: python -m data build FOLDER --warehouse {self.folder}")
        return there[0]

    def current(self) -> Build:
        """The build that serves; an older good one, with a warning, when the newest file is not what was published."""
        wanted = self.newest()
        for name in [wanted, *(other for other in builds(self.folder) if other < wanted)]:
            try:
                build = self.build(name)
            except NoBuild:
                continue
            if name != wanted:
                build.warning = f"Build {wanted} is damaged and is not shown. These are the figures of build {name}."
            return build
        raise NoBuild(f"No build in {self.folder} is intact. Build a new one with: python -m data build FOLDER --warehouse {self.folder}")

    def build(self, name: str) -> Build:
        """One build by name, checked once against the hash it was published with."""
        if name not in self.checked:
            if name not in builds(self.folder):
                raise NoBuild(f"There is no build {name[:60]!r} in this warehouse. It may be too old: only the latest are kept.")
            file = self.folder / f"{name}.duckdb"
            try:
                manifest = json.loads((self.folder / f"{name}.json").read_text(encoding="utf-8"))
                intact = file.stat().st_size == manifest["bytes"] and digest(file) == manifest["sha256"]
            except (OSError, ValueError, KeyError) as error:
                raise NoBuild(f"The manifest of build {name} cannot be read: {type(error).__name__}") from error
            if not intact:
                raise NoBuild(f"Build {name} is not the file that was published.")
            self.checked[name] = Build(file, manifest)
        return self.checked[name]

    def history(self) -> list[dict]:
        """Manifests of all builds, newest first."""
        found = []
        for name in builds(self.folder):
            try:
                found.append(json.loads((self.folder / f"{name}.json").read_text(encoding="utf-8")))
            except (OSError, ValueError):
                found.append({"build": name, "built_at": "", "damaged": True})
        return found
