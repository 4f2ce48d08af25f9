"""Checkpoints: how far the audit's chain had come, kept in a second place, so that a cut-off end is noticed."""

from __future__ import annotations

import hmac
import json
import logging
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data.journal import chain
from data.journal.keys import Keys

LOG = logging.getLogger(__name__)
ROWS, SECONDS = 100, 60.0


class Checkpoints:
    """The file of checkpoints, one signed line each. A line is written after the commit that it is about."""

    def __init__(self, path: Path, keys: Keys):
        self.path, self.keys = path, keys
        self._lock = threading.Lock()
        self._written = -SECONDS  # on the monotonic clock; a clock that is set back must not hold a checkpoint back
        self._waiting: dict[str, Any] | None = None
        self._timer: threading.Timer | None = None

    def after(self, row: Mapping[str, Any]) -> None:
        """Note a committed row: a line at every 100th, or when the last line is a minute old; at the latest by then."""
        with self._lock:
            if self._waiting is None or row["seq"] > self._waiting["seq"]:
                self._waiting = {name: row[name] for name in ("seq", "mac", "at", "key_id")}
            since = time.monotonic() - self._written
            if row["seq"] % ROWS == 0 or since >= SECONDS:
                self._append()
            elif self._timer is None:
                self._timer = threading.Timer(SECONDS - since, self.flush)
                self._timer.daemon = True
                self._timer.start()

    def flush(self) -> None:
        """Write the line that is still waiting, if any."""
        with self._lock:
            self._timer = None
            if self._waiting is not None:
                self._append()

    def _append(self) -> None:
        """The change is committed already, so a full disk here is reported and tried again, not raised."""
        try:
            self._write(self._waiting or {})
        except OSError as error:
            LOG.error("No checkpoint could be written to %s (%s). Repair it: until then a cut-off end of the audit "
                      "trail would go unnoticed.", self.path, error.strerror)  # fmt: skip
            return
        self._waiting, self._written = None, time.monotonic()

    def _write(self, line: dict[str, Any]) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        text = chain.canonical({**line, "mac_of_line": sign(self.keys.all()[line["key_id"]], line)}) + "\n"
        file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            size = os.fstat(file).st_size
            torn = size and os.pread(file, 1, size - 1) != b"\n"  # a power cut in the middle of the line before
            os.write(file, (("\n" if torn else "") + text).encode())
            os.fsync(file)
        finally:
            os.close(file)

    def read(self) -> tuple[list[dict[str, Any]], list[str], list[str]]:
        """All lines that we signed; faults (lines we did not sign) and remarks (lines that a power cut tore)."""
        lines, faults, remarks = [], [], []
        keys = self.keys.all()
        texts = self.path.read_text("utf-8", errors="replace").splitlines() if self.path.exists() else []
        for number, text in enumerate(texts, 1):
            try:
                line = json.loads(text)
                signature = line.pop("mac_of_line")
                key = keys[line["key_id"]]
                known = set(line) == {"seq", "mac", "at", "key_id"} and type(line["seq"]) is int
            except (ValueError, AttributeError, TypeError):
                remarks.append(f"Line {number} of the checkpoints is torn or not a checkpoint; it proves nothing.")
                continue
            except KeyError:
                faults.append(f"Line {number} of the checkpoints names a key that is not in the keys file.")
                continue
            if (
                known
                and isinstance(signature, str)
                and hmac.compare_digest(signature.encode(), sign(key, line).encode())
            ):
                lines.append(line)
            else:
                faults.append(f"Line {number} of the checkpoints was changed or not written by this journal.")
        return lines, faults, remarks


def sign(key: bytes, line: Mapping[str, Any]) -> str:
    """The keyed hash of a checkpoint; its first word keeps it from passing for a row's."""
    return hmac.digest(key, ("checkpoint " + chain.canonical(line)).encode(), "sha256").hex()
