"""Errors as the Web API words them.

    ApiError   status, code and message of an answer: {"error": {"code": ..., "message": ...}}
    Cut        no answer at all: the connection is closed

Codes: "Web service error codes" (Dataverse developer guide); where that page is silent the code is empty.
"""

from __future__ import annotations

from collections.abc import Mapping

OBJECT_DOES_NOT_EXIST = "0x80040217"
DUPLICATE_KEY = "0x80060892"
DUPLICATE_RECORD = "0x80040237"
VERSION_MISMATCH = "0x80060882"
STRING_TOO_LONG = "0x80044331"
OPTION_OUT_OF_RANGE = "0x8004431A"
NUMBER_OUT_OF_RANGE = "0x80044330"
MONEY_OUT_OF_RANGE = "0x80040317"
BAD_PAYLOAD = "0x80048D19"
BAD_QUERY = "0x80060888"
VERSION_STAMP_EXPIRED = "0x80044352"
NO_CREDENTIALS = "0x80072560"


class ApiError(Exception):
    """An answer that is not a success; handlers raise it, `app` and `batch` render it."""

    def __init__(self, status: int, code: str, message: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})

    def body(self) -> dict[str, object]:
        return {"error": {"code": self.code, "message": self.message}}


class Cut(Exception):
    """The connection is to be closed without an answer."""


def unknown(what: str) -> ApiError:
    """What the sandbox does not know, by name; it never guesses."""
    return ApiError(501, "", f"The sandbox does not know {what}.")


def bad_query(message: str) -> ApiError:
    return ApiError(400, BAD_QUERY, message)


def bad_payload(message: str) -> ApiError:
    return ApiError(400, BAD_PAYLOAD, f"Error identified in Payload provided by the user: {message}")


def does_not_exist(table: str, row_id: str) -> ApiError:
    return ApiError(404, OBJECT_DOES_NOT_EXIST, f"{table} With Id = {row_id} Does Not Exist")


def version_mismatch() -> ApiError:
    text = "The version of the existing record doesn't match the RowVersion property provided."
    return ApiError(412, VERSION_MISMATCH, text)


def already_exists(code: str = DUPLICATE_RECORD) -> ApiError:
    return ApiError(412, code, "A record with matching key values already exists.")


def no_such_property(name: str, table: str) -> ApiError:
    return bad_query(f"Could not find a property named '{name}' on type 'Microsoft.Dynamics.CRM.{table}'.")
