"""The fields of a trouble’s definition."""

from __future__ import annotations

from dataclasses import dataclass

# Texts that several troubles share.
REFUSED = "CRM refuses requests"
SEE_ANSWER = "Settings, Connection shows what was asked and what the CRM answered"
SLOW = "The portal retries every few minutes; “Test connection” retries immediately."
WORKER_LOG = "the log of the workers"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of trouble. `code` is stable, since monitors and stored alerts refer to it.

    `hides` lists the codes of its symptoms, which are then not reported. `connection` replaces the words about
    the connection at the top of each page, which are “CRM not connected” if `affects_crm`.
    """

    code: str
    title: str
    meaning: str
    remedy: str
    where: str
    hides: frozenset[str] = frozenset()
    is_mailed: bool = True
    is_failure: bool = True  # False: it is intended, or no action is needed
    affects_crm: bool = False
    blocks_pages: bool = False  # True: this instance cannot serve people
    connection: str = ""
