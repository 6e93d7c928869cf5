"""Errors with the Web API's codes and messages.

    ApiError   status, code and message of an answer: {"error": {"code": ..., "message": ...}}
    Cut        no answer at all: the connection is closed

Codes: "Web service error codes" (Dataverse developer guide); if that page names no code, the code is empty.
"""

from __future__ import annotations

from collections.abc import Mapping

OBJECT_DOES_NOT_EXIST = "0x80040217"
DUPLICATE_KEY = "0x80060892"
NO_ROW_WITH_KEY = "0x80060891"
DUPLICATE_FOUND = "0x80040333"
DUPLICATE_RECORD = "0x80040237"
VERSION_MISMATCH = "0x80060882"
STRING_TOO_LONG = "0x80044331"
OPTION_OUT_OF_RANGE = "0x8004431A"
NUMBER_OUT_OF_RANGE = "0x80044330"
MONEY_OUT_OF_RANGE = "0x80040317"
BAD_PAYLOAD = "0x80048D19"
BAD_QUERY = "0x80060888"
BAD_TYPES = "0x0"
FUNCTION_NOT_SUPPORTED = "0x8006088a"
TOO_MANY_CONDITIONS = "0x8004430C"
VERSION_STAMP_EXPIRED = "0x80044352"
NO_CREDENTIALS = "0x80072560"
PRIVILEGE_DENIED = "0x80040220"
PRINCIPAL_PRIVILEGE_DENIED = "0x80040231"
NO_ACCESS_TO_ROW = "0x80048306"
CANNOT_ACT_FOR_OTHERS = "0x8004A110"
NOT_SUPPORTED = "0x80040800"
USER_DISABLED = "0x80040225"
OWNER_DISABLED = "0x8004022B"
NO_ROLES = "0x80042F09"
INACTIVE_DEFAULT_VIEW = "0x8004027B"
_HELP = "http://go.microsoft.com/fwlink/?LinkID=398563"


class ApiError(Exception):
    """An error answer; handlers raise it, `app` and `batch` render it."""

    def __init__(self, status: int, code: str, message: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})

    def details(self) -> dict[str, object]:
        """Return an error's annotations ("Include more details with errors"); the sandbox writes no trace."""
        link = f"{_HELP}&error=Microsoft.Crm.CrmException%3a{self.code.removeprefix('0x').lower()}&client=platform"
        return {
            "Microsoft.PowerApps.CDS.HelpLink": link,
            "Microsoft.PowerApps.CDS.TraceText": "",
            "Microsoft.PowerApps.CDS.InnerError.Message": self.message,
        }


class Cut(Exception):
    """A connection that is closed without an answer."""


def unknown(what: str) -> ApiError:
    """Return the 501 for something that the sandbox does not know; it never guesses."""
    return ApiError(501, "", f"The sandbox does not know {what}.")


def not_allowed(method: str, what: str) -> ApiError:
    return ApiError(405, "", f"The requested resource does not support http method '{method}': it is {what}.")


def not_supported(message: str, table: str) -> ApiError:
    """Return the 405 for a message that a table does not support ("Compose HTTP requests and handle errors")."""
    return ApiError(405, NOT_SUPPORTED, f"The '{message}' method does not support entities of type '{table}'.")


def wrong_method(address: str) -> ApiError:
    """Return the error for GET on an action or POST on a function ("Troubleshoot Dataverse Web API client errors")."""
    return ApiError(404, "", f"No HTTP resource was found that matches the request URI '{address}'.")


def bad_query(message: str) -> ApiError:
    return ApiError(400, BAD_QUERY, message)


def not_implemented(what: str) -> ApiError:
    """Return the error for something that Dataverse does not support either, with its reported message."""
    return ApiError(501, "", f"The method or operation is not implemented. ({what})")


def function_not_supported(name: str) -> ApiError:
    return ApiError(501, FUNCTION_NOT_SUPPORTED, f'The "{name}" function isn\'t supported.')


def too_many_conditions() -> ApiError:
    return ApiError(400, TOO_MANY_CONDITIONS, "Number of conditions in query exceeded maximum limit.")


def incompatible(operands: str) -> ApiError:
    """Return the error with the code that people report for this message."""
    return ApiError(400, BAD_TYPES, f"A binary operator with incompatible types was detected. Found {operands}.")


def bad_payload(message: str) -> ApiError:
    return ApiError(400, BAD_PAYLOAD, f"Error identified in Payload provided by the user: {message}")


def no_such_resource(name: str) -> ApiError:
    """Return the error for a set that is not in the service document."""
    return ApiError(404, BAD_QUERY, f"Resource not found for the segment '{name[:100]}'.")


def does_not_exist(table: str, row_id: str) -> ApiError:
    return ApiError(404, OBJECT_DOES_NOT_EXIST, f"{table} With Id = {row_id} Does Not Exist")


def no_row_with_key(table: str) -> ApiError:
    return ApiError(404, NO_ROW_WITH_KEY, f"A record with the specified key values does not exist in {table} entity")


def key_violated(key: str, columns: str) -> ApiError:
    text = f"Entity Key {key} violated. A record with the same value for {columns} already exists."
    return ApiError(412, DUPLICATE_KEY, f"{text} A duplicate record cannot be created.")


def version_mismatch() -> ApiError:
    text = "The version of the existing record doesn't match the RowVersion property provided."
    return ApiError(412, VERSION_MISMATCH, text)


def already_exists() -> ApiError:
    return ApiError(412, DUPLICATE_RECORD, "A record with matching key values already exists.")


def lacks_privilege(user: str, privilege: str, table: str = "") -> ApiError:
    about = f" for entity '{table}'" if table else ""
    message = f"Principal user (Id={user}, type=8) is missing {privilege} privilege{about}. context.Caller={user}"
    return ApiError(403, PRIVILEGE_DENIED, message)


def no_access_to_row(user: str, table: str, row_id: str) -> ApiError:
    message = f"Principal user (Id={user}) has no access rights on the {table} With Id = {row_id}."
    return ApiError(403, NO_ACCESS_TO_ROW, message)


def user_disabled(user: str) -> ApiError:
    message = f"The user(Id={user}) is disabled or is not a member of any business unit."
    return ApiError(403, USER_DISABLED, message)


def owner_disabled(user: str) -> ApiError:
    return ApiError(400, OWNER_DISABLED, f"The owner (Id={user}) is disabled; rows cannot be assigned to him.")


def no_roles(user: str) -> ApiError:
    return ApiError(403, NO_ROLES, f"The user with Id={user} has not been assigned any roles.")


def no_such_property(name: str, table: str) -> ApiError:
    return bad_query(f"Could not find a property named '{name}' on type 'Microsoft.Dynamics.CRM.{table}'.")
