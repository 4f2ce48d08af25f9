"""Personal data stays outside: what betrays it in a value, and what a refusal says.

The patterns are written in what RE2 (DuckDB) and Python's `re` have in common, so a table of millions of rows and one
note typed by a person are judged alike. They lean towards refusing: an identifier mistaken for a phone number can still
be loaded as a pseudonym, a phone number that was let in cannot be called back. Persons' names are found by column name
only. Digits without separators (01701234567) are taken for an identifier unless `+`, `tel` or the like stands in front.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from data.pseudonym import KEY_VARIABLE

AT = r"(?:[@＠﹫]|%40|\s?[\[(]\s?at\s?[\])]\s?)"
DOT = r"(?:[.．。]|\s?[\[(]\s?(?:dot|punkt)\s?[\])]\s?)"
PART = r"[^\s@＠﹫.．。<>()\[\]{},;:\"]"
E_MAIL = (
    rf"(?i){PART}\"?{AT}(?:{PART}{{1,63}}{DOT}){{1,6}}(?:xn--[a-z0-9-]{{2,}}|[^\s\d@<>()\[\]{{}},;:.!?'\"%/-]{{2,}})"
    r"|\S at \S{2,} dot (?:com|org|net|info|eu|de|at|ch|fr|es|it|nl|co|uk|io)(?:$|\W)"
)

START = r"(?:^|[\s,;:(\[<\"'|])"
END = r"(?:$|[\s,;!?)\]>\"'|]|\.(?:\s|$)|x\d)"
SEP = "[ \u00a0\u202f./()\u2010-\u2015-]"  # what people put between groups of digits
GAP = rf"(?:\)?{SEP}{{1,3}})"
INTERNATIONAL = (
    r"[+＋]\s?\(?[1-9](?:[^.\da-z,;:+]{0,3}\d){7,14}"
    r"|\+[1-9]\d{0,2}(?:\.\d{1,4}){1,4}\.\d{2,8}|\+[1-9]\d{0,2}\.\d{7,12}"  # dots only where they cannot be a decimal's
)
DOUBLE_ZERO = (
    rf"00 ?[1-9]\d{{0,2}}[ /(]{{1,3}}\d(?:{SEP}{{0,3}}\d){{6,12}}|00[1-9]\d{{0,2}}[.-]\d(?:{SEP}{{0,2}}\d){{8,12}}"
    r"|00(?:491[5-7]\d{8,9}|447\d{9}|393\d{9})"  # mobiles of 14 or 15 digits: longer than an EAN
)
# A zero, an area code of any length, and so many more digits that there are about 9 to 12 in all.
NATIONAL = "|".join(
    rf"\(?0 ?[1-9]\d{{{more}}}{GAP}\d(?:{SEP}{{0,2}}\d){{{low},{high}}}"
    for more, low, high in ((0, 6, 9), (1, 5, 8), (2, 4, 7), (3, 4, 6), (4, 3, 6))
)
AMERICAN = r"(?:1[-. ])?(?:\([2-9]\d\d\)[-. ]?|[2-9]\d\d[-. ])\d{3}[-. ]\d{4}"
OTHER = (
    r"\(\d{2,3}\) ?\d{3,5}[ -]?\d{4}|[679]\d\d \d{3} \d{3}|[1-9]\d \d{3} \d\d \d\d|[679]\d\d(?: \d\d){3}"
    r"|[49]\d\d \d\d \d{3}|[6-9]\d{4} \d{5}|3[2-9]\d \d{7}"
    r"|1[3-9]\d[ -]\d{4}[ -]\d{4}|[1-9]\d 9\d{4}-\d{4}|8[ -]?\(?9\d\d\)?[ -]\d{3}[ -]\d\d[ -]\d\d"
)
SPOKEN = (
    r"(?:tel|phone|telephone|telefon|telefono|téléphone|teléfono|mobile?|handy|cell|fon|fax|whatsapp)"
    rf"(?: ?(?:no|nr|number|nummer))?[.:]{{0,2}} ?[+(]?\d(?:{SEP}{{0,3}}\d){{6,14}}"
)
PHONE = rf"(?i){START}(?:{INTERNATIONAL}|{DOUBLE_ZERO}|{NATIONAL}|{AMERICAN}|{OTHER}|{SPOKEN}){END}"
# Dates are cut out before phones are looked for: 01.02.2026 10, 01/2024/000123, 01.02.26 - 03.04.26, 2026-01-02.
DATE = (
    r"\b(?:[0-3]?\d[./-])?[01]?\d[./-](?:19|20)\d\d\b"
    r"|(?:^|[\s,;(-])[0-3]\d[./][01]\d[./]\d\d(?:[ -]|$)"
    r"|\b(?:19|20)\d\d[./-]?[01]\d(?:[./-]?[0-3]\d)?\b"
)

HOUSE = r"\d{1,3} ?[a-z]?(?: ?[-–/+] ?\d{1,4} ?[a-z]?)?(?:$|[\s,;.])"  # 5, 12a, 12-14, 3/7
LAST = (  # what may follow the street: nothing, a comma, NW, Apt 4, London SW1A 1AA; not "Bakery"
    r"(?:$|[,;\n]|\.(?:$|,)"
    r"|\.? (?:[nsew]{1,2}(?:$|[\s,])|apt|unit|suite|ste|flat|floor|#|(?:[^\s\d]+ ){0,3}[a-z]{0,2}\d))"
)
ENGLISH = (
    r"(?:^|[,;] ?|[ ])\d{1,5}(?:[a-z]|[ -]\d{1,4}|/\d{1,4})?,? (?:[^\s,]+ ){1,4}"
    rf"(?:street|avenue|road|boulevard|terrace|crescent|lane|drive){LAST}"
    r"|^\d{1,5}(?:[a-z]|[ -]\d{1,4})?,? (?:[^\s,]+ ){1,3}(?:street|avenue|road|terrace|crescent|lane)"
    r"(?: [^\s\d]+){1,2}$"
    r"|(?:^|, ?)\d{1,5}(?:[a-z]|[ -]\d{1,4}|/\d{1,4})?,? (?:[^\s,]+ ){1,4}"
    r"(?:st|ave|av|rd|blvd|ln|dr|way|court|ct|place|pl|square|sq|close|park|row|walk|hill|gardens|grove|mews|circle|cir"
    rf"|trail|parkway|pkwy|highway|hwy){LAST}|^\d{{1,5}} broadway{LAST}"
)
GERMANIC = (
    rf"(?:straße|strasse|[^\s\d]{{2}}str\.?|\S str\.|gasse|allee|chaussee|straat|laan|plein|gracht|dijk|singel"
    rf"|gatan|vägen|veien|[^i]gade|vej|katu|utca|[^\s\d]{{3}}gata|intie) ?{HOUSE}"
    rf"|straße de[sr] (?:[^\s,]+ ){{1,3}}{HOUSE}"
    r"|(?:[^\s\d]{3}(?:weg|platz|damm|pfad|steig)|[^aä\s\d]ufer|(?:nord|süd|sued|west|ost|sachsen|kaiser|hansa|park"
    r"|stadt|mittel|altstadt|hohenzollern|lessing|goethe|schiller|-)ring)"
    r" \d{1,3} ?[a-z]?(?: ?[-–/] ?\d{1,3} ?[a-z]?)?(?:$|[,;]| \d{4})"
    r"|^(?:am|an der|an den|unter den|auf der|auf dem) [^\s\d]+ \d{1,3} ?[a-z]?(?:$|[,;])"
)
FRENCH = (
    r"(?:^|[\s,;])\d{1,4}(?: ?(?:bis|ter|quater|[a-d]))?,? (?:(?:rue|avenue|av\.|bd\.?|boulevard|chemin|impasse|quai"
    r"|allée|faubourg) \S|(?:place|route|square|passage|cours|allee) (?:de |du |des |d'|la |le ))"
)
ROMANCE = (
    r"(?:^|[,;] ?)(?:(?:calle|avenida|avda\.?|av\.|paseo|ronda|travesía|via|viale|piazza|corso"
    r"|vicolo|strada|rua|travessa|praça|rue|ulica|ul\.|al\.|rambla) ?|c/ ?|(?:plaza|largo) (?:de|del|di|do|da) )"
    r"(?:[^\s\d,]+,? ){1,6}?"
    r"(?:n\.?º? ?|nº ?|no\.? ?|# ?)?\d{1,4} ?[a-z]?(?:$|[\s,;/-])"
    r"|^(?:gran vía|plaza mayor|calle),? \d{1,3}(?:$|[\s,;])"
    r"|^(?:calle|carrera|cra\.?|cl\.?|avenida) \d+ ?[a-z]? ?(?:#|no\.?) ?\d"
)
BOX = (
    r"(?:^|[\s,;])(?:p\.? ?o\.? ?box|post office box|postfach|postbus|apartado(?: de correos)?|casella postale"
    r"|bo[iî]te postale|caixa postal) ?(?:no\.? ?|nr\.? ?|#)?\d"
)
STREET = rf"(?i)(?:{BOX}|{ENGLISH}|{GERMANIC}|{FRENCH}|{ROMANCE})"
# Counts, sizes and routes that look like a house number or a street: 12 pack, 2 bedroom court, Stellplatz 5, Via SMS 2.
NO_STREET = (
    r"(?i)^(?:set of )?\d+(?:[.,]\d+)?[ -]?(?:x|inch|in|cm|mm|m|ft|foot|feet|packs?|pcs|pieces?|pairs?"
    r"|hours?|days?|weeks?|months?|years?|rooms?|bed|beds|bedrooms?|persons?|people|stars?|sets?"
    r"|for|of|and|per|up|tiers?|drawers?|hooks?)(?:$|[^a-z])"
    r"|(?:^|\s)via (?:e-?mail|sms|app|web|phone|post|api|store|shop|online|partner|internet|push|whatsapp|call)"
    r"|(?:^|\s)(?:stell|arbeits|sitz|lager|park|steh|lade|spiel|camping|bahn|auf|aus|ein|um|ab|mehr|be|er)"
    r"(?:platz|weg|steig) \d"
    r"|brigade|renegade|blockade"
)

REASONS = {
    "email": "looks like an e-mail address",
    "phone": "looks like a phone number",
    "street": "looks like a street address",
}


def literal(text: str) -> str:
    """A SQL text constant."""
    return "'" + text.replace("'", "''") + "'"


def matches(column_sql: str, pattern: str) -> str:
    """SQL: the pattern is found in the text."""
    return f"regexp_matches({column_sql}, {literal(pattern)})"


def personal_content(column_sql: str) -> str:
    """SQL that is NULL when the text looks fine, else the reason; column_sql is repeated, so pass a column.

    The outer conditions cost some nanoseconds a row and turn away bare identifiers; the patterns run behind them only,
    because DuckDB evaluates a branch of `case` just for the rows that reach it.
    """
    v = column_sql
    has = lambda part: f"contains({v}, {literal(part)})"  # noqa: E731
    moment = f"({v} like '____-__-__ __:__%' and strlen({v}) <= 32)"
    separated = f"({has('/')} or {has('-')} or {has('.')} or strlen({v}) in (14, 15))"
    grouped = " or ".join(f"{v} like '{shape}%'" for shape in ("___-___-____", "1-___-___-____", "1__-____-____"))
    dotted = f"{has('tr.')} or {has('%40')} or {v} like '___.___.____%'"
    suspect = (
        f"{has(' ')} or {has('@')} or {has('+')} or {has('(')} or ({v} like '0%' and {separated})"
        f" or strlen({v}) <> length({v}) or ({has('.')} and ({dotted}))"
        f" or (strlen({v}) >= 9 and {has('[')})"
        f" or (strlen({v}) between 11 and 30 and ({v} like 'tel:%' or ({has('-')} and ({grouped}))))"
    )
    undated = f"regexp_replace({v}, {literal(DATE)}, '#', 'g')"
    return (
        f"case when strlen({v}) >= 6 and ({suspect}) and not {moment} then case"
        f" when ({has('@')} or {has('(')} or {has('[')} or {has('%40')} or {has(' at ')}"
        f" or strlen({v}) <> length({v})) and {matches(v, E_MAIL)} then {literal(REASONS['email'])}"
        f" when {matches(v, '[0-9]')} then case"
        f" when {matches(v, '[0-9](?:[^0-9]{0,4}[0-9]){6}')} and {matches(undated, PHONE)}"
        f" then {literal(REASONS['phone'])}"
        f" when {matches(v, STREET)} and not {matches(v, NO_STREET)} then {literal(REASONS['street'])}"
        " end end end"
    )


def content_check(columns: Sequence[str]) -> str:
    """SQL over text columns: NULL, or the first column that holds personal data and why, never the value."""
    if not columns:
        return "null::varchar"
    quoted = {column: '"' + column.replace('"', '""') + '"' for column in columns}
    found = (f"{literal(column + ' ')} || ({personal_content(quoted[column])})" for column in columns)
    return f"coalesce({', '.join(found)}, null)"


def personal_text(text: str) -> str | None:
    """The same judgement for one text a person typed, such as a note or the title of a bookmark."""
    found = lambda pattern, value: re.search(pattern, value, re.ASCII) is not None  # noqa: E731
    if found(E_MAIL, text):
        return REASONS["email"]
    if found(PHONE, re.sub(DATE, "#", text, flags=re.ASCII)):
        return REASONS["phone"]
    return REASONS["street"] if found(STREET, text) and not found(NO_STREET, text) else None


# What may be kept in place of the personal data, where there is something.
INSTEAD = {
    "a postal code": "Keep a region instead, such as `left({column}, 2) as postal_region`.",
    "a date of birth": "Keep an age band or the year instead.",
    "a precise location": "Keep the region or the city instead.",
    "a street address": "Keep the region or the country instead.",
}


def refusal(feed: str, file: str, column: str, kind: str) -> str:
    """Why a file was refused and what to do; kind as personal_name gives it, or a reason of personal_content."""
    what = f"holds text that {kind}" if kind.startswith("looks like") else f"is {kind} by its name"
    instead = INSTEAD.get(kind.replace("looks like ", ""), "").format(column=column)
    steps = (
        f"{file}: column {column} of feed {feed} {what}. Rapport keeps no personal data.",
        "Leave the column out in a mapping (a .sql file that selects only the columns you need).",
        instead,
        f"If it is the only key of a customer, select `pseudonym({column})` in the mapping, with {KEY_VARIABLE} set."
        " A plain hash is not enough: all phone numbers can be hashed in minutes and compared.",
    )
    return " ".join(step for step in steps if step)
