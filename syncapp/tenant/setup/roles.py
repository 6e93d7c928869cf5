"""The security role of the portal's application user: exactly the privileges that the portal uses."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from uuid import UUID

from syncapp.tenant.privileges import needed
from syncapp.tenant.setup.items import ROLE, Environment, Item, SetupError, State


def role_items(environment: Environment, components: Collection[UUID]) -> tuple[Item, ...]:
    """Return the items for the role and its privileges; `components` are the ids in our solution."""
    unit = environment.reads.top_unit()
    role = environment.reads.role(ROLE, unit)
    title, privileges = f"security role {ROLE}", f"privileges of {ROLE}"
    apply = partial(_set_privileges, environment, unit)
    if role is None:
        create = partial(environment.writes.create_role, ROLE, unit=unit)
        detail = f"{len(needed(environment.names))} privileges, for the whole organization"
        return Item(title, State.CREATE, "", create), Item(privileges, State.CREATE, detail, apply)
    known = environment.reads.privileges(privilege.key for privilege in needed(environment.names))
    is_exact = environment.reads.privileges_of(role.id) == frozenset(known.values())
    if is_exact:
        return Item(title, State.EXISTS), Item(privileges, State.EXISTS, _unknown_privileges(environment, known))
    if role.id not in components:
        detail = "A role of this name has other privileges, and this command did not make it."
        return (Item(title, State.DIFFERS, detail),)
    return Item(title, State.EXISTS), Item(privileges, State.CHANGE, _unknown_privileges(environment, known), apply)


def _set_privileges(environment: Environment, unit: UUID) -> None:
    # The role and privileges are read only now, because creating the staging tables added privileges.
    role = environment.reads.role(ROLE, unit)
    if role is None:
        raise SetupError(f"The role {ROLE} is not there. Run this command again.")
    known = environment.reads.privileges(privilege.key for privilege in needed(environment.names))
    environment.writes.set_privileges(role.id, known.values(), unit=unit)


def _unknown_privileges(environment: Environment, known: Collection[str]) -> str:
    unknown = [privilege.name for privilege in needed(environment.names) if privilege.key not in known]
    return f"This CRM does not know {', '.join(unknown)}; left out." if unknown else ""
