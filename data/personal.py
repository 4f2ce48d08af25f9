"""Personal data stays outside: what betrays it in a column's name or in a value, and the pseudonym offered instead.

The patterns are written in what RE2 (DuckDB) and Python's `re` have in common, so a table of millions of rows and one
note typed by a person are judged alike. They lean towards refusing: an identifier mistaken for a phone number can still
be loaded as a pseudonym, a phone number that was let in cannot be called back. Persons' names are found by column name
only. Digits without separators (01701234567) are taken for an identifier unless `+`, `tel` or the like stands in front.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from hashlib import sha256
from itertools import pairwise

KEY_VARIABLE = "RAPPORT_PSEUDONYM_KEY"

# ---- Column names. Patterns meet the normalised name: lower case, no accents, words joined by `_`.

NO = "(?:no|nr|nbr|num|number|numbers|nummer)"  # written NO below


def one_of(patterns: str) -> re.Pattern[str]:
    """Whole words of a normalised name, one pattern after the other."""
    return re.compile(f"(?<![^_])(?:{'|'.join(patterns.replace('NO', NO).split())})(?![^_])")


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# The first kind that fits is told; a person's name is last because it takes every `… name` that is not a thing's.
KINDS = {
    "an e-mail address": one_of("""
        [a-z]*e?mail(?:s|addr|address|adresse|adres|id|adr)? courriel correo correo_electronico mailto
        posta_elettronica
    """),
    "an online identifier": one_of("""
        ip [a-z]*ip_?addr(?:ess|esse)? ipv[46] ip_adresse mac_?addr(?:ess)? imei idfa gaid user_?agent login
        (?:social|twitter|instagram|facebook|linkedin|tiktok|telegram|skype)_?(?:handle|id|user|account|profile|url)
        skype
    """),
    "a bank account or card number": one_of("""
        [a-z]*iban bank_?(?:account|konto).* konto_?NO (?:credit|debit)_?card(?:_?NO)? card_?(?:holder|NO) cc_?NO
        kreditkarten?_?NO cvv cvc
    """),
    "a phone number": one_of("""
        [a-z]*(?:phone|telefon|telefono|telefone|telephone|telefoon)(?:s|NO)? (?:tel|mobile?|handy|fax|telefax)NO?
        tels tlf fon mobiel movil movel telemovel celular cellulare portable rufnummer cell cellNO ph_?NO phn
        (?:contact|sms)_?NO whatsapp msisdn landline fixed_line festnetz
    """),
    "a street address": one_of("""
        [a-z]*(?:address|adresse|addr|adres|adress|strasse)(?:es|n|line|zeile)? adr anschrift direccion domicilio
        indirizzo endereco morada domicile [a-z]*street(?:name)? strassen?name str strase rue calle rua ulica straat
        straatnaam gatuadress (?:house|haus|street|apartment|flat|huis|apt)_?NO house_name apt numero_civico po_?box
        postfach
    """),
    "a postal code": one_of("""
        post_?codes? postal_?codes? zip zip_?codes? zip_?4 zip_?plus_?4 plz postleitzahl code_?postal codigo_?postal
        codice_?postale cep eircode pin_?code
    """),
    "a date of birth": one_of("""
        dob d_o_b birthdate birthday(?:_date)? birthdt (?:date_of_|day_of_)?birth(?:_date|_day|_dt|_on)?
        born(?:_on|_at)? bday geb geburts?(?:datum|tag) geburts?_(?:datum|tag) geb_?dat(?:um)?
        fecha_(?:de_)?nac(?:imiento)? (?:date_(?:de_)?|data_(?:di_|de_)?)(?:naissance|nascita|nascimento)
        geboortedatum fodelsedatum
    """),
    "an official number of a person": one_of("""
        ssn sin_NO social_?security(?:_?NO)? sozialversicherungsnummer national_?(?:id|insurance|number).* nino
        tax_?(?:id|NO) steuer_?(?:id|NO) passport(?:_?(?:id|NO))? reisepass.* (?:personal)?ausweis(?:_?NO)? dni nif
        cpf curp bsn pesel aadhaar codice_?fiscale personnummer driv(?:er|ers|ing)_?licen[cs]e.* fuhrerschein.*
        (?:licen[cs]e|number)_?plate kennzeichen id_?card_?(?:no|number)
    """),
    "a precise location": one_of("""
        latitude longitude lat lng lon lat_?lo?ng? geo_?(?:location|point|coordinates?) gps coordinates?
    """),
    "a person's name": one_of("""
        surname forename [a-z]*(?:first|last|full|given|family|middle|maiden|nick)name
        [a-z]*(?:vor|nach|zu|familien|ruf)name fname lname initials (?:cust|customer|client)_(?:first|last) prenom
        nom nom_(?:de_)?famille nombres? nombre_(?:completo|cliente|contacto|usuario) apellidos? nome cognome
        sobrenome apelido naam voornaam achternaam fornamn efternamn imie nazwisko salutation_line recipient
        addressee card_?holder person contact_?person ansprechpartner empfanger nm [a-z]*names?(?:_?[123])?
    """),
}

# What is said about an address or a phone is not the address or the phone: email_consent, phone_orders, is_mobile.
ABOUT_AFTER = words("""
    accessories anzahl app apps bought bounce bounced bounces brand call calls campaign campaigns cases change
    changed changes channel city click clicked clicks cohort complaints confidence consent contacts conversion
    cost costs count country counts coverage customers date days decade density device district domain
    einwilligung engagement flag frequency group holder income kind language marketing minutes missing model month
    months only open opened opens opt optin optout order orders os payment penetration percent permission place
    plan platform preference preferences present promo promotion provider province purchases quality rate ratio
    reason region response responses revenue sales score segment segments send sends sent service sessions share
    since spend state status subscribed subscriber subscribers subscription support team tenure test tier total
    traffic type types unsubscribed usage users valid validated verified visits voucher year zone zustimmung
""")
ABOUT_BEFORE = words("""
    accepts allow allows avg days has have inbound is junk missing month months multiple opened opens outbound
    responded since test total uses wants web website without year
""")
COUNTED = {"anzahl", "n", "nb", "no", "num", "number"}  # before a plural: number_of_addresses, not n_telephone
# A name of one of these is not a person's. Words before `name` that are in no list count as a person's (recall first).
THINGS = words("""
    affiliate agency app area article artikel asset attribute audience bank book branch brand browser bundle
    business campaign canton carrier cat catalog catalogue category chain channel city class cluster code cohort
    collection color colour column company contract country county course currency dataset dealer department dept
    device distributor district division domain event feed field file filial filialen firm firmen game genre group
    hotel industry item kampagnen keyword label laden land language layer list location manufacturer marken market
    marketplace material medium metric model month network offer org organisation organization orts os package
    page partner path plan platform policy prod product produkt profession program programme project promo
    promotion province publisher re region reseller retailer role rule school season sector segment series server
    service shop site size source sport stadt state station store sub subcategory subscription supplier system
    table tag target team template territory theme tier topic town type unit university variable variant vendor
    village warehouse website zone
""")
INNOCENT = one_of("""
    direct_mail(?:_.*)? mail_orders?(?:_.*)? catalog(?:ue)?_mail hostname mobile_first zip_?3_.*
    (?:i|micro|head|ear|smart|saxo|xylo|gramo|mega|speaker|franco|anglo)phones?(?:_.*)? contact_center
    street_(?:food|wear|style)
    (?:zip|plz|post_?code|postal)_?(?:[23]|area|prefix|region|district|sector)
    (?:zip|post|postal)_?code_?(?:[23]|area|prefix|region|district|sector|group|type|class)
""")


def normalised(column: str) -> str:
    """`CustomerE-Mail 2` -> `customer_email_2`."""
    text = unicodedata.normalize("NFKD", column.replace("ß", "ss").replace("ẞ", "SS"))
    text = "".join(letter for letter in text if not unicodedata.combining(letter))
    text = re.sub("(?<=[a-z])(?=[A-Z0-9])|(?<=[A-Z])(?=[A-Z][a-z]|[0-9])|(?<=[0-9])(?=[A-Za-z])", "_", text)
    return re.sub("[^a-z0-9]+", "_", text.lower()).strip("_")


def personal_name(column: str) -> str | None:
    """What kind of personal data the column's name announces, or None."""
    name = normalised(column)
    if INNOCENT.fullmatch(name):
        return None
    name = re.sub("(?<![^_])(?:e_)?mail(?![^_])", "email", name)
    for kind, pattern in KINDS.items():
        for found in pattern.finditer(name):
            before, after = name[: found.start()].split("_"), name[found.end() :].split("_")
            if ABOUT_BEFORE.intersection(before) or ABOUT_AFTER.intersection(after):
                continue
            if found.group().endswith("s") and COUNTED.intersection(before):
                continue
            if kind == "a person's name" and names_a_thing(found.group(), [word for word in before if word]):
                continue
            return kind
    return None


def names_a_thing(word: str, before: list[str]) -> bool:
    """Whether `product_name`, `brandname` and the like; `name` alone is a person's."""
    glued = re.sub("(?:names?|nm)_?[123]?$", "", word)
    return glued in THINGS or (not glued and bool(before) and before[-1] in THINGS)


# ---- Values.

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
    return "'" + text.replace("'", "''") + "'"


def matches(column_sql: str, pattern: str) -> str:
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
        f"case when strlen({v}) >= 6 and (strlen({v}) in (14, 15) or not regexp_full_match({v}, '[A-Za-z0-9_]*'))"
        f" and ({suspect}) and not {moment} then case"
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


# ---- Pseudonyms.


def pseudonym_key(environment: Mapping[str, str]) -> str | None:
    """The company's key from the environment, or None when there is none."""
    return environment.get(KEY_VARIABLE, "").strip() or None


def pseudonym_macro(key: str) -> str:
    """The statement that defines pseudonym(value): HMAC-SHA-256 (RFC 2104) under the key, as 64 hexadecimal digits.

    The statement holds the key: run it, never log it, and drop the macro before anybody else may read the catalogue.
    """
    steps = {ord(later) - ord(earlier) for earlier, later in pairwise(key)}
    repeats = any(key[period:] == key[:-period] for period in range(1, len(key) // 2 + 1))
    if len(key) < 32 or len(set(key)) < 8 or len(steps) < 8 or repeats:
        raise ValueError(
            f"The key in {KEY_VARIABLE} is too easy to guess: it needs at least 32 characters drawn at random."
            ' Make one with: python -c "import secrets; print(secrets.token_hex(32))", and keep it as you keep a'
            " password: with another key every pseudonym changes."
        )
    secret = key.encode()
    secret = (sha256(secret).digest() if len(secret) > 64 else secret).ljust(64, b"\0")
    inner, outer = (bytes(byte ^ pad for byte in secret).hex() for pad in (0x36, 0x5C))
    message = "encode(value::varchar)"
    return (
        "create or replace temp macro pseudonym(value) as"
        f" sha256(from_hex('{outer}') || from_hex(sha256(from_hex('{inner}') || {message})))"
    )


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
