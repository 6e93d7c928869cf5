"""The definitions of columns and tables, and short builders for the lists in this package."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property


class Kind(StrEnum):
    """A column's type, under the sandbox's own name; the names in the Web API are in `metadata`."""

    KEY = "key"
    GUID = "guid"
    TEXT = "text"
    MEMO = "memo"
    CHOICE = "choice"
    CHOICES = "choices"
    YES_NO = "yes_no"
    INTEGER = "integer"
    VERSION = "version"
    DECIMAL = "decimal"
    DOUBLE = "double"
    MONEY = "money"
    DATE = "date"
    DATE_TIME = "date_time"
    LOOKUP = "lookup"
    STATE = "state"
    STATUS = "status"


NUMBERS = frozenset({Kind.INTEGER, Kind.DECIMAL, Kind.DOUBLE, Kind.MONEY, Kind.VERSION})
CHOICE_LIKE = frozenset({Kind.CHOICE, Kind.STATE, Kind.STATUS})


@dataclass(frozen=True)
class Option:
    """One entry of a choice; `state` is the statecode of a status."""

    value: int
    label: str
    state: int | None = None


@dataclass(frozen=True)
class GlobalChoice:
    """Options that several columns may share, kept in one place."""

    name: str
    label: str
    options: tuple[Option, ...]
    description: str = ""


@dataclass(frozen=True, eq=False)
class Column:
    """One column; `tracked` means that the plug-in stages an edit of it, `ledgered` that the ledger shows it,
    `audited` that changes are audited if its table is.

    `navigation_name` is one name for all targets, as an owner has; `collections` names the collections of the targets.
    `global_choice` names the global choice with the options.
    `behavior` and `date_format` belong to the kind DATE_TIME; a column of the kind DATE has DateOnly for both.
    `is_half` marks a column of an intersect table: a plain identifier under its own name, without navigation property.
    `is_mirror` marks a lookup that repeats another one's value: it has no relationship and no navigation property.
    """

    name: str
    kind: Kind
    label: str
    max_length: int | None = None
    options: tuple[Option, ...] = ()
    targets: tuple[str, ...] = ()
    minimum: float = -100_000_000_000
    maximum: float = 100_000_000_000
    precision: int = 2
    default: object = None
    creatable: bool = True
    updatable: bool = True
    tracked: bool = False
    ledgered: bool = True
    audited: bool = True
    required: str = "None"
    on_delete: str = "clear"
    text_format: str = "Text"
    readable: bool = True
    indexed: bool = False
    schema_name: str = ""
    navigation_name: str = ""
    navigation_suffix: str = ""
    is_half: bool = False
    is_mirror: bool = False
    global_choice: str = ""
    behavior: str = "UserLocal"
    date_format: str = "DateAndTime"
    collections: Mapping[str, str] = field(default_factory=dict)

    @property
    def wire_name(self) -> str:
        """Return the property under which the Web API reads the column."""
        return f"_{self.name}_value" if self.kind is Kind.LOOKUP and not self.is_half else self.name

    @property
    def is_polymorphic(self) -> bool:
        return len(self.targets) > 1

    @property
    def type_column(self) -> str:
        """Return the stored column with the target's table, which only lookups with several targets have."""
        return f"{self.name}_type"

    def navigation(self, target: str) -> str:
        """Return the single-valued navigation property to a table, as used by `@odata.bind`."""
        if self.navigation_name or not self.is_polymorphic:
            return self.navigation_name or self.name
        return f"{self.name}_{target}{self.navigation_suffix}"

    def label_of(self, value: int) -> str:
        return next((option.label for option in self.options if option.value == value), str(value))


Computed = Callable[[Mapping[str, object]], dict[str, object]]


def nothing_computed(_row: Mapping[str, object]) -> dict[str, object]:
    return {}


@dataclass(frozen=True)
class AlternateKey:
    """Columns that identify a row together, once the index is active (a Unix time, see `key_indexes`)."""

    columns: tuple[str, ...]
    schema_name: str = ""
    label: str = ""
    active_from: float = 0.0

    @property
    def name(self) -> str:
        return (self.schema_name or "_".join(self.columns)).lower()


@dataclass(frozen=True)
class Link:
    """The parts of an intersect table: the collection on both sides and the two lookups."""

    collection: str
    columns: tuple[str, str]


@dataclass(frozen=True, eq=False)
class Table:
    """One table; `computed` returns the columns that the CRM derives from others on each write.

    `privilege` is the stem of its privileges, such as "User" in prvReadUser; '' means that anyone may read it and
    only an administrator may write it. If `is_part`, rows are written with requests for another row.
    """

    name: str
    set_name: str
    label: str
    plural_label: str
    object_type_code: int
    primary_name: str
    columns: tuple[Column, ...]
    alternate_keys: tuple[AlternateKey, ...] = ()
    change_tracking: bool = True
    audited: bool = False
    writable: bool = True
    is_part: bool = False
    privilege: str = ""
    schema_name: str = ""
    is_activity: bool = False
    is_custom: bool = False
    link: Link | None = None
    indexes: tuple[str, ...] = ()
    computed: Computed = field(default=nothing_computed)

    @cached_property
    def by_name(self) -> dict[str, Column]:
        return {column.name: column for column in self.columns}

    @cached_property
    def readable(self) -> tuple[Column, ...]:
        """Return the columns that a read without `$select` returns."""
        return tuple(column for column in self.columns if column.readable)

    @cached_property
    def by_wire_name(self) -> dict[str, Column]:
        return {column.wire_name: column for column in self.columns}

    @cached_property
    def navigations(self) -> dict[str, tuple[Column, tuple[str, ...]]]:
        """Map each navigation property to its column and possible target tables."""
        found: dict[str, tuple[Column, tuple[str, ...]]] = {}
        for column in self.columns:
            for target in () if column.is_half or column.is_mirror else column.targets:
                name = column.navigation(target)
                found[name] = (column, (*found.get(name, (column, ()))[1], target))
        return found

    @property
    def schema(self) -> str:
        """Return the SchemaName."""
        return self.schema_name or self.name

    @cached_property
    def stored(self) -> tuple[str, ...]:
        """Return the columns of the SQLite table; a lookup with several targets needs two."""
        names: list[str] = []
        for column in self.columns:
            names.append(column.name)
            if column.is_polymorphic:
                names.append(column.type_column)
        return tuple(names)

    @cached_property
    def key(self) -> Column:
        return next(column for column in self.columns if column.kind is Kind.KEY)


def text(name: str, label: str, length: int, *, text_format: str = "Text", required: str = "None") -> Column:
    return Column(name, Kind.TEXT, label, max_length=length, text_format=text_format, required=required)


def memo(name: str, label: str, length: int = 1_048_576) -> Column:
    return Column(name, Kind.MEMO, label, max_length=length, text_format="TextArea")


def choice(name: str, label: str, *labels: str, first: int = 1, default: int | None = None) -> Column:
    options = tuple(Option(first + index, word) for index, word in enumerate(labels))
    return Column(name, Kind.CHOICE, label, options=options, default=default)


def yes_no(name: str, label: str, no: str, yes: str) -> Column:
    return Column(name, Kind.YES_NO, label, options=(Option(0, no), Option(1, yes)), default=0)


def lookup(name: str, label: str, *targets: str, on_delete: str = "clear", **collections: str) -> Column:
    """Return a lookup; `collections` maps a target table to its collection-valued navigation property."""
    return Column(name, Kind.LOOKUP, label, targets=targets, on_delete=on_delete, collections=collections)


def owner() -> Column:
    """Return an owner column, which refers to a user or a team; both are bound as `ownerid`."""
    column = lookup("ownerid", "Owner", "systemuser", "team")
    return replace(column, navigation_name="ownerid", indexed=True)


def owning(**collections: str) -> tuple[Column, ...]:
    """Return the owner's columns; `collections` names the navigation properties from user and team."""
    user = lookup("owninguser", "Owning User", "systemuser")
    team = lookup("owningteam", "Owning Team", "team")
    return (
        owner(),
        derived(replace(user, collections=collections)),
        derived(replace(team, collections=collections)),
        derived(lookup("owningbusinessunit", "Owning Business Unit", "businessunit")),
    )


def owning_of(row: Mapping[str, object]) -> dict[str, object]:
    """Return `owninguser` or `owningteam`; see `rows` for the business unit."""
    is_team = row["ownerid_type"] == "team"
    return {"owninguser": None if is_team else row["ownerid"], "owningteam": row["ownerid"] if is_team else None}


def money(name: str, label: str) -> Column:
    return Column(name, Kind.MONEY, label, minimum=0, maximum=922_337_203_685_477)


def in_base_currency(*columns: Column) -> tuple[Column, ...]:
    """Return the columns for amounts in the base currency, and for the exchange rate."""
    rate = Column("exchangerate", Kind.DECIMAL, "Exchange Rate", minimum=0, precision=10)
    bases = (derived(money(f"{column.name}_base", f"{column.label} (Base)")) for column in columns)
    return (*bases, derived(rate))


def amounts_of(row: Mapping[str, object], currency: str, *names: str) -> dict[str, object]:
    """Return the amounts in base currency, with the currency and rate; the sandbox has only the organization's."""
    has_any = any(row[name] is not None for name in names)
    found = row["transactioncurrencyid"] or (currency if has_any else None)
    bases = {f"{name}_base": row[name] for name in names}
    return {"transactioncurrencyid": found, "exchangerate": 1.0 if found else None, **bases}


def required(column: Column) -> Column:
    """Return the column as required."""
    return replace(column, required="SystemRequired")


def integer(name: str, label: str, *, minimum: int = -2_147_483_648, maximum: int = 2_147_483_647) -> Column:
    return Column(name, Kind.INTEGER, label, minimum=minimum, maximum=maximum)


def moment(name: str, label: str) -> Column:
    return Column(name, Kind.DATE_TIME, label)


def coded(name: str, label: str, *pairs: tuple[int, str], default: int | None = None) -> Column:
    """Return a choice whose values are given rather than counted."""
    options = tuple(Option(value, word) for value, word in pairs)
    return Column(name, Kind.CHOICE, label, options=options, default=default)


def indexed(column: Column) -> Column:
    """Return the column with an index."""
    return replace(column, indexed=True)


def tracked(*columns: Column) -> tuple[Column, ...]:
    return tuple(replace(column, tracked=True) for column in columns)


def derived(column: Column) -> Column:
    """Return a column that only the CRM itself fills."""
    return replace(column, creatable=False, updatable=False, ledgered=False, audited=False)


def state_columns(
    active: str, inactive: str, *, active_status: str = "", inactive_status: str = ""
) -> tuple[Column, ...]:
    states = (Option(0, active), Option(1, inactive))
    statuses = (Option(1, active_status or active, 0), Option(2, inactive_status or inactive, 1))
    return (
        Column("statecode", Kind.STATE, "Status", options=states, default=0, required="SystemRequired"),
        Column("statuscode", Kind.STATUS, "Status Reason", options=statuses, default=1),
    )


def system_columns(key: str, label: str) -> tuple[Column, ...]:
    """Return the columns that every table has: key, users, times, and the version behind the ETag."""
    stamps = (
        Column("createdon", Kind.DATE_TIME, "Created On"),
        lookup("createdby", "Created By", "systemuser"),
        Column("modifiedon", Kind.DATE_TIME, "Modified On"),
        lookup("modifiedby", "Modified By", "systemuser"),
        lookup("createdonbehalfby", "Created By (Delegate)", "systemuser"),
        lookup("modifiedonbehalfby", "Modified By (Delegate)", "systemuser"),
        Column("versionnumber", Kind.VERSION, "Version Number"),
    )
    identity = Column(key, Kind.KEY, label, updatable=False, ledgered=False, audited=False, required="SystemRequired")
    return (identity, *(derived(column) for column in stamps))
