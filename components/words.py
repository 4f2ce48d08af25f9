"""One way to write money, shares, counts, ratios, dates and changes, and to quote text that came from data."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pandas import isna

from data.catalog import Metric, Unit

NOT_KNOWN = "–"
NARROW = "\u202f"  # keeps a number and its sign or unit on one line
MINUS = "−"
SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "INR": "₹"}
STEPS = ((Decimal(10) ** 9, "bn"), (Decimal(10) ** 6, "M"), (Decimal(10) ** 3, "k"))
# Markdown makes a link of a bare address, whatever is escaped in it: a character of no width stops that.
LINK = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)|(?<=@)", re.IGNORECASE)
JOINER = "\u2060"
MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&^=])")


def known(value: Any) -> bool:
    """Whether there is a figure at all: not None, NaN, NaT or NA."""
    return not isna(value)


def figure(value: Any, unit: Unit, currency: str = "", short: bool = False) -> str:
    """A figure in its unit. short: for cards and charts, 1.23 M instead of 1,234,567.89."""
    if not known(value):
        return NOT_KNOWN
    if unit == Unit.MONEY:
        return money(value, currency, short)
    if unit == Unit.COUNT:
        return count(value, short)
    if unit == Unit.SHARE:
        return share(value)
    if unit == Unit.RATIO:
        return ratio(value)
    if unit == Unit.DAYS:
        return days(value)
    if unit == Unit.MOMENT:
        return day(value)
    return visible(str(value))


def money(value: Any, currency: str, short: bool = False) -> str:
    """€1,234.50, or €1.23 M when short. Halves are rounded away from zero."""
    amount = exact(value)
    digits = shortened(abs(amount)) if short else f"{rounded(abs(amount), 2):,}"
    symbol = SYMBOLS.get(currency, currency + NARROW if currency else "")
    return sign(amount, digits) + symbol + digits


def signed(value: Any, currency: str, short: bool = False) -> str:
    """A change in money with its sign: +€1.20, −€300.00."""
    return ("+" if exact(value) > 0 else "") + money(value, currency, short)


def count(value: Any, short: bool = False) -> str:
    """1,234; from a million on, 1.23 M when short."""
    amount = exact(value)
    large = short and abs(amount) >= 1_000_000
    digits = shortened(abs(amount)) if large else f"{rounded(abs(amount), 0):,}"
    return sign(amount, digits) + digits


def share(value: Any, decimals: int = 1) -> str:
    """0.123 is 12.3 %; small shares keep two decimals so that they do not read as nothing."""
    amount = exact(value) * 100
    if amount and abs(amount) < 1:
        decimals = max(decimals, 2)
    digits = f"{rounded(abs(amount), decimals):,}"
    return f"{sign(amount, digits)}{digits}{NARROW}%"


def ratio(value: Any) -> str:
    """Two decimals; large ones fewer."""
    amount = exact(value)
    digits = f"{rounded(abs(amount), 2 if abs(amount) < 10 else 1 if abs(amount) < 100 else 0):,}"
    return sign(amount, digits) + digits


def days(value: Any) -> str:
    """34 days."""
    whole = rounded(exact(value), 0)
    return f"{whole:,} day{'' if whole == 1 else 's'}"


def ago(number: int) -> str:
    """34 days ago; 5 months ago; 15 years ago."""
    for least, length, name in ((730, 365.25, "year"), (90, 30.44, "month")):
        if number >= least:
            return f"{counted(int(number / length), name)} ago"
    return f"{days(number)} ago"


def day(value: Any) -> str:
    """22 Nov 2026, from a date, a moment or ISO text."""
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return f"{moment.day} {moment:%b %Y}"


def month(value: Any) -> str:
    """Nov 2026."""
    return f"{value:%b %Y}"


def months(since: date, until: date) -> str:
    """Nov 2026; Jan to Nov 2026; Dec 2025 to Nov 2026."""
    if (since.year, since.month) == (until.year, until.month):
        return month(until)
    return f"{since:%b}{'' if since.year == until.year else f' {since:%Y}'} to {month(until)}"


def moment(value: str, zone: str) -> str:
    """An ISO moment in UTC, as the company's clocks showed it: 22 Nov 2026, 15:04."""
    local = datetime.fromisoformat(value.replace("Z", "+00:00")).astimezone(ZoneInfo(zone))
    return f"{day(local)}, {local:%H:%M}"


def change(now: Any, before: Any, unit: Unit) -> str:
    """How a figure moved: relative for sums, in points for shares, absolute for ratios. Empty when not known."""
    if not (known(now) and known(before)):
        return ""
    difference = exact(now) - exact(before)
    if unit == Unit.SHARE:
        points = rounded(difference * 100, 1 if abs(difference) >= Decimal("0.001") or not difference else 2)
        return f"{plus(points)}{abs(points):,} points"
    if unit == Unit.RATIO:
        return f"{plus(rounded(difference, 2))}{abs(rounded(difference, 2)):,}"
    if exact(before) <= 0:
        return ""
    percent = rounded(difference / exact(before) * 100, 1)
    return f"{plus(percent)}{abs(percent):,}{NARROW}%"


def because(label: str, parts: Sequence[Any], currency: str) -> str:
    """'Contribution margin fell by €120 k, mostly through customers (−€95 k)'. parts: with name and amount."""
    gap = sum((part.amount for part in parts), Decimal(0))
    if not gap:
        return f"{label} did not change"
    main = max(parts, key=lambda part: part.amount if gap > 0 else -part.amount)
    moved = f"{label} {'rose' if gap > 0 else 'fell'} by {money(abs(gap), currency, short=True)}"
    return (
        f"{moved}, mostly through {main.name[:1].lower()}{main.name[1:]} ({signed(main.amount, currency, short=True)})"
    )


def moved(metric: Metric, now: Any, before: Any) -> str:
    """'Revenue +7.1 %'; the name alone when nothing can be compared."""
    return f"{metric.label} {change(now, before, metric.unit)}".rstrip()


def counted(number: Any, thing: str, things: str = "") -> str:
    """1 customer, 2 customers, 3 categories."""
    return f"{count(number)} {thing if number == 1 else things or thing + 's'}"


def sentence(text: str) -> str:
    """The text with a capital first letter and no others: 'Revenue +7 % and contribution margin +9 %'."""
    return text[:1].upper() + text[1:].lower()


def listed(names: list[str]) -> str:
    """a; a and b; a, b and c."""
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def visible(text: str, limit: int = 200) -> str:
    """Text from data or an address, as it is: control and direction characters are spelled out, and it ends."""
    text = unicodedata.normalize("NFC", text)
    shown = "".join(
        f"[U+{ord(c):04X}]" if unicodedata.category(c) in {"Cc", "Cf", "Co", "Cn", "Cs", "Zl", "Zp"} else c
        for c in text
    )
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def safe_text(text: Any, limit: int = 200) -> str:
    """The same, for a sink that reads Markdown: no image, link, colour or formula can come out of a name."""
    return MARKDOWN.sub(r"\\\1", LINK.sub(JOINER, visible(str(text), limit)))


def safe_lines(text: str, limit: int = 2_000) -> str:
    """A text of several lines for the same sink; every line stands by itself."""
    return "  \n".join(safe_text(line.strip(), limit) for line in text.splitlines() if line.strip())


def exact(value: Any) -> Decimal:
    """The figure as a decimal; a float through its shortest text, so that 0.1 stays 0.1."""
    return (
        value
        if isinstance(value, Decimal)
        else Decimal(repr(float(value)))
        if not isinstance(value, int)
        else Decimal(value)
    )


def rounded(amount: Decimal, decimals: int) -> Decimal:
    """Rounded as people round; never minus zero."""
    return amount.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP) + 0


def shortened(amount: Decimal) -> str:
    """Three significant digits with k, M or bn; below a thousand, plain."""
    three = amount.quantize(Decimal(1).scaleb(amount.adjusted() - 2), ROUND_HALF_UP)
    for step, name in STEPS:
        if three >= step:
            scaled = three / step
            return f"{scaled:,.{max(0, 2 - scaled.adjusted())}f}{NARROW}{name}"
    return f"{rounded(amount, 2 if amount < 100 else 0):,}"


def sign(amount: Decimal, digits: str) -> str:
    """A minus, unless nothing is left after rounding."""
    return MINUS if amount < 0 and any(c in "123456789" for c in digits) else ""


def arrow(changed: str) -> Literal["up", "down", "off"]:
    """The direction of a written change, as st.metric names it."""
    return "up" if changed.startswith("+") else "down" if changed.startswith(MINUS) else "off"


def plus(amount: Decimal) -> str:
    """A sign in front of every change."""
    return "+" if amount > 0 else MINUS if amount < 0 else "±"
