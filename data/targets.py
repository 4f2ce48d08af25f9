"""The targets that recipients may be sent to: targets.toml, written by an administrator, read and checked here.

No screen changes the file. A secret is named in it, as a file or an environment variable, and read when it is used.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from data.journal.problems import JournalError
from data.journal.store import Journal
from data.sending import addresses
from data.sending.problems import Refused

FILE, VARIABLE = "targets.toml", "RAPPORT_TARGETS"
NAME = re.compile(r"[a-z][a-z0-9-]{0,29}")
KEY_PART = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*/?")
MOST_BATCH, MOST_FILE = 10_000, 1_000_000
WEBHOOK_SECRET = re.compile(r"whsec_[A-Za-z0-9+/]+={0,2}")


@dataclass(frozen=True)
class Secret:
    """Where a secret is kept; never the secret itself."""

    file: str = ""
    variable: str = ""

    def read(self) -> str:
        """The secret, without blanks around it. Raises JournalError when it is missing or open to others."""
        if self.file:
            return closed(Path(self.file), "The secret").strip()
        text = os.environ.get(self.variable, "").strip()
        if not text:
            raise JournalError(f"The environment variable {self.variable}, named in {FILE}, is not set.")
        return text


@dataclass(frozen=True)
class Target:
    """What every target has. networks: internal ones it may lie in. ca_file: the company's own authority."""

    name: str
    networks: tuple[str, ...] = ()
    ca_file: str = ""
    kind: ClassVar[str] = ""
    files: ClassVar[bool] = True  # takes one file, and not a message for each batch

    @property
    def place(self) -> str:
        """Where it is, for people: never a path or a query, which may hold a secret."""
        return ""

    @property
    def batch_rows(self) -> int:
        """Recipients in a batch of a delivery to it; 0 for all of them."""
        return 0


@dataclass(frozen=True)
class Webhook(Target):
    """A program that takes signed messages of some recipients each."""

    url: str = field(default="", repr=False)
    secret: Secret = Secret()
    batch: int = 500
    kind: ClassVar[str] = "webhook"
    files: ClassVar[bool] = False

    @property
    def place(self) -> str:
        """The host."""
        return addresses.web(self.url).host

    @property
    def batch_rows(self) -> int:
        """Recipients in a message."""
        return self.batch

    def signing(self) -> list[bytes]:
        """The keys that sign, each from a line `whsec_…`: two while the receiver changes from one to the other."""
        lines = self.secret.read().split()
        if not 1 <= len(lines) <= 3 or not all(map(WEBHOOK_SECRET.fullmatch, lines)):
            raise JournalError(f"The secret of the target {self.name} must be one to three lines of whsec_… (base64).")
        try:
            keys = [base64.b64decode(line.removeprefix("whsec_"), validate=True) for line in lines]
        except binascii.Error:
            raise JournalError(f"The secret of the target {self.name} is not base64 after whsec_.") from None
        if not all(24 <= len(key) <= 64 for key in keys):
            raise JournalError(f"The secret of the target {self.name} must have 24 to 64 bytes.")
        return keys


@dataclass(frozen=True)
class Store(Target):
    """A bucket of an S3-compatible store."""

    endpoint: str = ""
    bucket: str = ""
    region: str = "us-east-1"
    prefix: str = ""
    key: Secret = Secret()
    secret: Secret = Secret()
    kind: ClassVar[str] = "s3"

    @property
    def place(self) -> str:
        """The host and the bucket."""
        return f"{addresses.web(self.endpoint).host}, {self.bucket}"


@dataclass(frozen=True)
class Sftp(Target):
    """A folder of a server that speaks SFTP, known by its public key."""

    host: str = ""
    port: int = 22
    user: str = ""
    key_file: str = ""
    known_host: str = ""
    folder: str = "."
    kind: ClassVar[str] = "sftp"

    @property
    def place(self) -> str:
        """The host."""
        return self.host


@dataclass(frozen=True)
class Folder(Target):
    """A folder of this machine."""

    path: str = ""
    kind: ClassVar[str] = "folder"

    @property
    def place(self) -> str:
        """The folder's own name."""
        return Path(self.path).name


# Kind -> class, and the settings it takes: those that must be there, and those that may. `x?`: x_file or x_env.
KINDS: dict[str, tuple[type[Target], tuple[str, ...], tuple[str, ...]]] = {
    "webhook": (Webhook, ("url", "secret?"), ("batch", "networks", "ca_file")),
    "s3": (Store, ("endpoint", "bucket", "key?", "secret?"), ("region", "prefix", "networks", "ca_file")),
    "sftp": (Sftp, ("host", "user", "key_file", "known_host"), ("port", "folder", "networks")),
    "folder": (Folder, ("path",), ()),
}


def configured(journal: Journal) -> dict[str, Target]:
    """Name -> target, in the file's order; none without a file. Raises JournalError with what to repair."""
    path = Path(os.environ.get(VARIABLE) or journal.folder / FILE)
    if not path.exists() and not os.environ.get(VARIABLE):
        return {}
    return parse(closed(path, "The file of targets"), path)


def parse(text: str, path: Path) -> dict[str, Target]:
    """The targets of a file's text."""
    try:
        entries = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        where = re.search(r"\(at .*\)", str(problem))  # not the whole message: it may quote a value
        raise JournalError(f"{path} is not TOML {where[0] if where else ''}.") from None
    if set(entries) - {"target"} or not isinstance(entries.get("target", {}), dict):
        raise JournalError(f"{path} may hold only entries such as [target.crm].")
    found: dict[str, Target] = {}
    for name, entry in entries.get("target", {}).items():
        try:
            found[name] = target(name, entry)
        except (Refused, ValueError) as problem:
            raise JournalError(f"{path}, [target.{str(name)[:30]}]: {problem}") from None
    return found


def target(name: str, entry: Any) -> Target:
    """One target from its entry; Refused or ValueError says what is wrong, without any value that may be secret."""
    if not NAME.fullmatch(name) or name == "download":
        raise ValueError("a target's name has small letters, digits and hyphens, at most 30, and is not “download”.")
    if not isinstance(entry, Mapping) or entry.get("kind") not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}.")
    made, needed, optional = KINDS[entry["kind"]]
    values: dict[str, Any] = {}
    left = {key: value for key, value in entry.items() if key != "kind"}
    for setting in (*needed, *optional):
        if setting.endswith("?"):
            values[setting[:-1]] = secret(left, setting[:-1])
        elif setting in left:
            values[setting] = checked(setting, left.pop(setting))
        elif setting in needed:
            raise ValueError(f"{setting} is missing.")
    if left:
        known = ", ".join(
            sorted({"kind", *(f"{s[:-1]}_file, {s[:-1]}_env" if s[-1] == "?" else s for s in (*needed, *optional))})
        )
        raise ValueError(f"{sorted(left)[0][:40]} is not a setting of this kind; there are: {known}.")
    return made(name=name, **values)


def secret(left: dict[str, Any], name: str) -> Secret:
    """Where a secret is kept: exactly one of its two settings."""
    file, variable = left.pop(f"{name}_file", ""), left.pop(f"{name}_env", "")
    if not (isinstance(file, str) and isinstance(variable, str)) or bool(file) == bool(variable):
        raise ValueError(f"give either {name}_file or {name}_env, as text.")
    if file and not Path(file).is_absolute():
        raise ValueError(f"{name}_file must be a whole path.")
    return Secret(file, variable)


def checked(setting: str, value: Any) -> Any:
    """A setting of the right type, with what is known about its content."""
    if setting == "networks":
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise ValueError("networks must be a list of texts such as 10.1.0.0/16.")
        return tuple(str(addresses.network(one)) for one in value)
    if setting in WHOLE:
        low, high = WHOLE[setting]
        if type(value) is not int or not low <= value <= high:
            raise ValueError(f"{setting} must be a whole number from {low} to {high:,}.")
        return value
    if not isinstance(value, str) or not value or not value.isprintable() or len(value) > 2_000:
        raise ValueError(f"{setting} must be a text of one line.")
    if setting in ("url", "endpoint"):
        place = addresses.web(value)
        if setting == "endpoint" and place.path != "/":
            raise ValueError(
                "endpoint is the store's address alone; the bucket and the prefix are settings of their own."
            )
        return value.rstrip("/") if setting == "endpoint" else value
    if setting == "host":
        return addresses.plain(value)
    if setting in ("ca_file", "key_file", "path") and not Path(value).is_absolute():
        raise ValueError(f"{setting} must be a whole path.")
    if setting in ("bucket", "prefix", "region") and (not KEY_PART.fullmatch(value) or ".." in value):
        raise ValueError(f"{setting} may have letters, digits, dots, hyphens and slashes between them.")
    return value


WHOLE = {"batch": (1, MOST_BATCH), "port": (1, 65_535)}


def closed(path: Path, what: str) -> str:
    """The text of a file that nobody but this account can read. Raises JournalError otherwise, without its content."""
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            content = file.read(MOST_FILE)
    except OSError as problem:
        raise JournalError(f"{what} {path} cannot be read ({problem.strerror}).") from None
    if found.st_mode & 0o077 or found.st_uid not in (0, os.geteuid()):
        raise JournalError(
            f"{what} {path} can be read by other accounts. Give it to the server's account: chmod 600 {path}"
        )
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise JournalError(f"{what} {path} is not text in UTF-8.") from None
    if not text.strip():
        raise JournalError(f"{what} {path} is empty.")
    return text
