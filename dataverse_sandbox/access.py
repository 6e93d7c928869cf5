"""The user that a request acts as: that of its token, or the impersonated one ("Impersonate another user").

`CallerObjectId` names an Entra object id, `MSCRMCallerID` a systemuserid. An unknown id in `MSCRMCallerID` is silently
ignored, so the call runs as the user of the token (a maintainer's answer in the repository
PowerPlatform-DataverseServiceClient). Both headers are ignored inside a part of a batch: the documentation does not
cover that case, so clients should not rely on it. The headers that bypass the company's logic are read here too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dataverse_sandbox import errors, plugin, values
from dataverse_sandbox.errors import ApiError
from dataverse_sandbox.rights import ACT_FOR_OTHERS, BYPASS_LOGIC, BYPASS_SYNC, Rights, User
from dataverse_sandbox.store import Author, Store

MAX_STEPS = 3


@dataclass(frozen=True)
class Identity:
    """The users of a request: `user` acts, `delegate` is the caller if that is a different one."""

    user: str
    rights: Rights
    delegate: str | None = None

    @property
    def author(self) -> Author:
        return Author(self.user, self.delegate, self.rights)


NO_USER = Identity("", Rights("", frozenset()))


def identify(store: Store, caller: str, headers: Mapping[str, str]) -> Identity:
    """Return the caller. Raises ApiError 403 if the caller or the impersonated user may not call."""
    user = store.user(caller)
    if user is None:
        raise ApiError(401, errors.NO_CREDENTIALS, "The user is not a member of the organization.")
    _must_be_able(user)
    target = _impersonated(store, headers)
    if target is None or target.id == user.id:
        return Identity(user.id, user.rights)
    if not user.rights.may(ACT_FOR_OTHERS):
        raise ApiError(403, errors.CANNOT_ACT_FOR_OTHERS, f"User {user.id} cannot act on behalf of another user.")
    _must_be_able(target)
    return Identity(target.id, target.rights.shared_with(user.rights), user.id)


def _must_be_able(user: User) -> None:
    if not user.is_enabled:
        raise errors.user_disabled(user.id)
    if not user.has_roles:
        raise errors.no_roles(user.id)


def _impersonated(store: Store, headers: Mapping[str, str]) -> User | None:
    if headers.get("callerobjectid"):
        return _by_object_id(store, _guid("CallerObjectId", headers["callerobjectid"]))
    if headers.get("mscrmcallerid"):
        return store.user(_guid("MSCRMCallerID", headers["mscrmcallerid"]))
    return None


def _guid(name: str, value: str) -> str:
    try:
        return values.guid(value.strip())
    except ValueError:
        raise errors.bad_query(f"The value of the header '{name}' is not a GUID.") from None


def _by_object_id(store: Store, object_id: str) -> User:
    statement = "SELECT systemuserid FROM systemuser WHERE azureactivedirectoryobjectid = ?"
    found = store.fetch(statement, (object_id,))
    user = store.user(str(found[0])) if found else None
    if user is None:
        raise ApiError(403, errors.NO_CREDENTIALS, "The user is not a member of the organization.")
    return user


def bypasses_plugin(headers: Mapping[str, str], rights: Rights) -> bool:
    """Return whether to skip the plug-in ("Bypass custom Dataverse logic"). Raises ApiError 403 without the right."""
    if headers.get("mscrm.bypasscustompluginexecution", "false").lower() == "true":
        rights.require(BYPASS_SYNC)
        return True
    kinds = _listed(headers.get("mscrm.bypassbusinesslogicexecution", ""))
    if kinds - {"customsync", "customasync"}:
        raise errors.bad_query("MSCRM.BypassBusinessLogicExecution is CustomSync, CustomAsync or both.")
    steps = _listed(headers.get("mscrm.bypassbusinesslogicexecutionstepids", ""))
    if len(steps) > MAX_STEPS:
        raise errors.bad_query(f"More than {MAX_STEPS} steps cannot be bypassed.")
    if kinds or steps:
        rights.require(BYPASS_LOGIC)
    return "customsync" in kinds or plugin.STEP_ID in steps


def _listed(text: str) -> set[str]:
    return {part.strip().lower() for part in text.split(",") if part.strip()}
