"""What a build takes from the journal, and what it tells the journal afterwards; on machines that have one."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from data.company import Unusable
from data.journal.problems import Invalid, JournalError
from data.warehouse import Warehouse


def journal_here() -> bool:
    """Whether there is a journal: its address is set, or it lies in the folder of that name."""
    return bool(os.environ.get("RAPPORT_JOURNAL")) or Path("journal/journal.db").exists()


def own_feeds(folder: Path, without: bool, say: Callable[[str], None]) -> Path | None:
    """Rapport's own campaigns as feeds in this folder, where there is a journal.

    A journal that cannot be read is a source that was refused: nothing is built, unless `without` accepts that.
    """
    if not journal_here():
        return None
    from sqlalchemy.exc import SQLAlchemyError

    from data import own_campaigns
    from data.journal.store import journal

    try:
        own_campaigns.write(journal(), folder, say)
    except (Invalid, JournalError, SQLAlchemyError) as error:
        if not without:
            raise Unusable(
                f"Rapport's own campaigns cannot be read; without their cost nothing was built: {error}\n"
                "Mend the journal and build again, or publish without them: --accept-rejected"
            ) from None
        say(f"Built without Rapport's own campaigns: {error}")
        return None
    return folder


def put_on_record(path: Path, say: Callable[[str], None]) -> None:
    """Tell the journal, where there is one, that a build was published, and how campaigns did that it covers.

    The build is published either way.
    """
    if not journal_here():
        return
    from sqlalchemy.exc import SQLAlchemyError

    from data import own_campaigns
    from data.journal.store import journal
    from data.rights import SYSTEM

    try:
        journal().record(SYSTEM, "build.publish", path.stem, path.stem)
        own_campaigns.grade(journal(), Warehouse(path.parent).build(path.stem), say)
    except (Invalid, JournalError, SQLAlchemyError) as error:
        say(f"The build is published, but the journal could not be told: {error}")
