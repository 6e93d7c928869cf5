"""Choices as JSON: local ones of a single column, and global ones.

Shapes follow the OptionSetMetadata and BooleanOptionSetMetadata reference of the Web API.
"""

from __future__ import annotations

from dataverse_sandbox.catalog import Column, GlobalChoice, Kind, Option, Table, current
from dataverse_sandbox.metadata.names import INTRODUCED, NAMESPACE, TYPE, Item, label, managed, metadata_id

_TYPE_OF = {Kind.YES_NO: "Boolean", Kind.STATE: "State", Kind.STATUS: "Status"}


def of_column(table: Table, column: Column) -> Item:
    """Return the additional properties of a choice column."""
    shared = current().choices.get(column.global_choice)
    option_set = global_item(shared) if shared else _local(table, column)
    sets: Item = {"OptionSet": option_set, "GlobalOptionSet": option_set if shared else None}
    if column.kind is Kind.YES_NO:
        return {**sets, "DefaultValue": bool(column.default)}
    return {**sets, "DefaultFormValue": column.default if isinstance(column.default, int) else -1}


def global_item(choice: GlobalChoice) -> Item:
    return {
        TYPE: f"#{NAMESPACE}.OptionSetMetadata",
        "MetadataId": metadata_id(choice.name, "global choice"),
        "Options": [_option(option) for option in choice.options],
        **_described(choice.name, choice.label, choice.description, custom=True),
        "IsGlobal": True,
        "OptionSetType": "Picklist",
    }


def _local(table: Table, column: Column) -> Item:
    is_yes_no = column.kind is Kind.YES_NO
    options = [_option(option) for option in column.options]
    values: Item = {"FalseOption": options[0], "TrueOption": options[1]} if is_yes_no else {"Options": options}
    return {
        TYPE: f"#{NAMESPACE}.{'Boolean' if is_yes_no else ''}OptionSetMetadata",
        "MetadataId": metadata_id(table.name, column.name, "options"),
        **values,
        **_described(f"{table.name}_{column.name}", column.label, "", custom=False),
        "IsGlobal": False,
        "OptionSetType": _TYPE_OF.get(column.kind, "Picklist"),
    }


def _described(name: str, display: str, description: str, *, custom: bool) -> Item:
    return {
        "Name": name,
        "DisplayName": label(display),
        "Description": label(description),
        "IsCustomOptionSet": custom,
        "IsManaged": not custom,
        "IsCustomizable": managed("iscustomizable"),
        "ExternalTypeName": None,
        "IntroducedVersion": INTRODUCED,
        "HasChanged": None,
    }


def _option(option: Option) -> Item:
    item: Item = {
        "Value": option.value,
        "Label": label(option.label),
        "Description": label(""),
        "Color": None,
        "IsManaged": False,
        "ExternalValue": None,
        "MetadataId": None,
        "HasChanged": None,
    }
    if option.state is None:
        return item
    return {TYPE: f"#{NAMESPACE}.StatusOptionMetadata", **item, "State": option.state, "TransitionData": None}
