"""What a company says of itself in company.toml: name, currency, zone, notice, CRM link."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


class Unusable(Exception):
    """Settings or feeds that no build can be made from; the message says where and what to do."""


@dataclass(frozen=True)
class Company:
    """Settings of one company. roi_floor: smallest relationship investment that is rated, in currency; 0 derives it."""

    name: str = "Company"
    currency: str = ""
    zone: str = "UTC"
    notice: str = ""
    crm_link: str = ""
    roi_floor: float = 0.0


def read_company(folder: Path) -> Company:
    """The settings in FOLDER/company.toml, or the defaults when there is no such file."""
    path = folder / "company.toml"
    if not path.exists():
        return Company(name=folder.resolve().name)
    try:
        company = Company(**tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, TypeError) as error:
        raise Unusable(f"{path} cannot be read: {error}. Known settings: {', '.join(Company.__dataclass_fields__)}") from error
    if company.currency and not re.fullmatch(r"[A-Z]{3}", company.currency):
        raise Unusable(f"{path}: currency {company.currency!r} is no ISO 4217 code such as EUR")
    try:
        ZoneInfo(company.zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise Unusable(f"{path}: zone {company.zone!r} is no IANA time zone such as Europe/Berlin") from error
    if company.crm_link and not re.fullmatch(r"https://[^\s{}]+\{customer_id\}[^\s{}]*", company.crm_link):
        raise Unusable(f"{path}: crm_link must be an https address with {{customer_id}} in it")
    return company
