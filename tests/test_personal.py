"""Personal data is refused by name and by content, identifiers pass, and pseudonyms are HMAC-SHA-256."""

import hashlib
import hmac
import random
import string
import uuid

import duckdb
import pytest

from data.contract import FEEDS
from data.personal import content_check, personal_content, personal_text, refusal
from data.personal_names import personal_name
from data.pseudonym import KEY_VARIABLE, pseudonym_key, pseudonym_macro

PERSONAL_NAMES = """
email|e-mail|E_Mail|EMail|eMailAddress|customerEmail|CUST_EMAIL|email2|primary_email|email_private|contact_email|mail|kunden_mail
emailaddress|customeremail|email_hash|hashed_email|courriel|correo_electronico|correo|E-Mail-Adresse|emailAdresse|Mailadresse
phone|Phone|CUST_PHONE_NO|phone_number|phoneNumber|phone1|home_phone|work_phone|telephone|tel|Tel.|tel_no|telefon|Telefonnummer
telefono|téléphone|mobile|mobile_no|mobilePhone|mobil|Handy|handynummer|cell|cell_phone|movil|cellulare|portable|fax|fax_number
whatsapp|msisdn|rufnummer|custphone|phone_hash|telefoonnummer|celular|telemovel
address|Address|address_line_1|AddressLine2|addr1|addr|street|street_name|streetaddress|billing_address|shipping_address|home_addr
house_number|HouseNo|hausnummer|haus_nr|strasse|straße|Straße|STRASSE|Strassenname|Str.|anschrift|adresse|rue|calle|direccion|dirección
indirizzo|endereco|straat|huisnummer|po_box|postfach|adres|numero_civico|apartment_number
postcode|post_code|PostalCode|zip|zip_code|ZipCode|plz|Postleitzahl|code_postal|codigo_postal
first name|FirstName|first_name|firstname|fname|surname|lastname|LAST_NAME|full_name|fullname|customer_name|CustomerName|customername
contact_name|cust_name|name|Name|name1|names|vorname|Nachname|familienname|prenom|prénom|nom|nombre|apellido|apellidos|cognome|nome
middle_name|maiden_name|given_name|billing_name|ship_to_name|recipient_name|user_name|username|nickname|manager_name|sales_rep_name
kundenname|voornaam|achternaam|naam|owner_name|initials|contact_person|Ansprechpartner|card_holder|name_on_card|buyer_full_name
birthdate|BirthDate|birth_date|dob|DOB|date_of_birth|birthday|geburtsdatum|Geburtstag|geb_datum|fecha_nacimiento|date_naissance
data_nascita|born_on
iban|IBAN|customer_iban|bank_account|bank_account_number|kontonummer|credit_card_number|card_number|ssn|SSN|social_security_number
passport|passport_no|national_id|nationalIdNumber|tax_id|codice_fiscale|dni|cpf|personalausweis|drivers_license|license_plate
ip|ip_address|ipAddress|IP|client_ip|last_login_ip|mac_address|twitter_handle|latitude|lng|LatLong
Email Address|EMAIL_ADDR|cust_email_addr|EmailID|user_email|Kontakt-Email|mailAddr|email_primary|customer.email|EMAIL1
e_mail_addr|contactMail|Correo Electrónico|adresse_mail|billing_email|newsletter_email|payer_email|emailPersonal
buyer_mail|mail_adresse|Phone Number|PhoneNo|phone-number|CONTACT_NO|contact_number|mobile_number|Mobile Number
MobileNo|cellNumber|tel_mobile|tel_privat|Telefon privat|Telephone1|daytime_phone|phone_ext|fixed_line|landline_no
N° téléphone|Numéro de téléphone|num_tel|Fax No.|telefono_movil|phoneHome|primaryPhone|ph_no|phn|telnum|PHONE_WORK
customer_contact_number|Street Address|street1|Street2|address2|Mailing Address|home_address|Residential Address
AddressLine|addr_line_1|delivery_address|ship_to_street|shipToAddress1|cust_addr|c_address|s_address|ADDR_STREET
STREET_NO|street_number|house_nbr|Haus-Nr.|Strasse/Nr|strasse_hausnr|lieferadresse|Rechnungsadresse|wohnort_strasse
direccion_envio|via_indirizzo|adresse_postale|adresse1|full_address|Address 1|domicile|permanent_address|Customer Name
CUSTOMER_NM|cust_nm|client_name|ClientFullName|person_name|First-Name|F_NAME|l_name|last name|Family Name|given_names
Name des Kunden|Vor- und Nachname|Kunde_Name|nom_client|nom_complet|nombre_completo|primer_apellido|segundo_apellido
nome_completo|Nome cliente|guest_name|patient_name|passenger_name|display_name|legal_name|insured_name|contactperson
employee_name|sales_person_name|spouse_name|member_name|subscriberName|Birth Date|dateOfBirth|D.O.B.|BIRTHDT|birth_dt
Geb.-Datum|gebdat|DateNaissance|fechaNacimiento|customer_dob|IBAN_NR|iban_number|BankAccountNo|Kontonummer|ccnum
credit_card|Card Number|card_no|SocialSecurityNumber|sin_number|NationalID|passportNumber|Passport No
driver_license_no|Tax ID|IP Address|ip_addr|client_ip_address|remote_ip|device_ip|lat|zip code|Zip|post code|PLZ
CAP code postal|customer_zip|customer_zip_code_prefix_full|billing_postcode|ship_zip|maidenName|forenames|person
full name|Kontaktname|Anrede_Name|Empfänger|Courriel client|mail1|eMail 1|E-mail (privat)|e.mail|work email address
Acct_Email|billingEmailAddress|recipient_mail|login_email|email_of_customer|email_customer|Telefon_Kunde
phone_customer|customerPhone|Phone#|Phone (home)|TELEPHONE_NUMBER|mobileNo.|cell_number|MobilePhoneNumber|tel2
tel_bureau|Telefon-Nr.|Telefonnr|Mobilnummer|contact_phone|emergency_contact_phone|fax_nr|sms_number|customer_street
StreetName|street_address_1|Addr_Line2|AddressStreet|address_full|shipping_street|bill_to_address|Adresse 2
Adresszeile|AdressZusatz|Straßenname|Straße und Hausnummer|house number|HOUSE_NUM|HausNr|calle_numero|direccion1
Indirizzo di casa|Adresse de livraison|PO-Box|home_street|First_Nm|last_nm|Surname1|CustomerFirstName
customer_last_name|customerLastName|cust_first|Nom|Prénom client|Nom de famille|Nombre|Apellidos|NAME|Full-Name
Recipient|ContactName|Name2|Vorname_Kunde|KundenName|firstName_hash|holder_name|AccountName|seller_name|DOB_customer
birth date|Date of birth|birthdayDate|Geburtsdatum_Kunde|SSN_last4|nationalID|national id number|IBAN-Nr|bankAccount
PassportNo|ipaddr|customer_ip|geo_lat|geo_longitude|Postal Code|zip_postal_code|PostCode|PLZ_Ort|CodePostal
customer_postal_code
""".replace("\n", "|").strip("|").split("|")  # fmt: skip

INNOCENT_NAMES = """
email_consent|email_opens|email_opt_in|emailOptIn|email_clicks|email_open_rate|has_email|email_verified|email_subscribed
email_bounced|email_count|n_emails|num_emails_sent|email_campaigns|email_revenue|accepts_email|direct_mail|mail_orders|mailing_cost
mail_consent|mailing_segment|email_domain|emails_sent|email_frequency|email_permission|email_status|email_channel
phone_orders|phone_sales|phone_calls|PhoneService|phone_model|phone_brand|is_phone_verified|phone_consent|headphones|microphone
smartphone|smartphone_brand|telemetry|telesales_team|teleservice|hotel|hotel_segment|cellar|mobile_orders|mobile_app_user|is_mobile
mobile_share|mobile_sessions|mobility|MultipleLines|faxed_orders|calls_per_month|tele_orders|telco|call_minutes
address_count|address_changes|address_type|address_verified|address_country|address_city|number_of_addresses|website_address
street_team|street_food|street_type|streetwear|restructured|constructor|statement|state|status|city|region|district|country_name
zip3|zip_region|postcode_area|plz2|postal_region|postal_district|post_code_area
product_name|ProductName|category_name|company_name|CompanyName|partner_name|business_name|supplier_name|brand_name|brandname|shop_name
store_name|region_name|segment_name|campaign_name|city_name|state_name|department_name|channel_name|file_name|filename|hostname
domain_name|plan_name|tier_name|table_name|vendor_name|dealer_name|naming|renamed|surge|unnamed_segment|item_name|event_name
birth_year|year_of_birth|birth_month|births|age_band|birthday_campaign|birthday_voucher|reborn|has_credit_card|credit_card_type
membership|shipping_cost|recipe|zipper_sales|ship_mode|tip|trip|description|description_length|priority|multiple|principal
customer_id|customer_number|account_number|order_id|loyalty_id|gender|income|education|marital_status|language|tenure|churn|Contract
PaymentMethod|TotalCharges|Dependents|Partner|lifetime_months|last_login_days|login_count|login_date|platform|plateau|flat_rate
portfolio|contact_level|contact_count|contact_center|nominal|nominee_count|rating|score|lattice|longevity|international
ticket|channel|newbie|history|recency|mens|womens|visit|conversion|spend|cap|capacity|via|ean|isin|pension|pin_count|tax_rate
national_account|bank_transfer_share|passport_country|geo|geo_cluster|geography|strategy|structure|construction|street_lighting_segment
AvgOrderValue|customer_age|income_group|household_size|num_children|preferred_channel|first_order_at|last_order_at
first_purchase_channel|last_campaign|nps|csat_score|favorite_category|product_line|email_engagement_score
email_unsubscribed|unsubscribed|sms_consent|push_opt_in|call_center_contacts|phone_support_contacts|phone_support
mobile_app|mobile_device_type|mobile_os|mobile_first|is_email_subscriber|email_subscriber|wants_email|email_only
email_optin_date|email_open_count|days_since_email|last_email_open|last_email_click|number_emails|address_changed_at
has_address|address_quality|delivery_country|ship_country|shipping_method|billing_cycle|store_id|store_type|storename
warehouse_name|product_brand_name|subscription_name|loyalty_tier_name|loyalty_program_name|sales_rep_id|salutation
title|marital|occupation|industry|company|company_size|annual_revenue|credit_limit|credit_score|card_type
payment_card_type|cardholder_since|loyalty_card|state_code|country_code|currency|language_code|timezone|region_code
metro|urban_rural|population_density|street_density|catalog_name|catalogue_name|mailings_received|mail_responses
mailed|mail_cost|mail_order_buyer|catalog_mail|telecom|television|tv_hours|hostel|motel|pastel|handyman_services
cellophane|excellent|fonts|mobile_revenue_share|headphone_sales|phone_accessories|phone_cases_bought|smartphone_user
iphone_user|telephone_orders|inbound_phone|phone_channel|tax_class|tax_exempt|passport_holder|national_brand
license_type|licence_count|ip_country|geo_region|latency|long_term|longest_gap|platinum|birth_cohort|birth_decade
birthday_month|month_of_birth|age|generation|tenure_months|zip_area|zip3_income|postal_area|postcode_sector
distance_to_store|nameplate|username_count|renamed_at|nominal_value|nomad_flag|names_count|first_name_flag|device_name
browser_name|os_name|model_name|promo_name|offer_name|list_name|segmentName|customer_segment_name|group_name|brandName
rep_team_name|sport_name|pet_type|pet_breed|recency_days|frequency|monetary|total_spend|returns_rate|discount_share
coupon_usage|newsletter|newsletter_opt_in|newsletter_opens|emails_opened_90d|email_response_rate|EmailConsent
emailSubscribed|email_marketing_consent|sms_opt_in|phone_consent_at|phone_contact_rate|calls_inbound
mobile_web_sessions|mobile_conversion_rate|mobile_traffic_share|app_installed|fax_orders|cell_type|cell_id_test
microphone_owner|catalogs_mailed|mail_piece_count|mail_responses_12m|address_confidence|address_status|address_region
street_sales|city_size|city_tier|postal_zone|zip_group|zip_density|company_type|company_segment|business_unit_name
unit_name|productName|categoryName|subcategory_name|StoreName|branch_name|warehouseName|regionName|CountryName
currency_name|plan|birth_year_band|birthday_in_month|age_at_joining|has_children|home_owner|house_size|house_type
household_income|tax_bracket|customer_since|lifetime|strategic|restricted|administrator_flag|telematics|intelligence
satellite_tv|clientele|hotel_nights|motel_nights|fontsize|infant|internet_service|tenure_group|streaming_tv
payment_terms|account_type|account_status|bank|bank_name|card_brand|has_card|loyalty_card_tier|shipping_zone
carrier_name|courier|recipient_count|notes_count|lead_source|utm_source|referrer|manufacturer_name|series_name
season_name|size_name|colour_name|material_name
""".replace("\n", "|").strip("|").split("|")  # fmt: skip


def test_personal_columns_are_refused_by_name():
    missed = [name for name in PERSONAL_NAMES if not personal_name(name)]
    assert missed == []


def test_innocent_columns_are_kept():
    refused = {name: personal_name(name) for name in INNOCENT_NAMES if personal_name(name)}
    assert refused == {}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("E-Mail", "an e-mail address"),
        ("CUST_PHONE_NO", "a phone number"),
        ("straße", "a street address"),
        ("LastName", "a person's name"),
        ("dob", "a date of birth"),
        ("zip", "a postal code"),
        ("iban", "a bank account or card number"),
        ("email_address", "an e-mail address"),
        ("ip_address", "an online identifier"),
    ],
)
def test_the_kind_is_told(name, kind):
    assert personal_name(name) == kind


def test_only_names_of_things_in_the_contract_need_an_exception():
    refused = {column.name for feed in FEEDS.values() for column in feed.columns if personal_name(column.name)}
    assert refused == {"name"}  # of a campaign; the loader never asks about the contract's own columns


# ---- Values.

INNOCENT_VALUES = [
    "0000012345", "000123456789", "4006381333931", "0049000006346", "0036000291452", "00012345678905", "04006381333931",
    "2026-01-02 10:11:12", "2026-01-02T10:11:12Z", "2026-01-02T10:11:12.123456+02:00", "2026-01-02 10:11:12+02:00",
    "01.02.2026 10:11:12", "01/02/2026", "01/02/2026 10:11", "01.02.2026 - 05.02.2026", "01.02.26 - 03.04.26", "02/2026",
    "C0001234", "CAMP-2025-03-email", "12.50", "-0.0001", "+12.5", "1234567.8901", "16446", "A-2024/001-77", "USD", "85123A",
    "10 x 12 cm", "3 rooms 2 baths", "25-34", "35-49K", "1.5 - 2.0", "$100 - $200", "2) $100 - $200", "$ 750 - $1,000",
    "Miller & Sons 24 GmbH", "Studio 54", "Route 66 Imports", "3M", "7-Eleven", "Forever 21", "Channel No. 5", "20th Century Toys",
    "Main Street Bakery", "High Street 2024", "Street Food", "Wall Street", "Park Avenue Collection", "5th Avenue Fashion",
    "(unknown)", "n/a", "Home & Garden", "Ladies' Shoes 36-42", "36 38 40 42", "B2B (reseller)", "Spring 2024", "Catering 24",
    "String 5", "Verkäufer 12", "Einstieg 2", "Stellplatz 5", "2 for 1", "12 pack", "24 Hour Court", "3 Piece Square", "Ring 54",
    "2 Bedroom Park", "Via SMS 2", "Placed 12", "1,000,000", "1 000 000", "2024-000123", "01/2024/000123", "RE-01-2024-000123",
    "114-1234567-1234567", "12345-678", "02139-4307", "1.234,56", "192.168.10.25", "v1.2.3", "2024Q3", "FY 2024/25", "GMT+0100 (CET)",
    "Segment A1", "Tier 2 (silver)", "A+ 2000", "9am - 5pm", "09:00 - 17:00", "100 % cotton", "60 x 40 x 20", "ISO 9001:2015",
    "12 place setting", "Plan 5 plus", "Model T 1908", "SET OF 3 CAKE TINS PANTRY DESIGN", "Call 2026-01-02", "phone 20260102",
    "Phone", "No phone service", "Month-to-month", "Bank transfer (automatic)", "sold @ shop", "2 @ 5.99", "@home", "Look at polka dot dress",
    "email/web", "Web, phone + mail", "C++ (2011) 123456", "8e-05", "1.2345678901E+15", "0x1F4B2C", "+", "-", "", "  ", "0", "00000000000000",
    "wave 3 (holdout 10%)", "25 to 34 years", "1 child, 2 cars", "Level 3: buyer", "Q1 2026 / Q2 2026", "10-12-14-16-18", "0-6 months",
    "up to 500 / month", "500.000 - 1.000.000", "50,000-99,999", "1001 - 5000 employees", "San Francisco - CA - 94105", "EU-West-1",
]  # fmt: skip


def digits(chance: random.Random, how_many: int) -> str:
    return "".join(chance.choices(string.digits, k=how_many))


def filled(chance: random.Random, template: str) -> str:
    """A template with random digits for # and random digits from 2 on for N."""
    return "".join(
        chance.choice(string.digits) if sign == "#" else chance.choice("23456789") if sign == "N" else sign
        for sign in template
    )


def random_ids() -> dict[str, list[str]]:
    """Identifiers of the shapes that shops, ERP systems and data bases give out, 1,000 of each."""
    chance = random.Random(1)
    shapes = {
        "number": lambda: str(chance.randrange(1, 10**10)),
        "ten digits": lambda: f"{chance.randrange(10**10):010}",
        "twelve digits": lambda: f"{chance.randrange(10**12):012}",
        "fourteen digits": lambda: f"{chance.randrange(10**14):014}",
        "zero-padded": lambda: f"{chance.randrange(10**7):014}",
        "EAN": lambda: f"{chance.randrange(10**13):013}",
        "letter and digits": lambda: chance.choice(string.ascii_uppercase) + digits(chance, 8),
        "year and number": lambda: f"{chance.randrange(2015, 2027)}-{chance.randrange(10**6):06}",
        "month, year, number": lambda: f"{chance.randrange(1, 13):02}/{chance.randrange(2015, 2027)}/{chance.randrange(10**6):06}",
        "prefix, year, number": lambda: f"ORD-{chance.randrange(2015, 2027)}/{chance.randrange(10**5):05}-{digits(chance, 2)}",
        "marketplace order": lambda: f"{chance.randrange(100, 1000)}-{digits(chance, 7)}-{digits(chance, 7)}",
        "padded branch": lambda: f"00{digits(chance, 2)}-{digits(chance, 6)}",
        "UUID": lambda: str(uuid.UUID(int=chance.getrandbits(128))),
        "hash": lambda: hashlib.md5(digits(chance, 9).encode()).hexdigest(),
        "base 36": lambda: "".join(chance.choices(string.ascii_uppercase + string.digits, k=9)),
        "decimal": lambda: f"{chance.uniform(-10_000, 10_000):.4f}",
        "moment": lambda: f"20{chance.randrange(10, 27)}-0{chance.randrange(1, 10)}-1{chance.randrange(10)} 1{chance.randrange(10)}:{chance.randrange(10, 60)}:{chance.randrange(10, 60)}",
        "German moment": lambda: f"0{chance.randrange(1, 10)}.1{chance.randrange(3)}.20{chance.randrange(10, 27)} 0{chance.randrange(10)}:{chance.randrange(10, 60)}:{chance.randrange(10, 60)}",
    }  # fmt: skip
    return {shape: [make() for _ in range(1_000)] for shape, make in shapes.items()}


def e_mails() -> list[str]:
    chance = random.Random(2)
    people = [
        "anna.schmidt",
        "j.doe",
        "maria_rossi",
        "o'brien",
        "Jürgen.Müller",
        "li",
        "info",
        "x99",
        "KUNDE",
        "jean-luc",
        "иван",
    ]
    tags = ["", "", "+shop", "+news.2024", "99", "_1"]
    hosts = ["example.com", "mail.example.co.uk", "t-example.de", "example.museum", "münchen-shop.de", "xn--mnchen-3ya.de", "пример.рф",
             "EXAMPLE.ORG", "a.io", "sub.sub2.example.fr"]  # fmt: skip
    ways = ["{}@{}", "{}@{}", "{}@{}", "<{}@{}>", "mailto:{}@{}", "please write to {}@{}.", "Anna Schmidt <{}@{}>", "{}＠{}", "{}﹫{}",
            "{} (at) {}", "{}(at){}", "{} [at] {}", "{}[AT]{}", "{}%40{}", "a@b.co;{}@{}", "({}@{})", "x, {}@{}, y", "\t{}@{} "]  # fmt: skip
    plain = [
        chance.choice(ways).format(chance.choice(people) + chance.choice(tags), chance.choice(hosts))
        for _ in range(2_300)
    ]
    return (
        plain
        + [f"{chance.choice(people)} (at) example (dot) com" for _ in range(50)]
        + ["john at example dot com"] * 10
    )


PHONE_TEMPLATES = """
+49 170 #######|+49 (0)170 #######|+49 (0) 30 ########|+4917########|+49-170-#######|+49.170.#######|+49/170/#######|+49 1N# ### ## ##
0049 170 #######|004917########|0049151########|0049-170-#######|0049 (0)170 #######|0044 7700 ######|00447#########|0033 6 ## ## ## ##
001 N## ### ####|00 49 170 #######|+1 (N##) ###-####|+1 N## ### ####|+1-N##-###-####|+1.N##.###.####|+1N#########|+44 20 #### ####
+44 (0)20 #### ####|+44 7### ######|+33 6 ## ## ## ##|+33.6.##.##.##.##|+34 6## ### ###|+39 3## #######|+39 06 ########|+31 6 ########
+31-6-########|+32 4## ## ## ##|+41 79 ### ## ##|+43 664 #######|+45 ## ## ## ##|+46 70-### ## ##|+47 ### ## ###|+48 ### ### ###
+55 11 9####-####|+61 4## ### ###|+81 90-####-####|+86 138 #### ####|+91 9#### #####|+91-9#########|+7 (9##) ###-##-##|+353 86 ### ####
(N##) ###-####|(N##)###-####|(N##) ### ####|N##-###-####|N##.###.####|N## ### ####|1-N##-###-####|1-800-###-####|1 (N##) ###-####
N##-###-#### x12|(N##) ###-#### ext. 5|0170/#######|0170-#######|0170 #######|0170.#######|0170 / #######|0170 ### ## ##|0171-###-####
(0170) #######|(030) ######|(030) ########|030/########|030 ########|030-########|089 / ## ## ## ##|04131 ######|(04131) ######|0N### / ######
020 #### ####|(020) #### ####|020-####-####|07### ######|07### ### ###|0161 ### ####|01### ######|(01###) ######|01 ## ## ## ##|06 ## ## ## ##
06.##.##.##.##|06-##-##-##-##|04/##/##/##/##|079 ### ## ##|06-########|06 ########|020-#######|0664 #######|0664/#######|02 #### ####|(02) #### ####
04## ### ###|090-####-####|03-####-####|(11) 9####-####|11 9####-####|138 #### ####|138-####-####|9#### #####|612 ### ###|6## ## ## ##|8 (9##) ###-##-##
8 9## ### ## ##|9## ## ###|tel:+1-N##-###-####|tel:+49170#######|Tel. 030 #######|Tel.: 0170/#######|call +49 170 #######|phone: N##-###-####
Telefon 0301234###|mobile 07### ######|Mobile: 07#########|please call (N##) ###-#### after 5|whatsapp +55 11 9####-####|fax 0## #### ####
ring me on 07### ###### please|Anna, 0170/#######|anna: +49 170 #######; home|N##-###-####, N##-###-####|01.02.2026: call 0170/#######
""".replace("\n", "|").strip("|").split("|")  # fmt: skip


def phones() -> list[str]:
    chance = random.Random(3)
    return [filled(chance, template) for template in PHONE_TEMPLATES for _ in range(20)]


STREET_TEMPLATES = """
{n} {en} Street|{n} {en} Street|{n} {en} St|{n} {en} St.|{n}B {en} St|{n} {en} Avenue|{n} {en} Ave|{n} {en} Road|{n} {en} Rd.|{n} {en} Lane|{n} {en} Terrace
{n} {en} Drive|{n} {en} Dr|{n} {en} Blvd|{n} {en} Court|{n} {en} Way|{n} {en} Close|{n} {en} Crescent|{n} {en} Place|{n} {en} Square|{n}-{n} {en} Road
{n} N {en} Ave|{n} W 42nd St|{n} 5th Avenue|{n} {en} Street, London|{n} {en} Road, Apt 4B|{n} {en} Ave Apt 4|{n} {en} Street NW|Unit 4, {n} {en} Ave
Flat 2, {n} {en} Road, Leeds LS1 4AB|Suite 200, {n} {en} Blvd|{n} {en} Street London SW1A 1AA|{n} {en} St, Springfield, IL 62704|The Old Mill, {n} {en} Lane
Rose Cottage, {n} {en} Close|{n}, {en} Road|Anna Smith, {n} {en} Street, Leeds|{n} {en} Parkway|{n} {en} Highway|PO Box {n}|P.O. Box {n}|p.o.box {n}
{de}straße {h}|{de}straße {h}a|{de}strasse {h}|{de}str. {h}|{de}str. {h}a|{de}str {h}|{de}str.{h}|{DE} Straße {h}|{DE} Str. {h}|{de}weg {h}|{de}gasse {h}|{de}platz {h}
{de}allee {h}|{DE} Allee {h}-{h}|{de}ufer {h}|{de}damm {h}|Kaiserring {h}|An der {de} {h}|Am {de} {h}|Unter den Linden {h}|Postfach {n}|{de}straße {h}, 10115 Berlin
{de}str. {h}, Berlin|{de}straße {h}/{h}|{de}weg {h}, 50667 Köln|Frau Anna Schmidt, {de}str. {h}|{DE}-{de}-Straße {h}|{de}chaussee {h}
{h} rue de {fr}|{h} rue {fr}|{h}, rue de la {fr}|{h} bis rue {fr}|{h} avenue {fr}|{h} bd {fr}|{h} boulevard {fr}|{h} chemin de {fr}|{h} place de la {fr}|{h} quai {fr}
{h} impasse {fr}|Rue de {fr} {h}|{h} rue {fr}, 75001 Paris|Calle {es} {h}|Calle de {es} {h}|C/ {es} {h}|C/ {es}, {h}|Avenida de {es} {h}|Avda. {es} {h}|Paseo de {es} {h}
Plaza de {es} {h}|Calle {es} nº {h}|Calle {es}, {h}, 28013 Madrid|Via {it} {h}|Via {it}, {h}|Viale {it} {h}|Piazza {it} {h}|Corso {it} {h}|Via {it} {h}, 20121 Milano
Rua {es} {h}|Rua {es}, {h}|Carrera 7 # 12-{h}|{nl}straat {h}|{nl}laan {h}|{nl}plein {h}|{nl}gracht {h}|{nl}weg {h}|{nl}gatan {h}|{nl}vägen {h}|{nl}gade {h}|ul. {nl} {h}
""".replace("\n", "|").strip("|").split("|")  # fmt: skip
WORDS = {
    "en": ["High", "Baker", "Evergreen", "Park", "St James", "Church", "Station", "Martin Luther King", "Mill Hill", "King's", "Oak", "O'Connell"],
    "de": ["Haupt", "Muster", "Garten", "Linden", "Bahnhof", "Schiller", "Berg", "Mühlen", "Kirch", "Wald"],
    "DE": ["Berliner", "Lange", "Hannoversche", "Große", "Karl-Marx", "Frankfurter"],
    "fr": ["Rivoli", "Foch", "Paix", "Victor Hugo", "Saint-Honoré", "République", "Général Leclerc"],
    "es": ["Mayor", "América", "Alcalá", "San Bernardo", "Gran Capitán", "Augusta", "Colón"],
    "it": ["Roma", "Garibaldi", "Monza", "Vittorio Emanuele", "Dante Alighieri", "Duomo"],
    "nl": ["Kerk", "Dorps", "Prinsen", "Sint Jans", "Wilhelmina", "Vester", "Marszal"],
}  # fmt: skip


def streets() -> list[str]:
    chance = random.Random(4)
    return [
        template.format(
            n=chance.randrange(1, 2_000),
            h=chance.randrange(1, 200),
            **{key: chance.choice(WORDS[key]) for key in WORDS},
        )
        for template in STREET_TEMPLATES
        for _ in range(20)
    ]


def judged(values: list[str]) -> list[str | None]:
    """What personal_content says of each value, in order."""
    with duckdb.connect() as connection:
        sql = f"select {personal_content('v')} from (select unnest(?) as v)"
        return [reason for (reason,) in connection.execute(sql, [values]).fetchall()]


@pytest.mark.parametrize(
    ("corpus", "what", "recall"),
    [(e_mails, "e-mail", 0.98), (phones, "phone", 0.98), (streets, "street", 0.9)],
)
def test_personal_values_are_found(corpus, what, recall):
    values = corpus()
    assert len(values) >= 2_000
    missed = sorted({value for value, reason in zip(values, judged(values), strict=True) if reason is None})
    found = sum(reason is not None for reason in judged(values)) / len(values)
    assert found >= recall, missed


@pytest.mark.parametrize(("corpus", "what"), [(e_mails, "e-mail"), (phones, "phone"), (streets, "street")])
def test_the_reason_names_the_right_kind(corpus, what):
    reasons = [reason for reason in judged(corpus()) if reason]
    assert sum(what in reason for reason in reasons) >= 0.97 * len(reasons)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("maria+tag@example.com", "looks like an e-mail address"),
        ("write to maria (at) example.com", "looks like an e-mail address"),
        ("call +49 170 1234567", "looks like a phone number"),
        ("00491701234567", "looks like a phone number"),
        ("john at example dot com", "looks like an e-mail address"),
        ("maria＠example.com", "looks like an e-mail address"),
        ("maria[at]example.com", "looks like an e-mail address"),
        ("(555) 123-4567", "looks like a phone number"),
        ("555-123-4567", "looks like a phone number"),
        ("555.123.4567", "looks like a phone number"),
        ("0170/1234567", "looks like a phone number"),
        ("07700 900123", "looks like a phone number"),
        ("tel:+1-555-123-4567", "looks like a phone number"),
        ("020 7946 0958", "looks like a phone number"),
        ("01 23 45 67 89", "looks like a phone number"),
        ("Unit 4, 12 Park Ave", "looks like a street address"),
        ("742 Evergreen Terrace", "looks like a street address"),
        ("Musterstraße 12a", "looks like a street address"),
        ("Hauptstr. 5", "looks like a street address"),
        ("Hauptstr.5", "looks like a street address"),
        ("12 High Street", "looks like a street address"),
        ("221B Baker St", "looks like a street address"),
        ("Calle Mayor 12", "looks like a street address"),
        ("10 rue de Rivoli", "looks like a street address"),
        ("Via Roma 5", "looks like a street address"),
        ("PO Box 123", "looks like a street address"),
    ],
)
def test_well_known_values_are_refused(value, reason):
    assert judged([value]) == [reason] == [personal_text(value)]


def test_innocent_values_pass():
    found = [(value, reason) for value, reason in zip(INNOCENT_VALUES, judged(INNOCENT_VALUES), strict=True) if reason]
    assert found == []


def test_random_identifiers_pass():
    wrong = {}
    for shape, values in random_ids().items():
        found = [value for value, reason in zip(values, judged(values), strict=True) if reason]
        if len(found) > 0.001 * len(values):
            wrong[shape] = found[:5]
    assert wrong == {}


def test_null_is_fine():
    assert judged([None]) == [None]


def test_a_typed_note_is_judged_like_a_column():
    values = [*e_mails()[::10], *phones()[::10], *streets()[::10], *INNOCENT_VALUES]
    values += [value for some in random_ids().values() for value in some[::50]]
    different = [value for value, reason in zip(values, judged(values), strict=True) if reason != personal_text(value)]
    assert len(different) <= 0.01 * len(values), different


def test_real_product_descriptions_are_not_addresses(shared_data):
    file = shared_data / "online_retail.parquet"
    sql = f"select Description from (select distinct Description from '{file}') where {personal_content('Description')} is not null"
    with duckdb.connect() as connection:
        assert connection.execute(sql).fetchall() == []


def test_the_check_names_the_column_and_never_the_value():
    rows = [("A1", "Home"), ("A2", "maria@example.com"), ("call 0170/1234567", "x"), (None, None)]
    with duckdb.connect() as connection:
        connection.execute("""create table feed ("order ""id" varchar, "customer's" varchar)""")
        connection.executemany("insert into feed values (?, ?)", rows)
        found = connection.execute(f"""select {content_check(['order "id', "customer's"])} from feed""").fetchall()
    assert [reason for (reason,) in found] == [
        None, "customer's looks like an e-mail address", 'order "id looks like a phone number', None,
    ]  # fmt: skip


def test_a_check_of_no_column_is_fine():
    with duckdb.connect() as connection:
        assert connection.execute(f"select {content_check([])}").fetchone() == (None,)


# ---- Pseudonyms.

SECRET = "".join(random.Random(5).choices(string.ascii_letters + string.digits + "'\"", k=200))


@pytest.mark.parametrize("key", [*(SECRET[:length] for length in (32, 64, 65, 200)), SECRET[:40] + "ä€" * 12])
@pytest.mark.parametrize("value", ["", "C-1", "maria@example.com", "Jürgen 🙂", "a'b", 42])
def test_a_pseudonym_is_the_hmac_of_the_standard_library(key, value):
    expected = hmac.new(key.encode(), str(value).encode(), hashlib.sha256).hexdigest()
    with duckdb.connect() as connection:
        connection.execute(pseudonym_macro(key))
        assert connection.execute("select pseudonym(?)", [value]).fetchone() == (expected,)


def test_nothing_has_no_pseudonym():
    with duckdb.connect() as connection:
        connection.execute(pseudonym_macro(SECRET[:40]))
        assert connection.execute("select pseudonym(null)").fetchone() == (None,)


@pytest.mark.parametrize(
    "key",
    ["", SECRET[:31], "q" * 64, "Zw" * 20, "changeme" * 5, "longpassword1" * 3, string.ascii_lowercase + "123456", "0123456789" * 4],
)  # fmt: skip
def test_a_key_that_can_be_guessed_is_refused_without_being_shown(key):
    with pytest.raises(ValueError, match=r"at least 32 characters drawn at random.*token_hex") as refused:
        pseudonym_macro(key)
    assert not key or key not in str(refused.value)


def test_random_keys_are_accepted():
    chance = random.Random(6)
    for _ in range(300):
        pseudonym_macro("".join(chance.choices("0123456789abcdef", k=32)))


def test_the_key_comes_from_the_environment():
    assert pseudonym_key({KEY_VARIABLE: "abc\n"}) == "abc"
    assert pseudonym_key({KEY_VARIABLE: " "}) is None
    assert pseudonym_key({}) is None


def test_a_refusal_says_where_and_what_to_do():
    message = refusal("customers", "customers.csv", "E-Mail", personal_name("E-Mail"))
    assert message.startswith("customers.csv: column E-Mail of feed customers is an e-mail address by its name.")
    assert "pseudonym(E-Mail)" in message and "mapping" in message and "plain hash is not enough" in message
    by_content = refusal("lines", "lines.csv", "category", "looks like a phone number")
    assert "column category of feed lines holds text that looks like a phone number." in by_content
    assert "left(zip, 2)" in refusal("customers", "customers.csv", "zip", "a postal code")
