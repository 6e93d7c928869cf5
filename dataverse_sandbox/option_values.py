"""Global choices, and the single options of any choice ("Create and update choices using the Web API").

A PUT leaves the options alone; messages add, rename, order and delete them one at a time. Simplified: a new
option without a value gets the greatest value plus one, regardless of the publisher's prefix.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from dataverse_sandbox import column_definitions, customization, definitions, errors
from dataverse_sandbox.catalog import Column, GlobalChoice, Kind, Option, Table, current, registry
from dataverse_sandbox.column_definitions import Body, label_of
from dataverse_sandbox.errors import ApiError
from dataverse_sandbox.messages import Answer, Request, json_answer
from dataverse_sandbox.metadata.names import NAMESPACE
from dataverse_sandbox.metadata.reading import column_of_key, table_of_key
from dataverse_sandbox.rights import CUSTOMIZE
from dataverse_sandbox.store import Transaction

_DONE = Answer(204, b"", {"OData-Version": "4.0"})
_FIRST = 100_000_000
_IN_USE = "0x8004F01F"

Options = tuple[Option, ...]


def create(transaction: Transaction, body: Body) -> GlobalChoice:
    """Create a global choice. Raises ApiError 400 for an invalid or taken name, or invalid options."""
    name = column_definitions.schema_name_of({"SchemaName": body.get("Name")}).lower()
    if name in current().choices:
        raise errors.bad_payload(f"An option set with the name '{name}' exists already.")
    options = column_definitions.options_of({"OptionSet": body}, Kind.CHOICE)
    choice = GlobalChoice(name, label_of(body, "DisplayName", name), options, label_of(body, "Description", ""))
    _store_choice(transaction, choice)
    return choice


def change(transaction: Transaction, choice: GlobalChoice, body: Body) -> None:
    """Change label and description."""
    display = label_of(body, "DisplayName", choice.label)
    _store_choice(
        transaction, replace(choice, label=display, description=label_of(body, "Description", choice.description))
    )


def drop(transaction: Transaction, choice: GlobalChoice) -> None:
    """Delete a global choice. Raises ApiError 400 while a column uses it."""
    for table, column in _users(choice):
        message = f"The {choice.name} component cannot be deleted because '{table.name}.{column.name}' uses it."
        raise ApiError(400, _IN_USE, message)
    definitions.forget_choice(transaction.connection, choice.name)
    registry.put_in_force(current().without_choice(choice.name))


def _users(choice: GlobalChoice) -> list[tuple[Table, Column]]:
    everything = ((table, column) for table in current().tables for column in table.columns)
    return [(table, column) for table, column in everything if column.global_choice == choice.name]


def _store_choice(transaction: Transaction, choice: GlobalChoice) -> None:
    """Store the choice and update the columns that use it."""
    definitions.save_choice(transaction.connection, choice)
    registry.put_in_force(current().with_choice(choice))
    for table, column in _users(choice):
        customization.replace_column(transaction, table, replace(column, options=choice.options))


def _edited(transaction: Transaction, body: Body, edit: Callable[[Options], Options]) -> None:
    """Change the options that a message names: of a global choice, or of one column."""
    if body.get("OptionSetName"):
        choice = current().choices.get(str(body["OptionSetName"]).lower())
        if choice is None:
            raise errors.bad_payload(f"There is no global option set '{str(body['OptionSetName'])[:60]}'.")
        return _store_choice(transaction, replace(choice, options=edit(choice.options)))
    table = table_of_key(str(body.get("EntityLogicalName") or ""))
    column = column_of_key(table, str(body.get("AttributeLogicalName") or ""))
    if not column.options or column.global_choice:
        raise errors.bad_payload(f"'{column.name}' of '{table.name}' has no options of its own.")
    return customization.replace_column(transaction, table, replace(column, options=edit(column.options)))


def _insert(transaction: Transaction, request: Request) -> Answer:
    """Handle `InsertOptionValue` and `InsertStatusValue`."""
    body, made = request.json(), []

    def edit(options: Options) -> Options:
        given = body.get("Value")
        value = given if _is_whole(given) else max(_FIRST, *(option.value + 1 for option in options))
        state = int(str(body["StateCode"])) if _is_whole(body.get("StateCode")) else None
        made.append(Option(int(str(value)), label_of(body, "Label", str(value)), state))
        return _all_different((*options, made[0]))

    _edited(transaction, body, edit)
    context = f"{request.base_url}$metadata#{NAMESPACE}.{request.path}Response"
    return json_answer(200, {"@odata.context": context, "NewOptionValue": made[0].value})


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**31


def _all_different(options: Options) -> Options:
    if len({option.value for option in options}) < len(options):
        raise errors.bad_payload("An option with that value exists already.")
    return options


def _update(transaction: Transaction, request: Request) -> Answer:
    """Handle `UpdateOptionValue` and `UpdateStateValue`, which change the label."""
    body = request.json()

    def renamed(option: Option) -> Option:
        return replace(option, label=label_of(body, "Label", option.label))

    _edited(transaction, body, lambda options: _mapped(options, body, renamed))
    return _DONE


def _mapped(options: Options, body: Body, change: Callable[[Option], Option]) -> Options:
    """Return the options, with the change applied to the one that the body names."""
    _there(options, body)
    return tuple(change(option) if option.value == body["Value"] else option for option in options)


def _there(options: Options, body: Body) -> None:
    if not _is_whole(body.get("Value")) or body["Value"] not in {option.value for option in options}:
        raise errors.bad_payload(f"There is no option with the value {str(body.get('Value'))[:20]}.")


def _delete(transaction: Transaction, request: Request) -> Answer:
    """Handle `DeleteOptionValue`; rows keep the deleted value."""
    body = request.json()

    def edit(options: Options) -> Options:
        _there(options, body)
        return tuple(option for option in options if option.value != body["Value"])

    _edited(transaction, body, edit)
    return _DONE


def _order(transaction: Transaction, request: Request) -> Answer:
    """Handle `OrderOption`, whose `Values` are all options in their new order."""
    values = request.json().get("Values")

    def edit(options: Options) -> Options:
        known = {option.value: option for option in options}
        if not isinstance(values, list) or len(values) != len(known) or set(map(str, values)) != set(map(str, known)):
            raise errors.bad_payload("'Values' are the values of all options, each once.")
        return tuple(known[value] for value in values)

    _edited(transaction, request.json(), edit)
    return _DONE


def _for_customizers(action: Callable[[Transaction, Request], Answer]) -> Callable[[Transaction, Request], Answer]:
    def guarded(transaction: Transaction, request: Request) -> Answer:
        transaction.author.rights.require(CUSTOMIZE)
        return action(transaction, request)

    return guarded


ACTIONS: Mapping[str, Callable[[Transaction, Request], Answer]] = {
    name: _for_customizers(action)
    for name, action in {
        "InsertOptionValue": _insert,
        "InsertStatusValue": _insert,
        "UpdateOptionValue": _update,
        "UpdateStateValue": _update,
        "DeleteOptionValue": _delete,
        "OrderOption": _order,
    }.items()
}
