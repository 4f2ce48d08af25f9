"""A file into a folder of this machine, for another program to fetch: whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path

from data.publish import sync
from data.sending.problems import Refused, TryAgain
from data.targets import Folder


def put(target: Folder, name: str, path: Path) -> None:
    """Write a file, in place of one of that name, safe on the disk before it has its name."""
    folder = Path(target.path)
    if not folder.is_dir():
        raise Refused(f"The folder of the target {target.name} is not there. Make it, for the server's account.")
    draft = folder / f".{name}.{secrets.token_hex(4)}"
    try:
        file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o640)
        with os.fdopen(file, "wb") as there, path.open("rb") as here:
            shutil.copyfileobj(here, there)
            there.flush()
            os.fsync(there.fileno())
        os.replace(draft, folder / name)
        sync(folder)
    except PermissionError:
        raise Refused(f"The server's account may not write into the folder of the target {target.name}.") from None
    except OSError as problem:
        raise TryAgain(f"The folder of the target {target.name} did not take the file: {problem.strerror}.") from None
    finally:
        draft.unlink(missing_ok=True)
