"""The functions of the namespace Microsoft.Dynamics.CRM in `$filter` ("Web API query function reference").

Each is an operator of FetchXML under another name; `PropertyName` names its column, values are texts regardless of the
column's type. Hierarchies and fiscal periods are not known.
"""

from __future__ import annotations

import datetime
import re
from typing import TYPE_CHECKING

from dataverse_sandbox import errors, odata
from dataverse_sandbox.conditions import Condition
from dataverse_sandbox.fetchxml import operators
from dataverse_sandbox.fetchxml.operators import Requester
from dataverse_sandbox.fetchxml.query import Test
from dataverse_sandbox.operands import Operand

if TYPE_CHECKING:
    from dataverse_sandbox.filters import Scope

NAMESPACE = "Microsoft.Dynamics.CRM."
# Functions whose operator is not just their name with dashes.
_NAMES = {
    "ContainValues": "contain-values",
    "DoesNotContainValues": "not-contain-values",
    "EqualUserId": "eq-userid",
    "NotEqualUserId": "ne-userid",
    "EqualBusinessId": "eq-businessid",
    "NotEqualBusinessId": "ne-businessid",
    "EqualUserTeams": "eq-userteams",
    "EqualUserOrUserTeams": "eq-useroruserteams",
    "EqualUserOrUserHierarchy": "eq-useroruserhierarchy",
    "EqualUserOrUserHierarchyAndTeams": "eq-useroruserhierarchyandteams",
    "Above": "above",
    "AboveOrEqual": "eq-or-above",
    "Under": "under",
    "UnderOrEqual": "eq-or-under",
    "NotUnder": "not-under",
    "Last7Days": "last-seven-days",
    "Next7Days": "next-seven-days",
}
_DASHED = frozenset(
    {"In", "NotIn", "Between", "NotBetween", "On", "OnOrAfter", "OnOrBefore", "Today", "Yesterday", "Tomorrow"}
) | frozenset(f"{which}{unit}" for which in ("Last", "This", "Next") for unit in ("Week", "Month", "Year"))
_COUNTED = re.compile(r"(Last|Next|OlderThan)X(Minutes|Hours|Days|Weeks|Months|Years)")
# Every known function.
NAMES = _DASHED | {
    *_NAMES,
    "OlderThanXMinutes",
    *(f"{d}X{unit}" for d in ("Last", "Next", "OlderThan") for unit in ("Hours", "Days", "Weeks", "Months", "Years")),
}


def operator(function: str) -> str:
    """Return the FetchXML operator of a function; '' when there is none."""
    name = function.removeprefix(NAMESPACE)
    if name == function:
        return ""
    if counted := _COUNTED.fullmatch(name):
        return f"{counted[1].lower()}-x-{counted[2].lower()}"
    if name in _DASHED:
        return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()
    return _NAMES.get(name, "")


def condition(scope: Scope, node: odata.Call) -> Condition:
    """Return the condition of a function. Raises ApiError 400 for wrong arguments, 501 for an unknown function."""
    sought = operator(node.name)
    if not sought:
        raise errors.function_not_supported(node.name[:80])
    operand = _property(scope, node)
    test = Test(operand.column.name, sought, _values(scope, node))
    requester = Requester(scope.rights.user, datetime.datetime.now(datetime.UTC))
    found = operators.condition(operand.column, operand.sql, test, requester)
    return Condition(found.sql, (*operand.parameters, *found.parameters))


def _property(scope: Scope, node: odata.Call) -> Operand:
    sought = _argument(scope, node, "PropertyName")
    if not isinstance(sought, odata.Literal) or sought.kind != "text" or node.arguments:
        raise errors.bad_query(f"'{node.name}' needs PropertyName='...'.")
    path = odata.parse(str(sought.value))
    if not isinstance(path, odata.Path):
        raise errors.bad_query(f"'{str(sought.value)[:60]}' is not a property.")
    if path.text in scope.table.by_name:
        path = odata.Path((scope.table.by_name[path.text].wire_name,))
    return scope.operand(path)


def _argument(scope: Scope, node: odata.Call, name: str) -> odata.Node | None:
    given = node.named.get(name)
    return None if given is None else odata.resolved(given, scope.parameters)


def _values(scope: Scope, node: odata.Call) -> tuple[str, ...]:
    given = _argument(scope, node, "PropertyValues") or _argument(scope, node, "PropertyValue")
    if given is None:
        return ()
    items = given.values if isinstance(given, odata.Items) else (given,)
    found = tuple(str(item.value) for item in items if isinstance(item, odata.Literal) and item.value is not None)
    if len(found) != len(items):
        raise errors.bad_query(f"'{node.name}' takes texts.")
    return found
