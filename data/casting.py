"""From a source value to a contract value: one SQL expression for each kind, strict, and the reason when it fails.

Text is never guessed at: `1_000`, `0x10`, `1e3`, ` 5.00 `, `1.234,56` and `infinity` are all refused, although a plain
database cast takes several of them. Nothing here depends on the time zone of the database session.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from data.contract import SQL_TYPE, Column, Kind

WHOLE_NUMBERS = (
    *("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"),
    *("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"),
)
FLOATS = ("DOUBLE", "FLOAT")
LOCAL_MOMENTS = ("TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP_MS", "TIMESTAMP_S", "DATE")
LABELS = (*WHOLE_NUMBERS, *LOCAL_MOMENTS, "TIMESTAMP WITH TIME ZONE", "BOOLEAN", "UUID")  # readable as text as they are

MONEY_TEXT = r"-?[0-9]{1,14}(\.[0-9]{1,4}0*)?"  # databases write 1.5 of a wide column as 1.500000
OFFSET = r"(Z|[+-](0[0-9]|1[0-4]):?[0-5][0-9]|[+-](0[0-9]|1[0-4]))"
TIME = r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?"
MOMENT_TEXT = rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}([ T]{TIME}{OFFSET}?)?"
OFFSET_TEXT = rf".*:[0-9.]+{OFFSET}"
SHARE_TEXT = r"[01](\.[0-9]+)?"
HIDDEN = r"[\x00-\x1f\x7f\x{200b}-\x{200f}\x{202a}-\x{202e}\x{2060}-\x{2069}\x{feff}]"
OUTER_SPACE = r"^[\s\pZ]|[\s\pZ]$"
SHEET_ERROR = r"#(N/A|REF!|VALUE!|DIV/0!|NAME\?|NULL!|NUM!|SPILL!|CALC!)"
LONGEST = {Kind.KEY: 200, Kind.TEXT: 500}
SETTLED = {  # what is left to do with text that has been judged
    Kind.KEY: "nfc_normalize({})",
    Kind.TEXT: "nullif(nfc_normalize(trim({})), '')",
    Kind.MONEY: "{}::decimal(18,4)",
    Kind.NUMBER: "{}::decimal(18,4)",
    Kind.SHARE: "{}::double",
}
EXPECTED = {
    Kind.KEY: "not a usable key (1 to 200 visible characters, no space around them)",
    Kind.TEXT: "not usable text (up to 500 visible characters)",
    Kind.MONEY: "not a plain amount (digits, at most four decimals after a point)",
    Kind.NUMBER: "not a plain number (digits, at most four decimals after a point)",
    Kind.MOMENT: "not a moment that exists (2026-01-31 or 2026-01-31T13:00:00, with or without an offset)",
    Kind.FLAG: "neither true nor false",
    Kind.SHARE: "not a share between 0 and 1",
}


def given(raw: str, type_: str) -> str:
    """The raw value, with empty text read as missing."""
    return f"nullif({raw}, '')" if type_ == "VARCHAR" else raw


def cast(column: Column, raw: str, type_: str, zone: str, judged: bool = False) -> str:
    """The contract value of a raw expression of a database type; NULL when the value is not acceptable.

    judged: every value is known to be acceptable, so that text need not be held against its patterns once more.
    """
    if judged and type_ == "VARCHAR" and column.kind in SETTLED:
        return raw if column.choices else SETTLED[column.kind].format(raw)
    match column.kind:
        case Kind.KEY | Kind.TEXT if column.choices and type_ == "VARCHAR":
            return raw  # held against its choices, which is stricter
        case Kind.KEY | Kind.TEXT:
            return text(column.kind, raw, type_)
        case Kind.MONEY | Kind.NUMBER:
            return decimal(raw, type_)
        case Kind.MOMENT:
            return moment(raw, type_, zone)
        case Kind.FLAG:
            return flag(raw, type_)
    return share(raw, type_)


def readable(type_: str) -> bool:
    """Whether values of a database type can stand as a label: lists, structures and bytes cannot."""
    return type_ in ("VARCHAR", *LABELS, *FLOATS) or type_.startswith("DECIMAL")


def text(kind: Kind, raw: str, type_: str) -> str:
    """A key as it stands, or a label without the space around it; both in Unicode's composed form (NFC)."""
    if type_ in FLOATS:  # a spreadsheet turns a whole-number key into a float
        whole = f"when {raw} = round({raw}) and abs({raw}) < 9007199254740992 then {raw}::bigint::varchar"
        return f"case {whole} end" if kind is Kind.KEY else f"case {whole} when isfinite({raw}) then {raw}::varchar end"
    if type_ != "VARCHAR":
        return f"{raw}::varchar" if readable(type_) else "null::varchar"
    plain = f"when {bare(raw)} and strlen({raw}) <= {LONGEST[kind]} then {raw}"
    unfit = f"regexp_matches({raw}, '{HIDDEN}') or {matches(raw, SHEET_ERROR)} or length({raw}) > {LONGEST[kind]}"
    if kind is Kind.KEY:
        unfit += f" or regexp_matches({raw}, '{OUTER_SPACE}')"
        return f"case {plain} when not ({unfit}) then nfc_normalize({raw}) end"
    return f"case {plain} when not ({unfit}) then nullif(nfc_normalize(trim({raw})), '') end"


def bare(raw: str) -> str:
    """SQL: letters, digits and _ only. One quick pattern that spares most keys, whole columns of them, every other."""
    return matches(raw, "[A-Za-z0-9_]*")


def decimal(raw: str, type_: str) -> str:
    """At most four decimals, exactly; only floats, which have no exact decimals, are rounded to them."""
    if type_ == "VARCHAR":
        return f"case when {matches(raw, MONEY_TEXT)} then {raw}::decimal(18,4) end"
    if type_.startswith("DECIMAL"):
        scale = int(type_.rstrip(")").split(",")[1])
        return decimal(f"{raw}::varchar", "VARCHAR") if scale > 4 else f"try_cast({raw} as decimal(18,4))"
    return f"try_cast({raw} as decimal(18,4))" if type_ in (*WHOLE_NUMBERS, *FLOATS) else "null::decimal(18,4)"


def moment(raw: str, type_: str, zone: str) -> str:
    """UTC. A local time that the zone skips or repeats is not a moment: nobody knows which one was meant."""
    if type_ == "TIMESTAMP WITH TIME ZONE":
        return f"case when isfinite({raw}) then make_timestamp(epoch_us({raw})) end"
    if type_ in LOCAL_MOMENTS:
        return from_zone(f"{raw}::timestamp", zone)
    if type_ != "VARCHAR":
        return "null::timestamp"
    return (
        f"case when not {matches(raw, MOMENT_TEXT)} then null "
        f"when {matches(raw, OFFSET_TEXT)} then timezone('UTC', try_cast({raw} as timestamptz)) "
        f"else {from_zone(f'try_cast({raw} as timestamp)', zone)} end"
    )


def from_zone(local: str, zone: str) -> str:
    """UTC of a local time; NULL where the zone's clocks skip or repeat it."""
    if zone == "UTC":
        return local
    there = f"timezone('{zone}', {local})"
    exists = [f"timezone('{zone}', {there}) = {local}"]
    exists += [
        f"timezone('{zone}', {there} {sign} interval {minutes} minute) <> {local}"
        for minutes in set_back(zone)
        for sign in "+-"
    ]
    return f"case when {' and '.join(exists)} then timezone('UTC', {there}) end"


@cache
def set_back(zone: str) -> tuple[int, ...]:
    """By how many minutes the zone's clocks are ever set back, 1980 to 2050: 60 for most, 30 on Lord Howe Island."""
    days = (datetime(1980, 1, 1, tzinfo=UTC) + timedelta(days=n) for n in range(70 * 365))
    offsets = [day.astimezone(ZoneInfo(zone)).utcoffset() or timedelta() for day in days]
    return tuple(
        sorted({(before - after) // timedelta(minutes=1) for before, after in pairwise(offsets) if after < before})
    )


def month(utc: str, zone: str) -> str:
    """First day of the calendar month in the company's zone."""
    first = f"date_trunc('month', {utc})::date"
    if zone == "UTC":
        return first
    # no zone is a whole day away from UTC, so only the first and last days of a month need the slow conversion
    there = f"date_trunc('month', timezone('{zone}', timezone('UTC', {utc})))::date"
    return f"case when day({utc}) between 2 and 27 then {first} else {there} end"


def flag(raw: str, type_: str) -> str:
    """True or false, also written yes and no, 1 and 0."""
    if type_ == "BOOLEAN":
        return raw
    if type_ in (*WHOLE_NUMBERS, *FLOATS):
        return f"case when {raw} = 1 then true when {raw} = 0 then false end"
    if type_ != "VARCHAR":
        return "null::boolean"
    yes, no = (f"lower({raw}) in {words}" for words in (("true", "1", "yes"), ("false", "0", "no")))
    return f"case when {yes} then true when {no} then false end"


def share(raw: str, type_: str) -> str:
    """A number from 0 to 1."""
    if type_ == "VARCHAR":
        value = f"case when {matches(raw, SHARE_TEXT)} then {raw}::double end"
    elif type_ in (*WHOLE_NUMBERS, *FLOATS) or type_.startswith("DECIMAL"):
        value = f"{raw}::double"
    else:
        value = "null::double"
    return f"case when {value} between 0 and 1 then {value} end"


def matches(raw: str, pattern: str) -> str:
    """SQL: the whole text fits the pattern."""
    return f"regexp_full_match({raw}, '{pattern}')"


def problem(column: Column, raw: str, value: str, horizon: str) -> str:
    """Branches of a CASE that name what is wrong with one column, never the value itself."""
    name = column.name
    broken = f"when {raw} is not null and {value} is null then '{name} is {EXPECTED[column.kind]}' "
    if column.required:
        broken += f"when {raw} is null then '{name} is missing' "
    if column.choices:
        listed = ", ".join(f"'{choice}'" for choice in column.choices)
        broken += f"when {value} not in ({listed}) then '{name} is none of {', '.join(column.choices)}' "
    if column.at_least is not None:
        broken += f"when {value} < {column.at_least} then '{name} is below {column.at_least}' "
    if column.kind is Kind.MOMENT:
        broken += f"when {value} < timestamp '1980-01-01' then '{name} is before 1980' "
        if not column.future:
            broken += f"when {value} > {horizon} then '{name} lies in the future' "
    return broken


def missing(column: Column) -> str:
    """The value of a column that the source does not have."""
    return column.default or f"null::{SQL_TYPE[column.kind]}"
