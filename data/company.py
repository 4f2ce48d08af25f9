"""What a company says of itself in company.toml: name, currency, zone, notice, CRM link, and what limits contacts."""

from __future__ import annotations

import math
import re
import stat
import tomllib
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

MOST_TEXT = 1 << 20
MOST_HELD_OUT = 0.5
MOST_CONTACTS, YEAR = 10_000, 365


class Unusable(Exception):
    """Settings or feeds that no build can be made from; the message says where and what to do."""


@dataclass(frozen=True)
class Company:
    """Settings of one company. roi_floor: smallest relationship investment that is rated, in currency; 0 derives it.

    global_holdout: share of all customers that no campaign reaches, in steps of a ten-thousandth.
    campaign_budget: most that one author's campaigns of one month may cost in all, currency; 0 sets no limit.
    most_contacts: most contacts that anybody gets on all channels together in contact_days days; 0 sets no cap.
    """

    name: str = "Company"
    currency: str = ""
    zone: str = "UTC"
    notice: str = ""
    crm_link: str = ""
    roi_floor: float = 0.0
    global_holdout: float = 0.0
    campaign_budget: float = 0.0
    most_contacts: int = 0
    contact_days: int = 30

    def __post_init__(self):
        for name in ("name", "currency", "zone", "notice", "crm_link"):
            if not isinstance(getattr(self, name), str):
                raise TypeError(f"{name} must be text in quotes")
        for name in ("roi_floor", "campaign_budget"):
            value = getattr(self, name)
            if type(value) not in (int, float) or not 0 <= value < math.inf:
                raise TypeError(f"{name} must be a number, 0 or more")
        share = self.global_holdout
        if type(share) not in (int, float) or not 0 <= share <= MOST_HELD_OUT or round(share * 10_000, 6) % 1:
            raise TypeError(f"global_holdout must be a share from 0 to {MOST_HELD_OUT}, in steps of 0.0001")
        for name, least, most in (("most_contacts", 0, MOST_CONTACTS), ("contact_days", 1, YEAR)):
            value = getattr(self, name)
            if type(value) is not int or not least <= value <= most:
                raise TypeError(f"{name} must be a whole number from {least} to {most:,}")


def read_text(path: Path) -> str:
    """The text of a small file of settings or SQL, with or without a byte order mark."""
    try:
        state = path.lstat()
        if not stat.S_ISREG(state.st_mode):
            raise Unusable(f"{path} is not a regular file (links, pipes and devices are not read); put the file there")
        if state.st_size > MOST_TEXT:
            raise Unusable(f"{path} is larger than {MOST_TEXT >> 20} MiB; that is no file of settings or SQL")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unusable(f"{path} is not UTF-8; save it as UTF-8") from error
    except OSError as error:
        raise Unusable(f"{path} cannot be read: {error.strerror}") from error


def read_company(folder: Path) -> Company:
    """The settings in FOLDER/company.toml, or the defaults when there is no such file."""
    path = folder / "company.toml"
    if not path.is_symlink() and not path.exists():
        return Company(name=folder.resolve().name or "Company")
    try:
        company = Company(**tomllib.loads(read_text(path)))
    except (tomllib.TOMLDecodeError, TypeError) as error:
        known = ", ".join(Company.__dataclass_fields__)
        raise Unusable(f"{path} cannot be read: {error}. Known settings: {known}") from error
    if company.currency and not re.fullmatch(r"[A-Z]{3}", company.currency):
        raise Unusable(f"{path}: currency {company.currency!r} is no ISO 4217 code such as EUR")
    try:
        ZoneInfo(company.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Unusable(f"{path}: zone {company.zone!r} is no IANA time zone such as Europe/Berlin") from error
    if company.crm_link and not re.fullmatch(r"https://[^\s{}]+\{customer_id\}[^\s{}]*", company.crm_link):
        raise Unusable(f"{path}: crm_link must be an https address with {{customer_id}} in it")
    return company
