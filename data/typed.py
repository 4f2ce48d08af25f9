"""What a person types and others will read: normalised, bounded, without hidden characters or personal data."""

from __future__ import annotations

import unicodedata

from data.journal.problems import Invalid
from data.personal import personal_text

JOINERS = "\u200c\u200d"  # parts of words in Persian or Hindi, and of emoji
HIDDEN = {"Cc", "Cf", "Co", "Cn", "Cs", "Zl", "Zp"}


class BadText(Invalid):
    """A text that cannot be kept; the message says why and what to write instead."""


def text(value: str, what: str, most: int, optional: bool = False, lines: bool = False) -> str:
    """The text as it is stored: NFC, without blanks around it. lines: it may have several.

    Raises BadText when it is empty, too long, holds what cannot be seen, or looks like personal data.
    """
    kept = unicodedata.normalize("NFC", value.replace("\r\n", "\n")).strip()
    if not optional and not visible_part(kept):
        raise BadText(f"{what} is empty, or longer than the {most:,} characters that the field takes.")
    if len(kept) > most:
        raise BadText(f"{what} has {len(kept):,} characters; {most:,} are kept at most. Shorten it.")
    for character in kept:
        allowed = character in JOINERS or (lines and character == "\n")
        if unicodedata.category(character) in HIDDEN and not allowed:
            raise BadText(f"{what} holds a character that cannot be seen (U+{ord(character):04X}). Leave it out.")
    if reason := personal(kept):
        raise BadText(f"{what} {reason}. Rapport keeps no personal data: write what it is about, not who.")
    return kept


def personal(value: str) -> str | None:
    """Why the text looks like personal data, also where it is spelled with full-width digits or invisible joints."""
    plain = "".join(c for c in unicodedata.normalize("NFKC", value) if unicodedata.category(c) != "Cf")
    spellings = (value, plain, " ".join(plain.split()), *plain.splitlines())
    return next((reason for spelling in spellings if (reason := personal_text(spelling))), None)


def visible_part(value: str) -> str:
    """What is left of a text without blanks and signs that show nothing by themselves."""
    return "".join(c for c in value if unicodedata.category(c)[0] not in "CZM")
