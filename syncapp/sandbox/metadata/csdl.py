"""`$metadata`: the tables in force as a CSDL document ("Web API service documents")."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from xml.sax.saxutils import quoteattr

from syncapp.sandbox.catalogue import Catalogue, Column, Kind, ManyToMany, Table, current
from syncapp.sandbox.messages import Answer

NAMESPACE = "Microsoft.Dynamics.CRM"
_EDM: dict[Kind, str] = {
    **dict.fromkeys((Kind.KEY, Kind.GUID, Kind.LOOKUP), "Guid"),
    **dict.fromkeys((Kind.TEXT, Kind.MEMO, Kind.CHOICES), "String"),
    **dict.fromkeys((Kind.CHOICE, Kind.STATE, Kind.STATUS, Kind.INTEGER), "Int32"),
    **dict.fromkeys((Kind.DECIMAL, Kind.MONEY), "Decimal"),
    Kind.YES_NO: "Boolean",
    Kind.VERSION: "Int64",
    Kind.DOUBLE: "Double",
    Kind.DATE: "Date",
    Kind.DATE_TIME: "DateTimeOffset",
}
_OPERATIONS = """
<Action Name="CreateMultiple" IsBound="true"><Parameter Name="entityset" Type="Collection(mscrm.crmbaseentity)" />
<Parameter Name="Targets" Type="Collection(mscrm.crmbaseentity)" /></Action>
<Action Name="UpdateMultiple" IsBound="true"><Parameter Name="entityset" Type="Collection(mscrm.crmbaseentity)" />
<Parameter Name="Targets" Type="Collection(mscrm.crmbaseentity)" /></Action>
<Action Name="UpsertMultiple" IsBound="true"><Parameter Name="entityset" Type="Collection(mscrm.crmbaseentity)" />
<Parameter Name="Targets" Type="Collection(mscrm.crmbaseentity)" /></Action>
<Action Name="InstantiateFilters" IsBound="true"><Parameter Name="entity" Type="mscrm.systemuser" />
<Parameter Name="TemplateCollection" Type="Collection(mscrm.savedquery)" /></Action>
<Action Name="ResetUserFilters"><Parameter Name="QueryType" Type="Edm.Int32" /></Action>
<Action Name="PublishXml"><Parameter Name="ParameterXml" Type="Edm.String" /></Action>
<Action Name="PublishAllXml" />
<Function Name="WhoAmI"><ReturnType Type="mscrm.WhoAmIResponse" /></Function>
<ComplexType Name="WhoAmIResponse"><Property Name="BusinessUnitId" Type="Edm.Guid" />
<Property Name="UserId" Type="Edm.Guid" /><Property Name="OrganizationId" Type="Edm.Guid" /></ComplexType>
"""


def answer() -> Answer:
    text = document(current())
    return Answer(200, text.encode(), {"Content-Type": "application/xml", "OData-Version": "4.0"})


@lru_cache(maxsize=4)
def document(catalogue: Catalogue) -> str:
    types = "\n".join(_entity_type(catalogue, table) for table in catalogue.tables)
    sets = "\n".join(_entity_set(catalogue, table) for table in catalogue.tables)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>\n'
        f'<Schema Namespace="{NAMESPACE}" Alias="mscrm" xmlns="http://docs.oasis-open.org/odata/ns/edm">\n'
        '<EntityType Name="crmbaseentity" Abstract="true" />\n'
        '<EntityType Name="principal" BaseType="mscrm.crmbaseentity"><Key><PropertyRef Name="ownerid" /></Key>'
        '<Property Name="ownerid" Type="Edm.Guid" Nullable="false" /></EntityType>\n'
        f"{types}\n{_OPERATIONS.strip()}\n"
        f'<EntityContainer Name="System">\n{sets}\n<FunctionImport Name="WhoAmI" Function="{NAMESPACE}.WhoAmI" />\n'
        "</EntityContainer>\n</Schema></edmx:DataServices></edmx:Edmx>\n"
    )


def _entity_type(catalogue: Catalogue, table: Table) -> str:
    lines = [
        f'<EntityType Name="{table.name}" BaseType="mscrm.crmbaseentity">',
        f'<Key><PropertyRef Name="{table.key.name}" /></Key>',
        *(_property(column) for column in table.columns if column.readable),
        *_single_valued(table),
        *_collections(catalogue, table),
        "</EntityType>",
    ]
    return "\n".join(lines)


def _property(column: Column) -> str:
    nullable = ' Nullable="false"' if column.kind is Kind.KEY else ""
    unicode = ' Unicode="false"' if column.kind in (Kind.TEXT, Kind.MEMO) else ""
    return f'<Property Name={quoteattr(column.wire_name)} Type="Edm.{_EDM[column.kind]}"{nullable}{unicode} />'


def _single_valued(table: Table) -> Iterator[str]:
    for name, (column, targets) in table.navigations.items():
        kind = targets[0] if len(targets) == 1 else "principal"
        constraint = f'<ReferentialConstraint Property="{column.wire_name}" ReferencedProperty="{_key(kind)}" />'
        yield f'<NavigationProperty Name={quoteattr(name)} Type="mscrm.{kind}">{constraint}</NavigationProperty>'


def _key(kind: str) -> str:
    return "ownerid" if kind == "principal" else current().by_name[kind].key.name


def _collections(catalogue: Catalogue, table: Table) -> Iterator[str]:
    for name, found in catalogue.collections(table).items():
        other = found.other if isinstance(found, ManyToMany) else found.referencing
        kind = f"Collection(mscrm.{other.name})"
        yield f'<NavigationProperty Name={quoteattr(name)} Type="{kind}" />'


def _entity_set(catalogue: Catalogue, table: Table) -> str:
    lines = [f'<EntitySet Name="{table.set_name}" EntityType="{NAMESPACE}.{table.name}">']
    for name, (_column, targets) in table.navigations.items():
        if len(targets) == 1:
            target = catalogue.by_name[targets[0]].set_name
            lines.append(f'<NavigationPropertyBinding Path={quoteattr(name)} Target="{target}" />')
    return "\n".join([*lines, "</EntitySet>"])
