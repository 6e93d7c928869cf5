"""Customizations as rows: messages, processing steps, service endpoints, web resources, solutions, system jobs.

The sandbox keeps these rows; it runs no code that they name and posts nothing to a registered endpoint.
"""

from __future__ import annotations

from dataclasses import replace

from dataverse_sandbox.catalog.columns import (
    AlternateKey,
    Column,
    Kind,
    Option,
    Table,
    choice,
    coded,
    derived,
    indexed,
    integer,
    lookup,
    memo,
    moment,
    required,
    state_columns,
    system_columns,
    text,
    yes_no,
)

_JOB_STATE = (
    Column(
        "statecode",
        Kind.STATE,
        "Status",
        options=(Option(0, "Ready"), Option(1, "Suspended"), Option(2, "Locked"), Option(3, "Completed")),
        default=0,
        required="SystemRequired",
    ),
    Column(
        "statuscode",
        Kind.STATUS,
        "Status Reason",
        options=(
            *(Option(0, "Waiting For Resources", 0), Option(10, "Waiting", 1), Option(20, "In Progress", 2)),
            *(Option(30, "Succeeded", 3), Option(31, "Failed", 3), Option(32, "Canceled", 3)),
        ),
        default=0,
    ),
)
SDK_MESSAGE = Table(
    name="sdkmessage",
    set_name="sdkmessages",
    schema_name="SdkMessage",
    label="Sdk Message",
    plural_label="Sdk Messages",
    object_type_code=4606,
    primary_name="name",
    columns=(*system_columns("sdkmessageid", "Sdk Message"), indexed(text("name", "Name", 256))),
    change_tracking=False,
    writable=False,
)
SDK_MESSAGE_FILTER = Table(
    name="sdkmessagefilter",
    set_name="sdkmessagefilters",
    schema_name="SdkMessageFilter",
    label="Sdk Message Filter",
    plural_label="Sdk Message Filters",
    object_type_code=4607,
    primary_name="name",
    columns=(
        *system_columns("sdkmessagefilterid", "Sdk Message Filter"),
        text("name", "Name", 256),
        indexed(text("primaryobjecttypecode", "Primary Object Type Code", 64)),
        text("secondaryobjecttypecode", "Secondary Object Type Code", 64),
        yes_no("iscustomprocessingstepallowed", "Custom Processing Step Allowed", "No", "Yes"),
        lookup("sdkmessageid", "Sdk Message", "sdkmessage", sdkmessage="sdkmessageid_sdkmessagefilter"),
    ),
    change_tracking=False,
    writable=False,
)
SERVICE_ENDPOINT = Table(
    name="serviceendpoint",
    set_name="serviceendpoints",
    schema_name="ServiceEndpoint",
    privilege="ServiceEndpoint",
    label="Service Endpoint",
    plural_label="Service Endpoints",
    object_type_code=4618,
    primary_name="name",
    columns=(
        *system_columns("serviceendpointid", "Service Endpoint"),
        text("name", "Name", 160, required="SystemRequired"),
        memo("description", "Description", 2_000),
        text("url", "Url", 2_000, text_format="Url"),
        text("path", "Path", 160),
        text("solutionnamespace", "Solution Namespace", 160),
        choice("namespaceformat", "Namespace Format", "Namespace Name", "Namespace Address"),
        coded(
            "contract",
            "Contract",
            *((1, "OneWay"), (2, "Queue"), (3, "Rest"), (4, "TwoWay"), (5, "Topic"), (6, "Queue (Persistent)")),
            *((7, "Event Hub"), (8, "Webhook"), (9, "Event Grid"), (10, "Managed Data Lake")),
        ),
        choice(
            "authtype",
            "Auth Type",
            *("ACS", "SAS Key", "SAS Token", "Webhook Key", "Http Header", "Http Query String"),
            *("Connection String", "Access Key"),
        ),
        replace(text("authvalue", "Auth Value", 2_048), readable=False, ledgered=False),
        derived(yes_no("isauthvalueset", "Is Auth Value Set", "No", "Yes")),
        choice("messageformat", "Message Format", "Binary XML", "Json", "Text XML", default=1),
        choice("messagecharset", "Message Charset", "Default", "UTF-8", first=0, default=0),
        choice("connectionmode", "Connection Mode", "Normal", "Federated", default=1),
        choice("userclaim", "User Claim", "None", "UserId", "UserInfo", default=1),
    ),
    computed=lambda row: {"isauthvalueset": int(bool(row["authvalue"]))},
)
STEP = Table(
    name="sdkmessageprocessingstep",
    set_name="sdkmessageprocessingsteps",
    schema_name="SdkMessageProcessingStep",
    privilege="SdkMessageProcessingStep",
    label="Sdk Message Processing Step",
    plural_label="Sdk Message Processing Steps",
    object_type_code=4608,
    primary_name="name",
    columns=(
        *system_columns("sdkmessageprocessingstepid", "Sdk Message Processing Step"),
        text("name", "Name", 256, required="SystemRequired"),
        memo("description", "Description", 256),
        choice("mode", "Execution Mode", "Synchronous", "Asynchronous", first=0, default=0),
        required(
            coded("stage", "Execution Stage", (10, "Pre-validation"), (20, "Pre-operation"), (40, "Post-operation"))
        ),
        integer("rank", "Execution Order", minimum=0),
        choice("supporteddeployment", "Deployment", "Server Only", "Client Only", "Both", first=0, default=0),
        choice("invocationsource", "Invocation Source", "Parent", "Child", first=0, default=0),
        yes_no("asyncautodelete", "Asynchronous Automatic Delete", "No", "Yes"),
        yes_no("canbebypassed", "Can be bypassed", "No", "Yes"),
        memo("filteringattributes", "Filtering Attributes", 100_000),
        memo("configuration", "Configuration"),
        required(
            lookup("sdkmessageid", "SDK Message", "sdkmessage", sdkmessage="sdkmessageid_sdkmessageprocessingstep")
        ),
        lookup(
            "sdkmessagefilterid",
            "SdkMessage Filter",
            "sdkmessagefilter",
            sdkmessagefilter="sdkmessagefilterid_sdkmessageprocessingstep",
        ),
        replace(
            lookup(
                "eventhandler",
                "Event Handler",
                "serviceendpoint",
                serviceendpoint="serviceendpoint_sdkmessageprocessingstep",
            ),
            navigation_name="eventhandler_serviceendpoint",
        ),
        lookup("impersonatinguserid", "Impersonating User", "systemuser"),
        *state_columns("Enabled", "Disabled"),
    ),
)
STEP_IMAGE = Table(
    name="sdkmessageprocessingstepimage",
    set_name="sdkmessageprocessingstepimages",
    schema_name="SdkMessageProcessingStepImage",
    privilege="SdkMessageProcessingStepImage",
    label="Sdk Message Processing Step Image",
    plural_label="Sdk Message Processing Step Images",
    object_type_code=4615,
    primary_name="name",
    columns=(
        *system_columns("sdkmessageprocessingstepimageid", "Sdk Message Processing Step Image"),
        text("name", "Name", 256, required="SystemRequired"),
        text("entityalias", "Entity Alias", 256, required="SystemRequired"),
        required(choice("imagetype", "Image Type", "PreImage", "PostImage", "Both", first=0)),
        text("messagepropertyname", "Message Property Name", 256, required="SystemRequired"),
        memo("attributes", "Attributes", 100_000),
        lookup(
            "sdkmessageprocessingstepid",
            "Step",
            "sdkmessageprocessingstep",
            on_delete="cascade",
            sdkmessageprocessingstep="sdkmessageprocessingstepid_sdkmessageprocessingstepimage",
        ),
    ),
)
ASYNC_OPERATION = Table(
    name="asyncoperation",
    set_name="asyncoperations",
    schema_name="AsyncOperation",
    privilege="AsyncOperation",
    label="System Job",
    plural_label="System Jobs",
    object_type_code=4700,
    primary_name="name",
    columns=(
        *system_columns("asyncoperationid", "System Job"),
        text("name", "System Job Name", 256),
        coded("operationtype", "System Job Type", (1, "System Event"), (10, "Workflow"), (13, "Bulk Delete")),
        text("messagename", "Message Name", 160),
        memo("message", "Message"),
        memo("friendlymessage", "Friendly message"),
        integer("errorcode", "Error Code"),
        moment("startedon", "Started On"),
        moment("completedon", "Completed On"),
        Column("correlationid", Kind.GUID, "Correlation Id"),
        lookup("owningextensionid", "Owning Extension", "sdkmessageprocessingstep"),
        lookup("ownerid", "Owner", "systemuser"),
        *_JOB_STATE,
    ),
)
WEB_RESOURCE = Table(
    name="webresource",
    set_name="webresourceset",
    schema_name="WebResource",
    privilege="WebResource",
    label="Web Resource",
    plural_label="Web Resources",
    object_type_code=9333,
    primary_name="name",
    alternate_keys=(AlternateKey(("name",), "webresource_name", "Name"),),
    columns=(
        *system_columns("webresourceid", "Web Resource"),
        text("name", "Name", 256, required="SystemRequired"),
        text("displayname", "Display Name", 200),
        memo("description", "Description", 2_000),
        memo("content", "Content", 20_000_000),
        coded(
            "webresourcetype",
            "Type",
            *((1, "Webpage (HTML)"), (2, "Style Sheet (CSS)"), (3, "Script (JScript)"), (4, "Data (XML)")),
            *((5, "PNG format"), (6, "JPG format"), (7, "GIF format"), (9, "Style Sheet (XSL)")),
            *((10, "ICO format"), (11, "Vector format (SVG)"), (12, "String (RESX)")),
        ),
        integer("languagecode", "Language"),
    ),
)
PUBLISHER = Table(
    name="publisher",
    set_name="publishers",
    schema_name="Publisher",
    privilege="Publisher",
    label="Publisher",
    plural_label="Publishers",
    object_type_code=7101,
    primary_name="friendlyname",
    columns=(
        *system_columns("publisherid", "Publisher"),
        indexed(text("uniquename", "Name", 256, required="SystemRequired")),
        text("friendlyname", "Display Name", 256, required="SystemRequired"),
        text("customizationprefix", "Prefix", 8),
        integer("customizationoptionvalueprefix", "Option Value Prefix", minimum=10_000, maximum=99_999),
        memo("description", "Description", 2_000),
    ),
)
COMPONENT_TABLE, COMPONENT_ATTRIBUTE, COMPONENT_RELATIONSHIP, COMPONENT_KEY = 1, 2, 10, 14
COMPONENT_ROLE, COMPONENT_WEB_RESOURCE = 20, 61
SOLUTION = Table(
    name="solution",
    set_name="solutions",
    schema_name="Solution",
    privilege="Solution",
    label="Solution",
    plural_label="Solutions",
    object_type_code=7100,
    primary_name="friendlyname",
    columns=(
        *system_columns("solutionid", "Solution"),
        indexed(text("uniquename", "Name", 65, required="SystemRequired")),
        text("friendlyname", "Display Name", 256, required="SystemRequired"),
        text("version", "Version", 256),
        memo("description", "Description", 2_000),
        yes_no("ismanaged", "Package Type", "Unmanaged", "Managed"),
        yes_no("isvisible", "Is Visible Outside Platform", "No", "Yes"),
        lookup("publisherid", "Publisher", "publisher", publisher="publisher_solution"),
    ),
)
SOLUTION_COMPONENT = Table(
    name="solutioncomponent",
    set_name="solutioncomponents",
    schema_name="SolutionComponent",
    label="Solution Component",
    plural_label="Solution Components",
    object_type_code=7103,
    primary_name="solutioncomponentid",
    columns=(
        *system_columns("solutioncomponentid", "Solution Component"),
        coded(
            "componenttype",
            "Object Type Code",
            *((COMPONENT_TABLE, "Entity"), (COMPONENT_ATTRIBUTE, "Attribute")),
            *((COMPONENT_RELATIONSHIP, "Entity Relationship"), (COMPONENT_KEY, "Entity Key")),
            *((COMPONENT_ROLE, "Role"), (COMPONENT_WEB_RESOURCE, "Web Resource")),
        ),
        Column("objectid", Kind.GUID, "Regarding", indexed=True),
        coded(
            "rootcomponentbehavior",
            "Include Behavior",
            *((0, "Include Subcomponents"), (1, "Do not include subcomponents"), (2, "Include As Shell Only")),
        ),
        lookup("solutionid", "Solution", "solution", on_delete="cascade", solution="solution_solutioncomponent"),
    ),
    change_tracking=False,
    writable=False,
)
