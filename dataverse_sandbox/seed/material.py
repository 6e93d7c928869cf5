"""Users, companies and contacts as rows ready to be inserted, drawn from a seeded generator."""

from __future__ import annotations

import datetime
import unicodedata
from functools import cache
from random import Random

from dataverse_sandbox import config
from dataverse_sandbox.catalog import ACCOUNT, BUSINESS_UNIT, CONTACT, CURRENCY, ORGANIZATION, SYSTEM_USER, Table
from dataverse_sandbox.seed import people_names
from dataverse_sandbox.seed.names import COMPANIES, CULTURES, DEPARTMENTS, JOB_TITLES, Culture
from dataverse_sandbox.store import Row

CONTACTS_PER_COMPANY = 8


def new_id(random: Random) -> str:
    """Return a GUID of version 4, built as text because benches need hundreds of thousands."""
    digits = f"{random.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def stamp(moment: datetime.datetime) -> str:
    return moment.isoformat()[:19] + "Z"


@cache
def _blank(table: Table) -> Row:
    blank: Row = dict.fromkeys(table.stored)
    return blank | {column.name: column.default for column in table.columns if column.default is not None}


def row(table: Table, moment: datetime.datetime, values: Row, *, by: str = config.APPLICATION_USER_ID) -> Row:
    """Return a complete row with defaults, stamps and computed columns; its version is set on insertion."""
    text = stamp(moment)
    complete = {**_blank(table), "createdon": text, "modifiedon": text, "createdby": by, "modifiedby": by}
    if "ownerid" in table.by_name:
        complete["ownerid"] = by
    if "ownerid_type" in complete:
        complete["ownerid_type"] = "systemuser"
    complete.update(values)
    complete.update(table.computed(complete))
    return complete


def fixed_rows(moment: datetime.datetime) -> list[tuple[Table, Row]]:
    """Return the rows that exist once and that all others refer to."""
    unit: Row = {"businessunitid": config.BUSINESS_UNIT_ID, "name": "Contoso"}
    currency: Row = {
        "transactioncurrencyid": config.CURRENCY_ID,
        "currencyname": "Euro",
        "isocurrencycode": "EUR",
        "currencysymbol": "€",
    }
    organization = {
        "organizationid": config.ORGANIZATION_ID,
        "name": "Contoso",
        "languagecode": 1033,
        "expirechangetrackingindays": 7,
        "orgdborgsettings": "<OrgSettings></OrgSettings>",
        "auditretentionperiodv2": 30,
    }
    return [
        (BUSINESS_UNIT, row(BUSINESS_UNIT, moment, unit)),
        (CURRENCY, row(CURRENCY, moment, currency)),
        (ORGANIZATION, row(ORGANIZATION, moment, organization)),
    ]


def users(random: Random, count: int, moment: datetime.datetime, *, seed: int) -> list[Row]:
    """Return the application user, the people who sign in, Jonas Weber, and `count` more."""
    application: Row = {
        "systemuserid": config.APPLICATION_USER_ID,
        "applicationid": config.CLIENT_ID,
        "azureactivedirectoryobjectid": config.fixed_id("entra", "application"),
        "fullname": "# Outlook Sync Portal",
        "lastname": "# Outlook Sync Portal",
    }
    found = [_user(moment, application)]
    found += [_user(moment, _person(person)) for person in (*config.PEOPLE, config.EDITOR)]
    taken = {str(user["fullname"]) for user in found}
    apart = Random(f"people {seed}")  # noqa: S311 - believable data, not secrets
    found += [_user(moment, _colleague(random, apart, taken)) for _ in range(count)]
    return found


def _user(moment: datetime.datetime, values: Row) -> Row:
    return row(SYSTEM_USER, moment, {"businessunitid": config.BUSINESS_UNIT_ID, **values})


def _person(person: config.Person) -> Row:
    first, _, last = person.name.partition(" ")
    return {
        "systemuserid": person.user_id,
        "azureactivedirectoryobjectid": person.object_id,
        "fullname": person.name,
        "firstname": first,
        "lastname": last,
        "internalemailaddress": person.address,
        "domainname": person.address,
        "jobtitle": person.about if person.roles else "Sales",
    }


def _colleague(random: Random, apart: Random, taken: set[str]) -> Row:
    """Return one more user; always draw the same number of random numbers, because contacts use the same generator."""
    culture = random.choice(CULTURES)
    random.choice(culture.first_names), random.choice(culture.last_names)
    first, last = people_names.own_name(apart, culture.country, taken)
    name = f"{first} {last}"
    address = f"{mail_part(name)}@contoso.example"
    return {
        "systemuserid": new_id(random),
        "azureactivedirectoryobjectid": new_id(random),
        "fullname": name,
        "firstname": first,
        "lastname": last,
        "internalemailaddress": address,
        "domainname": address,
        "jobtitle": random.choice(JOB_TITLES),
    }


def mail_part(name: str) -> str:
    """Convert `Åsa B. O'Neill` to `asa.b.oneill`."""
    plain = unicodedata.normalize("NFKD", name.replace("ß", "ss").replace("Ł", "L").replace("ł", "l"))
    kept = "".join(letter for letter in plain if letter.isascii() and (letter.isalnum() or letter == " "))
    return ".".join(kept.lower().split())


def companies(random: Random, contacts: int, moment: datetime.datetime) -> list[Row]:
    count = -(-contacts // CONTACTS_PER_COMPANY)
    return [_company(random, index, moment) for index in range(count)]


def _company(random: Random, index: int, moment: datetime.datetime) -> Row:
    culture = random.choice(CULTURES)
    round_, name = index // len(COMPANIES), COMPANIES[index % len(COMPANIES)]
    name = f"{name} {round_ + 1}" if round_ else name
    values: Row = {
        "accountid": new_id(random),
        "name": name,
        "accountnumber": f"C-{10_001 + index}",
        "telephone1": digits(random, culture.phone),
        "websiteurl": f"https://www.{_domain(name)}",
        "address1_city": random.choice(culture.towns)[0],
        "address1_country": culture.country,
    }
    return row(ACCOUNT, moment, values)


def _domain(company: str) -> str:
    return mail_part(company).replace(".", "-") + ".example"


def digits(random: Random, pattern: str) -> str:
    return "".join(str(random.randrange(10)) if letter == "#" else letter for letter in pattern)


def contacts(random: Random, count: int, accounts: list[Row], owners: list[Row], base: datetime.datetime) -> list[Row]:
    return [_contact(random, random.choice(accounts), owners, base) for _ in range(count)]


def _contact(random: Random, account: Row, owners: list[Row], base: datetime.datetime) -> Row:
    culture = random.choice(CULTURES)
    made = base - datetime.timedelta(minutes=random.randrange(14 * 1_440, 900 * 1_440))
    values: Row = {
        "contactid": new_id(random),
        "osync_revision": random.randrange(1, 12),
        "transactioncurrencyid": config.CURRENCY_ID,
        "parentcustomerid": account["accountid"],
        "parentcustomerid_type": ACCOUNT.name,
        "ownerid": random.choice(owners)["systemuserid"],
        **_name_and_job(random, culture, str(account["name"])),
        **_address(random, culture),
        **_details(random, culture),
    }
    return row(CONTACT, made, values)


def _name_and_job(random: Random, culture: Culture, company: str) -> Row:
    first, last = random.choice(culture.first_names), random.choice(culture.last_names)
    return {
        "firstname": first,
        "lastname": last,
        "jobtitle": random.choice(JOB_TITLES),
        "department": random.choice((*DEPARTMENTS, None)),
        "emailaddress1": f"{mail_part(f'{first} {last}')}@{_domain(company)}",
        "telephone1": digits(random, culture.phone),
        "mobilephone": digits(random, culture.mobile) if random.random() < 0.7 else None,
    }


def _address(random: Random, culture: Culture) -> Row:
    town, code = random.choice(culture.towns)
    return {
        "address1_line1": f"{random.choice(culture.streets)} {random.randrange(1, 180)}",
        "address1_line2": random.choice((None, None, "2nd floor", "Building C", "c/o Reception")),
        "address1_city": town,
        "address1_postalcode": code,
        "address1_country": culture.country,
    }


def _details(random: Random, culture: Culture) -> Row:
    birthday = datetime.date(1955, 1, 1) + datetime.timedelta(days=random.randrange(17_000))
    return {
        "preferredcontactmethodcode": random.choice((1, 2, 3)),
        "gendercode": random.choice((1, 2, None)),
        "birthdate": birthday.isoformat() if random.random() < 0.5 else None,
        "creditlimit": random.choice((None, 500.0, 1_200.0, 5_000.0, 12_500.5)),
        "donotbulkemail": random.choice((0, 0, 1)),
        "numberofchildren": random.choice((None, None, 1, 2, 3)),
        "osync_topics": random.choice((None, "410000000", "410000001,410000003")),
        "description": random.choice((None, None, f"Met at the {culture.country} trade fair.\nPrefers mornings.")),
    }
