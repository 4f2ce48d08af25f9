"""Column names that announce personal data, in the common words of several languages."""

from __future__ import annotations

import re
import unicodedata

# Patterns meet the normalised name: lower case, no accents, words joined by `_`.

NO = "(?:no|nr|nbr|num|number|numbers|nummer)"  # written NO below


def one_of(patterns: str) -> re.Pattern[str]:
    """Whole words of a normalised name, one pattern after the other."""
    return re.compile(f"(?<![^_])(?:{'|'.join(patterns.replace('NO', NO).split())})(?![^_])")


def words(text: str) -> frozenset[str]:
    """The words of a text."""
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
