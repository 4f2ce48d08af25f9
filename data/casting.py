"""From a source value to a contract value: one SQL expression for each kind, strict, and the reason when it fails.

Text is never guessed at: `1_000`, `0x10`, `1e3`, ` 5.00 `, `1.234,56` and `infinity` are all refused, although a plain
database cast takes several of them.
"""

from __future__ import annotations

from data.contract import SQL_TYPE, Column, Kind

WHOLE_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
MONEY_TEXT = r"-?[0-9]{1,14}(\.[0-9]{1,4})?"
MOMENT_TEXT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?"
OFFSET_TEXT = r".*[0-9](Z|[+-][0-9]{2}:?[0-9]{2})"
SHARE_TEXT = r"[01](\.[0-9]+)?"
HIDDEN = r"[\x00-\x1f\x7f\x{200b}-\x{200f}\x{202a}-\x{202e}\x{2060}-\x{2069}\x{feff}]"
LONGEST = {Kind.KEY: 200, Kind.TEXT: 500}
EXPECTED = {
    Kind.KEY: "not a usable key (1 to 200 visible characters)",
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


def cast(column: Column, raw: str, type_: str, zone: str) -> str:
    """The contract value of a raw expression of a database type; NULL when the value is not acceptable."""
    match column.kind:
        case Kind.KEY | Kind.TEXT if column.choices and type_ == "VARCHAR":
            return raw  # compared with its choices, which is stricter
        case Kind.KEY | Kind.TEXT:
            return text(raw, type_, LONGEST[column.kind])
        case Kind.MONEY | Kind.NUMBER:
            return decimal(raw, type_)
        case Kind.MOMENT:
            return moment(raw, type_, zone)
        case Kind.FLAG:
            return flag(raw, type_)
        case Kind.SHARE:
            value = f"case when {matches(raw, SHARE_TEXT)} then {raw}::double end" if type_ == "VARCHAR" else f"try_cast({raw} as double)"
            return f"case when {value} between 0 and 1 then {value} end"


def text(raw: str, type_: str, longest: int) -> str:
    if type_ in ("DOUBLE", "FLOAT"):  # a whole-number key that a spreadsheet turned into a float
        return f"case when {raw} = round({raw}) and abs({raw}) < 9007199254740992 then {raw}::bigint::varchar end"
    if type_ != "VARCHAR":
        return f"{raw}::varchar"
    usable = f"length({raw}) <= {longest} and not regexp_matches({raw}, '{HIDDEN}')"
    return f"case when {bare(raw)} and strlen({raw}) <= {longest} then {raw} when {usable} then nfc_normalize({raw}) end"


def bare(raw: str) -> str:
    """Whether a text is letters, digits and _ only: one cheap pattern that spares most keys every further check."""
    return matches(raw, "[A-Za-z0-9_]*")


def decimal(raw: str, type_: str) -> str:
    if type_ == "VARCHAR":
        return f"case when {matches(raw, MONEY_TEXT)} then {raw}::decimal(18,4) end"
    return f"try_cast({raw} as decimal(18,4))"


def moment(raw: str, type_: str, zone: str) -> str:
    """UTC. A local time that the zone skips or repeats is not a moment: nobody knows which one was meant."""
    if type_ == "TIMESTAMP WITH TIME ZONE":
        return f"{raw}::timestamp"
    if type_ in ("TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP_MS", "TIMESTAMP_S", "DATE"):
        return from_zone(f"{raw}::timestamp", zone)
    if type_ != "VARCHAR":
        return "null::timestamp"
    local = from_zone(f"try_cast({raw} as timestamp)", zone)
    return (
        f"case when not {matches(raw, MOMENT_TEXT)} then null "
        f"when {matches(raw, OFFSET_TEXT)} then try_cast({raw} as timestamptz)::timestamp else {local} end"
    )


def from_zone(local: str, zone: str) -> str:
    if zone == "UTC":
        return local
    utc = f"timezone('{zone}', {local})"
    back = f"timezone('{zone}', {utc})"
    repeated = " or ".join(f"timezone('{zone}', {utc} {sign} interval 1 hour) = {local}" for sign in "+-")
    return f"case when {back} = {local} and not ({repeated}) then {utc}::timestamp end"


def month(utc: str, zone: str) -> str:
    """First day of the calendar month in the company's zone."""
    first = f"date_trunc('month', {utc})::date"
    if zone == "UTC":
        return first
    # no zone is a day away from UTC, so only the first and the last days of a month need the slow conversion
    return f"case when day({utc}) between 2 and 27 then {first} else date_trunc('month', timezone('{zone}', {utc}::timestamptz))::date end"


def flag(raw: str, type_: str) -> str:
    if type_ == "BOOLEAN":
        return raw
    return f"case lower({raw}::varchar) when 'true' then true when '1' then true when 'yes' then true " \
           f"when 'false' then false when '0' then false when 'no' then false end"


def matches(raw: str, pattern: str) -> str:
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
