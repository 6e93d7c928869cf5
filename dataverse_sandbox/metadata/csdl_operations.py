"""The actions, functions and complex types of `$metadata`, as the Web API's reference describes them.

Parameters that the sandbox does not inspect (definitions, queries) have an open type.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

_ROWS = "Collection(mscrm.crmbaseentity)"
_OPTION = {"OptionSetName": "Edm.String", "EntityLogicalName": "Edm.String", "AttributeLogicalName": "Edm.String"}
_LABELED = {**_OPTION, "Value": "Edm.Int32", "Label": "mscrm.Label", "SolutionUniqueName": "Edm.String"}
_ON_ROWS = {"entityset": _ROWS, "Targets": _ROWS}
_ON_ROLE = {"entity": "mscrm.role", "Privileges": "Collection(mscrm.RolePrivilege)"}
_ON_TEAM = {"entity": "mscrm.team", "Members": "Collection(mscrm.systemuser)"}
_ACCESS = {"Target": "mscrm.crmbaseentity", "PrincipalAccess": "mscrm.PrincipalAccess"}
_ENGLISH = "Collection(Edm.Int32)"

Members = Mapping[str, str]
# Name to parameters and, if there is one, the stem of the response; bound ones begin with `entity` or `entityset`.
_ACTIONS: Mapping[str, tuple[Members, bool]] = {
    "AddMembersTeam": (_ON_TEAM, False),
    "AddPrivilegesRole": (_ON_ROLE, False),
    "BulkDelete": (
        {
            **{"QuerySet": "Collection(mscrm.QueryExpression)", "JobName": "Edm.String"},
            **{"SendEmailNotification": "Edm.Boolean", "RecurrencePattern": "Edm.String"},
            **{"StartDateTime": "Edm.DateTimeOffset"},
        },
        True,
    ),
    "CreateEntities": ({"Entities": "Collection(mscrm.ComplexEntityMetadata)"}, True),
    "CreateMultiple": (_ON_ROWS, True),
    "DeleteOptionValue": ({**_OPTION, "Value": "Edm.Int32", "SolutionUniqueName": "Edm.String"}, False),
    "GrantAccess": (_ACCESS, False),
    "InsertOptionValue": (_LABELED, True),
    "InsertStatusValue": ({**_LABELED, "StateCode": "Edm.Int32"}, True),
    "InstantiateFilters": (
        {"entity": "mscrm.systemuser", "TemplateCollection": "Collection(mscrm.savedquery)"},
        False,
    ),
    "Merge": (
        {
            **{"Target": "mscrm.crmbaseentity", "Subordinate": "mscrm.crmbaseentity"},
            **{"UpdateContent": "mscrm.crmbaseentity", "PerformParentingChecks": "Edm.Boolean"},
        },
        False,
    ),
    "ModifyAccess": (_ACCESS, False),
    "OrderOption": ({**_OPTION, "Values": "Collection(Edm.Int32)", "SolutionUniqueName": "Edm.String"}, False),
    "PublishAllXml": ({}, False),
    "PublishXml": ({"ParameterXml": "Edm.String"}, False),
    "RemoveMembersTeam": (_ON_TEAM, False),
    "ReplacePrivilegesRole": (_ON_ROLE, False),
    "RevokeAccess": ({"Target": "mscrm.crmbaseentity", "Revokee": "mscrm.crmbaseentity"}, False),
    "ResetUserFilters": ({"QueryType": "Edm.Int32"}, False),
    "UpdateMultiple": (_ON_ROWS, False),
    "UpdateOptionValue": ({**_LABELED, "MergeLabels": "Edm.Boolean"}, False),
    "UpdateStateValue": ({**_LABELED, "MergeLabels": "Edm.Boolean"}, False),
    "UpsertMultiple": (_ON_ROWS, True),
}
_FUNCTIONS: Mapping[str, Members] = {
    "RetrieveAuditDetails": {"entity": "mscrm.audit"},
    "RetrieveAvailableLanguages": {},
    "RetrieveCurrentOrganization": {"AccessType": "mscrm.EndpointAccessType"},
    "RetrieveMetadataChanges": {"Query": "mscrm.EntityQueryExpression", "ClientVersionStamp": "Edm.String"},
    "RetrievePrincipalSyncAttributeMappings": {"entity": "mscrm.systemuser"},
    "RetrieveProvisionedLanguages": {},
    "RetrieveSharedPrincipalsAndAccess": {"Target": "mscrm.crmbaseentity"},
    "RetrieveTotalRecordCount": {"EntityNames": "Collection(Edm.String)"},
    "RetrieveUserPrivilegeByPrivilegeName": {"entity": "mscrm.systemuser", "PrivilegeName": "Edm.String"},
    "RetrieveUserPrivileges": {"entity": "mscrm.systemuser"},
    "RetrieveRolePrivilegesRole": {"RoleId": "Edm.Guid"},
    "RetrieveVersion": {},
    "WhoAmI": {},
}
_TYPES: Mapping[str, Members] = {
    "AttributeMapping": {
        **{"AttributeMappingId": "Edm.Guid", "MappingName": "Edm.String", "AttributeCrmName": "Edm.String"},
        **{"AttributeExchangeName": "Edm.String", "AttributeCrmDisplayName": "Edm.String"},
        **{"AttributeExchangeDisplayName": "Edm.String", "EntityTypeCode": "Edm.Int32"},
        **{"SyncDirection": "Edm.Int32", "DefaultSyncDirection": "Edm.Int32", "AllowedSyncDirection": "Edm.Int32"},
        **{"IsComputed": "Edm.Boolean", "ComputedProperties": "Collection(Edm.String)"},
    },
    "RetrievePrincipalSyncAttributeMappingsResponse": {"AttributeMappings": "Collection(mscrm.AttributeMapping)"},
    "AuditDetail": {"AuditRecord": "mscrm.crmbaseentity"},
    "RetrieveAuditDetailsResponse": {"AuditDetail": "mscrm.AuditDetail"},
    "BulkDeleteResponse": {"JobId": "Edm.Guid"},
    "CreateEntitiesResponse": {"EntityIds": "Collection(Edm.Guid)"},
    "CreateMultipleResponse": {"Ids": "Collection(Edm.Guid)"},
    "EndpointCollection": {
        **{"Count": "Edm.Int32", "IsReadOnly": "Edm.Boolean"},
        **{"Keys": "Collection(mscrm.EndpointType)", "Values": "Collection(Edm.String)"},
    },
    "EntityRecordCountCollection": {
        **{"Count": "Edm.Int32", "IsReadOnly": "Edm.Boolean"},
        **{"Keys": "Collection(Edm.String)", "Values": "Collection(Edm.Int64)"},
    },
    "InsertOptionValueResponse": {"NewOptionValue": "Edm.Int32"},
    "InsertStatusValueResponse": {"NewOptionValue": "Edm.Int32"},
    "Label": {
        "LocalizedLabels": "Collection(mscrm.LocalizedLabel)",
        "UserLocalizedLabel": "mscrm.LocalizedLabel",
    },
    "LocalizedLabel": {
        **{"Label": "Edm.String", "LanguageCode": "Edm.Int32", "IsManaged": "Edm.Boolean"},
        **{"MetadataId": "Edm.Guid", "HasChanged": "Edm.Boolean"},
    },
    "OrganizationDetail": {
        **{"OrganizationId": "Edm.Guid", "FriendlyName": "Edm.String", "OrganizationVersion": "Edm.String"},
        **{"EnvironmentId": "Edm.String", "TenantId": "Edm.String", "OrganizationType": "mscrm.OrganizationType"},
        **{"UrlName": "Edm.String", "UniqueName": "Edm.String", "State": "mscrm.OrganizationState"},
        **{"Endpoints": "mscrm.EndpointCollection"},
    },
    "RetrieveAvailableLanguagesResponse": {"LocaleIds": _ENGLISH},
    "RetrieveCurrentOrganizationResponse": {"Detail": "mscrm.OrganizationDetail"},
    "RetrieveMetadataChangesResponse": {
        "EntityMetadata": "Collection(mscrm.ComplexEntityMetadata)",
        "ServerVersionStamp": "Edm.String",
        "DeletedMetadata": "mscrm.DeletedMetadataCollection",
    },
    "RetrieveProvisionedLanguagesResponse": {"RetrieveProvisionedLanguages": _ENGLISH},
    "PrincipalAccess": {"AccessMask": "mscrm.AccessRights", "Principal": "mscrm.crmbaseentity"},
    "RetrieveSharedPrincipalsAndAccessResponse": {"PrincipalAccesses": "Collection(mscrm.PrincipalAccess)"},
    "RetrieveTotalRecordCountResponse": {"EntityRecordCountCollection": "mscrm.EntityRecordCountCollection"},
    "RetrieveUserPrivilegeByPrivilegeNameResponse": {"RolePrivileges": "Collection(mscrm.RolePrivilege)"},
    "RetrieveUserPrivilegesResponse": {"RolePrivileges": "Collection(mscrm.RolePrivilege)"},
    "RetrieveRolePrivilegesRoleResponse": {"RolePrivileges": "Collection(mscrm.RolePrivilege)"},
    "RetrieveVersionResponse": {"Version": "Edm.String"},
    "RolePrivilege": {
        **{"Depth": "mscrm.PrivilegeDepth", "PrivilegeId": "Edm.Guid", "BusinessUnitId": "Edm.Guid"},
        **{"PrivilegeName": "Edm.String"},
    },
    "UpsertMultipleResponse": {"Results": "Collection(mscrm.UpsertResponse)"},
    "UpsertResponse": {"RecordCreated": "Edm.Boolean", "Target": "mscrm.crmbaseentity"},
    "WhoAmIResponse": {"BusinessUnitId": "Edm.Guid", "UserId": "Edm.Guid", "OrganizationId": "Edm.Guid"},
}
_OPEN_TYPES = ("ComplexEntityMetadata", "DeletedMetadataCollection", "EntityQueryExpression", "QueryExpression")
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "EndpointAccessType": ("Default", "Internet", "Intranet"),
    "EndpointType": ("OrganizationService", "OrganizationDataService", "WebApplication"),
    "OrganizationState": ("Enabled", "Disabled"),
    "OrganizationType": ("Customer", "Monitoring", "Support", "BackEnd", "Secondary", "CustomerTest"),
    "PrivilegeDepth": ("Basic", "Local", "Deep", "Global"),
}


# Flags: their values are added.
_FLAGS: Mapping[str, Mapping[str, int]] = {
    "AccessRights": {
        **{"None": 0, "ReadAccess": 1, "WriteAccess": 2, "AppendAccess": 4, "AppendToAccess": 16, "CreateAccess": 32},
        **{"DeleteAccess": 65_536, "ShareAccess": 262_144, "AssignAccess": 524_288},
    },
}


def types_and_operations() -> str:
    """Return everything except the entity types."""
    open_types = (f'<ComplexType Name="{name}" OpenType="true" />' for name in _OPEN_TYPES)
    return "\n".join([*_enumerations(), *map(_complex_type, _TYPES), *open_types, *_actions(), *_functions()])


def imports(namespace: str) -> str:
    """Return the unbound operations as members of the container."""
    lines = [_import("Action", name, namespace) for name, (given, _) in _ACTIONS.items() if not _is_bound(given)]
    lines += [_import("Function", name, namespace) for name, given in _FUNCTIONS.items() if not _is_bound(given)]
    return "\n".join(lines)


def _import(kind: str, name: str, namespace: str) -> str:
    return f'<{kind}Import Name="{name}" {kind}="{namespace}.{name}" />'


def _enumerations() -> Iterator[str]:
    for name, members in _CHOICES.items():
        listed = "".join(f'<Member Name="{member}" Value="{value}" />' for value, member in enumerate(members))
        yield f'<EnumType Name="{name}">{listed}</EnumType>'
    for name, flags in _FLAGS.items():
        listed = "".join(f'<Member Name="{member}" Value="{value}" />' for member, value in flags.items())
        yield f'<EnumType Name="{name}" IsFlags="true">{listed}</EnumType>'


def _complex_type(name: str) -> str:
    properties = []
    for member, kind in _TYPES[name].items():
        # A row inside a complex type is a navigation property.
        element = "NavigationProperty" if kind == "mscrm.crmbaseentity" else "Property"
        properties.append(f'<{element} Name="{member}" Type="{kind}" />')
    return f'<ComplexType Name="{name}">{"".join(properties)}</ComplexType>'


def _actions() -> Iterator[str]:
    for name, (given, responds) in _ACTIONS.items():
        returned = _returned(name) if responds else ""
        yield f'<Action Name="{name}"{_bound(given)}>{_parameters(given)}{returned}</Action>'


def _functions() -> Iterator[str]:
    for name, given in _FUNCTIONS.items():
        yield f'<Function Name="{name}"{_bound(given)}>{_parameters(given)}{_returned(name)}</Function>'


def _returned(name: str) -> str:
    return f'<ReturnType Type="mscrm.{name}Response" Nullable="false" />'


def _is_bound(given: Members) -> bool:
    return next(iter(given), "") in ("entity", "entityset")


def _bound(given: Members) -> str:
    return ' IsBound="true"' if _is_bound(given) else ""


def _parameters(given: Members) -> str:
    return "".join(f'<Parameter Name="{name}" Type="{kind}" />' for name, kind in given.items())
