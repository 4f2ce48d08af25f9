"""The files of campaigns beside the journal: who is in which arm, and what left. Written once, then only read.

A file is complete before the journal names it, with the SHA-256 of its content; whatever a killed process leaves
behind is named by nobody.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import tempfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from data.journal.problems import JournalError
from data.journal.store import Journal
from data.publish import sync

SECRET = "campaign.secret"
NAME = re.compile(r"[0-9a-f]{32}")


def store_folder(journal: Journal) -> Path:
    """The folder of all campaigns: $RAPPORT_CAMPAIGNS, or one beside the journal."""
    return Path(os.environ.get("RAPPORT_CAMPAIGNS") or journal.folder / "campaigns")


def folder_of(journal: Journal, campaign_id: str) -> Path:
    """The folder of one campaign."""
    if not NAME.fullmatch(campaign_id):
        raise JournalError("This is no key of a campaign of ours.")
    return store_folder(journal) / campaign_id


def secret(journal: Journal) -> str:
    """What arms and pseudonyms are drawn with: 64 hexadecimal digits, made at the first use, read by our account only.

    Raises JournalError for a file that others may read: who knows it can tell an arm in advance.
    """
    path = store_folder(journal) / SECRET
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        put(path.parent, SECRET, lambda draft: draft.write_text(secrets.token_hex(32)), once=True)
    found = path.stat()
    if found.st_mode & 0o077 or found.st_uid not in (0, os.geteuid()):
        raise JournalError(
            f"The secret of campaigns in {path} can be read by other accounts. Close it: chmod 600 {path}"
        )
    text = path.read_text().strip()
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        raise JournalError(f"The secret of campaigns in {path} is damaged. Put it back from its backup.")
    return text


def put(folder: Path, stem: str, write: Callable[[Path], object], once: bool = False) -> tuple[str, str]:
    """Write a file of a folder, safe on the disk before it has its name; the name and its SHA-256.

    stem: `assigned` becomes assigned-<first 12 digits>.parquet. once: the stem is the name, and who comes first stays.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    number, draft_name = tempfile.mkstemp(prefix=".draft-", dir=folder)
    os.close(number)
    draft = Path(draft_name)
    try:
        write(draft)
        with draft.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            os.fsync(file.fileno())
        name = stem if once else f"{stem}-{digest[:12]}.parquet"
        draft.chmod(0o600)
        if once:
            with contextlib.suppress(FileExistsError):
                os.link(draft, folder / name)
        else:
            os.replace(draft, folder / name)
        sync(folder)
    finally:
        draft.unlink(missing_ok=True)
    return name, digest


def at(journal: Journal, campaign_id: str, name: str, sha256: str) -> Path:
    """A file of a campaign that is what the journal says. Raises JournalError when it is missing or another one."""
    path = folder_of(journal, campaign_id) / Path(name).name
    try:
        stamp = path.stat()
        found = digest_of(path, stamp.st_ino, stamp.st_size, stamp.st_ctime_ns)
    except OSError as problem:
        raise JournalError(f"The file {path} of a campaign cannot be read ({problem.strerror}). Restore it.") from None
    if found != sha256:
        raise JournalError(f"The file {path} of a campaign is not what was exported. Put it back from its backup.")
    return path


@lru_cache(maxsize=512)
def digest_of(path: Path, inode: int, size: int, changed: int) -> str:
    """SHA-256 of a file, worked out again whenever its inode, size or time of change (which nobody can set) differs."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
