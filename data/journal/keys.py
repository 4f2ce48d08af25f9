"""The audit's keys: a file that only the server's account can read, key id -> key; the last one signs."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from pathlib import Path

from data.journal.problems import JournalError
from data.publish import sync


class Keys:
    """The keys of a file, read again when the file changes: a new key signs from then on, old rows still verify."""

    def __init__(self, path: Path):
        self.path = path
        self._stamp: tuple[int, ...] = ()
        self._keys: dict[str, bytes] = {}

    def all(self) -> dict[str, bytes]:
        """Key id -> key, the one that signs last."""
        try:
            found = os.stat(self.path)
        except FileNotFoundError:
            raise JournalError(
                f"The audit's keys are missing: no file {self.path}. Put it back from its backup; without it nothing "
                "can be written, and what is written cannot be verified."
            ) from None
        stamp = (found.st_mtime_ns, found.st_size, found.st_ino, found.st_mode)
        if stamp != self._stamp:
            if found.st_mode & 0o077 or found.st_uid not in (0, os.geteuid()):
                raise JournalError(
                    f"The audit's keys in {self.path} can be read by other accounts. Give the file to the server's "
                    f"account and close it to others: chmod 600 {self.path}"
                )
            self._keys, self._stamp = self._read(), stamp
        return self._keys

    def signing(self) -> tuple[str, bytes]:
        """The newest key and its id."""
        return list(self.all().items())[-1]

    def make(self) -> None:
        """Write a file with one new key, unless there is a file already."""
        if not self.path.exists():
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._write(dict([new_key()]), replace=False)

    def add(self) -> str:
        """Add a new key, which signs from now on; its id."""
        key_id, key = new_key()
        self._write({**self.all(), key_id: key}, replace=True)
        return key_id

    def _read(self) -> dict[str, bytes]:
        try:
            keys = {key_id: bytes.fromhex(text) for key_id, text in json.loads(self.path.read_text("utf-8")).items()}
        except (ValueError, AttributeError, TypeError):  # not the text itself: it would show a key
            raise JournalError(f"{self.path} is not a JSON object of key ids and hexadecimal keys.") from None
        if not keys or min(map(len, keys.values())) < 32:
            raise JournalError(f"{self.path} needs at least one key, and each of at least 32 bytes.")
        return keys

    def _write(self, keys: dict[str, bytes], replace: bool) -> None:
        new = self.path.with_name(f".{self.path.name}.{secrets.token_hex(4)}")
        file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(file, "w", encoding="utf-8") as opened:
                json.dump({key_id: key.hex() for key_id, key in keys.items()}, opened, indent=1)
                opened.flush()
                os.fsync(opened.fileno())
            if replace:
                os.replace(new, self.path)
            else:
                try:
                    os.link(new, self.path)  # unlike replacing, leaves the file of a process that was faster
                except FileExistsError:
                    return
            sync(self.path.parent)
        finally:
            new.unlink(missing_ok=True)


def new_key() -> tuple[str, bytes]:
    """A random key, and an id that follows from it."""
    key = secrets.token_bytes(32)
    return hashlib.sha256(key).hexdigest()[:12], key
