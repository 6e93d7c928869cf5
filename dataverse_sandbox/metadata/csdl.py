"""`$metadata`: the tables in force as a CSDL document ("Web API service documents").

With `annotations=true`, or the preference for all annotations, properties have their label and say whether they can
be written ("Web API properties"). A scale is "Variable", as on that page, though the schema of CSDL wants lower case.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from xml.sax.saxutils import quoteattr

from dataverse_sandbox.catalog import Catalog, Column, Kind, ManyToMany, OneToMany, Table, current
from dataverse_sandbox.messages import Answer, Request
from dataverse_sandbox.metadata import csdl_operations

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


_READ_ONLY = (
    '<Annotation Term="Org.OData.Core.V1.Computed" Bool="true" />'
    '<Annotation Term="Org.OData.Core.V1.Permissions">'
    "<EnumMember>Org.OData.Core.V1.PermissionType/Read</EnumMember></Annotation>"
)


def answer(request: Request) -> Answer:
    wanted = request.options.get("annotations", "false").lower() == "true" or "*" in request.annotations
    text = document(current(), annotated=wanted)
    return Answer(200, text.encode(), {"Content-Type": "application/xml", "OData-Version": "4.0"})


@lru_cache(maxsize=4)
def document(catalog: Catalog, *, annotated: bool = False) -> str:
    types = "\n".join(_entity_type(catalog, table, annotated=annotated) for table in catalog.tables)
    sets = "\n".join(_entity_set(catalog, table) for table in catalog.tables)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>\n'
        f'<Schema Namespace="{NAMESPACE}" Alias="mscrm" xmlns="http://docs.oasis-open.org/odata/ns/edm">\n'
        '<EntityType Name="crmbaseentity" Abstract="true" />\n'
        '<EntityType Name="principal" BaseType="mscrm.crmbaseentity"><Key><PropertyRef Name="ownerid" /></Key>'
        '<Property Name="ownerid" Type="Edm.Guid" Nullable="false" /></EntityType>\n'
        f"{types}\n{csdl_operations.types_and_operations()}\n"
        f'<EntityContainer Name="System">\n{sets}\n{csdl_operations.imports(NAMESPACE)}\n'
        "</EntityContainer>\n</Schema></edmx:DataServices></edmx:Edmx>\n"
    )


def _entity_type(catalog: Catalog, table: Table, *, annotated: bool) -> str:
    lines = [
        f'<EntityType Name="{table.name}" BaseType="mscrm.crmbaseentity">',
        f'<Key><PropertyRef Name="{table.key.name}" /></Key>',
        *(_property(column, annotated=annotated) for column in table.columns if column.readable),
        *_single_valued(table),
        *_collections(catalog, table),
        "</EntityType>",
    ]
    return "\n".join(lines)


def _property(column: Column, *, annotated: bool) -> str:
    nullable = ' Nullable="false"' if column.kind is Kind.KEY else ""
    unicode = ' Unicode="false"' if column.kind in (Kind.TEXT, Kind.MEMO) else ""
    scale = ' Scale="Variable"' if _EDM[column.kind] == "Decimal" else ""
    head = f'<Property Name={quoteattr(column.wire_name)} Type="Edm.{_EDM[column.kind]}"{nullable}{unicode}{scale}'
    return f"{head}>{_annotations(column)}</Property>" if annotated else f"{head} />"


def _annotations(column: Column) -> str:
    described = f'<Annotation Term="Org.OData.Core.V1.Description" String={quoteattr(column.label)} />'
    is_written = (column.creatable or column.updatable) and column.kind is not Kind.LOOKUP
    return described if is_written else described + _READ_ONLY


def _single_valued(table: Table) -> Iterator[str]:
    for name, (column, targets) in table.navigations.items():
        kind = targets[0] if len(targets) == 1 else "principal"
        partner = _partner(table, column, targets) if len(targets) == 1 else ""
        yield (
            f'<NavigationProperty Name={quoteattr(name)} Type="mscrm.{kind}"{partner}>'
            f'<ReferentialConstraint Property="{column.wire_name}" ReferencedProperty="{_key(kind)}" />'
            "</NavigationProperty>"
        )


def _partner(table: Table, column: Column, targets: tuple[str, ...]) -> str:
    """Return the Partner attribute, which names the collection on the other side."""
    found = current().collections(current().by_name[targets[0]]).items()
    names = [
        name
        for name, one in found
        if isinstance(one, OneToMany) and one.referencing.name == table.name and one.column.name == column.name
    ]
    return f" Partner={quoteattr(names[0])}" if names else ""


def _key(kind: str) -> str:
    return "ownerid" if kind == "principal" else current().by_name[kind].key.name


def _collections(catalog: Catalog, table: Table) -> Iterator[str]:
    for name, found in catalog.collections(table).items():
        other = found.other if isinstance(found, ManyToMany) else found.referencing
        kind = f"Collection(mscrm.{other.name})"
        back = found.name if isinstance(found, ManyToMany) else _own_property(found)
        partner = f" Partner={quoteattr(back)}" if back else ""
        yield f'<NavigationProperty Name={quoteattr(name)} Type="{kind}"{partner} />'


def _own_property(found: OneToMany) -> str:
    """Return the lookup's own property, unless it can refer to any kind of owner."""
    name = found.column.navigation(found.referenced.name)
    _, targets = found.referencing.navigations.get(name, (found.column, ()))
    return name if len(targets) == 1 else ""


def _entity_set(catalog: Catalog, table: Table) -> str:
    lines = [f'<EntitySet Name="{table.set_name}" EntityType="{NAMESPACE}.{table.name}">']
    for name, (_column, targets) in table.navigations.items():
        if len(targets) == 1:
            target = catalog.by_name[targets[0]].set_name
            lines.append(f'<NavigationPropertyBinding Path={quoteattr(name)} Target="{target}" />')
    return "\n".join([*lines, "</EntitySet>"])
