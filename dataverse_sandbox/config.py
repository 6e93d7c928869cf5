"""The tenant, the client, the people who can sign in, and the configuration of one sandbox."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

TENANT = "11111111-1111-1111-1111-111111111111"
CLIENT_ID = "22222222-2222-2222-2222-222222222222"
# Microsoft's own example of a public client ("Use OAuth authentication with Microsoft Dataverse"), which has no secret.
PUBLIC_CLIENT_ID = "51f81489-12ee-4a9e-aaae-a2591f45987d"
CLIENT_SECRET = "sandbox-secret"  # noqa: S105 - published on purpose: it opens nothing but the sandbox

_NAMESPACE = uuid.UUID("0c5b6c1e-51c4-4c3c-a1c5-6f3f6f1d8a10")


@cache
def fixed_id(*names: str) -> str:
    """Return an id that is the same in every sandbox, such as that of a person."""
    return str(uuid.uuid5(_NAMESPACE, "/".join(names)))


@dataclass(frozen=True)
class Person:
    """A person who can sign in to the portal; each is a user of the CRM, too."""

    name: str
    roles: tuple[str, ...]
    about: str

    @property
    def first_name(self) -> str:
        return self.name.partition(" ")[0]

    @property
    def address(self) -> str:
        return self.name.lower().replace(" ", ".") + "@contoso.example"

    @property
    def object_id(self) -> str:
        """Return the Entra object id."""
        return fixed_id("entra", self.name)

    @property
    def user_id(self) -> str:
        """Return the systemuserid."""
        return fixed_id("systemuser", self.name)


PEOPLE: tuple[Person, ...] = (
    Person("Rita Lindqvist", ("Reviewer",), "Reviewer"),
    Person("Rob Marchetti", ("Reviewer",), "Reviewer"),
    Person("Fred Okafor", ("FilterManager",), "Filter manager"),
    Person("Frida Solberg", ("FilterManager",), "Filter manager"),
    Person("Ada Brennan", ("Administrator", "Reviewer"), "Administrator and reviewer"),
    Person("Vera Castellano", ("Viewer",), "Viewer"),
    Person("Nils Hagen", (), "No role: may sign in, may see nothing"),
)
# The user that the Outlook page offers first.
EDITOR = Person("Jonas Weber", (), "Sales")


def person(name: str) -> Person:
    """Return a person who can sign in, by full name. Raises KeyError."""
    return {known.name: known for known in PEOPLE}[name]


APPLICATION_USER_ID = fixed_id("systemuser", "application")


@dataclass(frozen=True)
class Application:
    """Another application with a user of the CRM; without a secret it cannot sign in."""

    name: str
    client_id: str
    roles: tuple[str, ...]
    secret: str = ""
    address: str = ""

    @property
    def user_id(self) -> str:
        """Return the systemuserid."""
        return fixed_id("systemuser", self.name)


ERP = Application(
    "# Contoso ERP",
    "44444444-4444-4444-4444-444444444444",
    ("Basic User",),
    secret="erp-secret",  # noqa: S106 - as CLIENT_SECRET
)
FLOWS = Application("# Contoso Flows", "55555555-5555-5555-5555-555555555555", ("Basic User",))
# "Server-side synchronization new admin identity"; the client id is from one published environment.
SYNCHRONIZATION = Application(
    "# SSSAdminProd",
    "bf05f9a3-4755-4682-b2b4-c3d46fe2f12a",
    ("System Administrator",),
    address="SSSAdminProd@onmicrosoft.com",
)
ORGANIZATION_ID = fixed_id("organization")
BUSINESS_UNIT_ID = fixed_id("businessunit")
CURRENCY_ID = fixed_id("transactioncurrency")


@dataclass(frozen=True)
class World:
    """The rows that `reset` creates; `pending` is the number of staged edits, `filters` is per user."""

    users: int = 500
    contacts: int = 300
    pending: int = 40
    seed: int = 1
    filters: int = 6


DEMO_WORLD = World()
EMPTY_WORLD = World(users=0, contacts=0, pending=0)


@dataclass(frozen=True)
class Config:
    """`world` fills a new file; an existing one keeps its data. `synchronous` is SQLite's pragma."""

    data: Path
    world: World = field(default=DEMO_WORLD)
    synchronous: str = "NORMAL"
