"""Publishing a build: one file, its manifest, and the pointer; whatever happens, the old or the new build serves."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

POINTER = "CURRENT.json"
DRAFT = ".draft"


class Busy(Exception):
    """Another build is running in this warehouse."""


@contextlib.contextmanager
def sole_builder(warehouse: Path) -> Iterator[None]:
    """Hold the warehouse's lock; the system drops it when the process ends, however it ends."""
    warehouse.mkdir(parents=True, exist_ok=True)
    with (warehouse / ".lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Busy(f"Another build is running in {warehouse}. Wait until it is done, then start again.") from error
        for left in warehouse.glob(f"{DRAFT}*"):  # of a build that was killed; nobody reads drafts
            remove(left)
        yield


def remove(left: Path) -> None:
    """Remove a file, or the folder a build spilled into."""
    if left.is_dir():
        shutil.rmtree(left, ignore_errors=True)
    else:
        left.unlink(missing_ok=True)


def publish(draft: Path, manifest: dict, keep: int) -> Path:
    """Make a finished draft the served build: sync, rename, manifest, pointer; then drop all but the newest `keep`."""
    warehouse = draft.parent
    sha256 = digest(draft)
    build = f"{manifest['stamp']}-{sha256[:12]}"
    sync(draft)
    final = warehouse / f"{build}.duckdb"
    os.replace(draft, final)
    manifest |= {"build": build, "sha256": sha256, "bytes": final.stat().st_size}
    write(warehouse / f"{build}.json", manifest)
    write(warehouse / POINTER, {"build": build})
    for old in builds(warehouse)[keep:]:
        for suffix in (".duckdb", ".json"):
            (warehouse / f"{old}{suffix}").unlink(missing_ok=True)
    return final


def builds(warehouse: Path) -> list[str]:
    """Published builds, newest first: those with a manifest and a file."""
    return sorted(
        (p.stem for p in warehouse.glob("*.json") if p.name != POINTER and p.with_suffix(".duckdb").exists()),
        reverse=True,
    )


def digest(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def write(path: Path, content: dict) -> None:
    """Write a small file all at once: a reader sees the old or the new content."""
    draft = path.with_name(f"{DRAFT}-{path.name}")
    with draft.open("w", encoding="utf-8") as handle:
        json.dump(content, handle, indent=1, ensure_ascii=False)
        handle.flush()
        os.fsync(handle.fileno())
    os.replace(draft, path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Force a file or a folder's entries to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
