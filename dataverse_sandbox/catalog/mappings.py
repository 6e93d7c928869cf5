"""The directions in which single fields of contacts are synchronized ("Control field synchronization with Outlook").

Columns follow public dumps of the definitions. The values of `allowedsyncdirection`, the names that Exchange uses and
the text form of `computedproperties` are not known and stay empty.
"""

from __future__ import annotations

from dataverse_sandbox.catalog.columns import (
    Column,
    Kind,
    Option,
    Table,
    coded,
    integer,
    lookup,
    moment,
    system_columns,
    text,
    yes_no,
)

NONE, TO_EXCHANGE, TO_CRM, BIDIRECTIONAL = range(4)
_DIRECTIONS = ((NONE, "None"), (TO_EXCHANGE, "ToExchange"), (TO_CRM, "ToCRM"), (BIDIRECTIONAL, "Bidirectional"))
_COMPONENT = (
    Column(
        "componentstate",
        Kind.CHOICE,
        "Component State",
        options=(
            Option(0, "Published"),
            Option(1, "Unpublished"),
            Option(2, "Deleted"),
            Option(3, "Deleted Unpublished"),
        ),
        default=0,
    ),
    yes_no("ismanaged", "State", "Unmanaged", "Managed"),
    moment("overwritetime", "Record Overwrite Time"),
)
MAPPING_PROFILE = Table(
    name="syncattributemappingprofile",
    set_name="syncattributemappingprofiles",
    schema_name="SyncAttributeMappingProfile",
    label="Sync Attribute Mapping Profile",
    plural_label="Sync Attribute Mapping Profiles",
    object_type_code=1400,
    primary_name="name",
    columns=(
        *system_columns("syncattributemappingprofileid", "Sync Attribute Mapping Profile"),
        text("name", "Name", 160),
        *_COMPONENT,
    ),
    change_tracking=False,
    writable=False,
)
MAPPING = Table(
    name="syncattributemapping",
    set_name="syncattributemappings",
    schema_name="SyncAttributeMapping",
    label="Sync Attribute Mapping",
    plural_label="Sync Attribute Mappings",
    object_type_code=1401,
    primary_name="mappingname",
    columns=(
        *system_columns("syncattributemappingid", "Sync Attribute Mapping"),
        text("mappingname", "Mapping Name", 160),
        text("entitytypecode", "Entity", 64),
        text("attributecrmname", "CRM Attribute", 160),
        text("attributeexchangename", "Exchange Attribute", 160),
        coded("syncdirection", "Sync Direction", *_DIRECTIONS),
        coded("defaultsyncdirection", "Default Sync Direction", *_DIRECTIONS),
        integer("allowedsyncdirection", "Allowed Sync Direction", minimum=0, maximum=255),
        yes_no("iscomputed", "Is Computed", "No", "Yes"),
        text("computedproperties", "Computed Properties", 500),
        lookup("syncattributemappingprofileid", "Profile", "syncattributemappingprofile"),
        lookup("parentsyncattributemappingid", "Parent", "syncattributemapping"),
        *_COMPONENT,
    ),
    change_tracking=False,
    writable=False,
)
