"""One column of each type, as defined for the CRM's contact."""

from __future__ import annotations

from syncapp.crm.staging.records import Column, ColumnType

PHONE = Column("contact", "telephone1", "Business Phone", ColumnType.TEXT, max_length=50)
NOTES = Column("contact", "description", "Description", ColumnType.MEMO, max_length=2000)
METHOD = Column(
    "contact",
    "preferredcontactmethodcode",
    "Preferred Method",
    ColumnType.CHOICE,
    options=tuple(enumerate(["Any", "Email", "Phone"], start=1)),
)
INTERESTS = Column(
    "contact", "new_interests", "Interests", ColumnType.CHOICES, options=((1, "Golf"), (2, "Tea"), (10, "Art"))
)
NO_EMAIL = Column("contact", "donotemail", "Do not allow Emails", ColumnType.YES_NO)
CHILDREN = Column("contact", "numberofchildren", "Children", ColumnType.INTEGER)
SHARE = Column("contact", "new_share", "Share", ColumnType.DECIMAL)
LIMIT = Column("contact", "creditlimit", "Credit Limit", ColumnType.MONEY)
LATITUDE = Column("contact", "address1_latitude", "Latitude", ColumnType.FLOAT)
BIRTHDAY = Column("contact", "birthdate", "Birthday", ColumnType.DATE)
ON_HOLD = Column("contact", "lastonholdtime", "On Hold", ColumnType.DATE_TIME)
COMPANY = Column("contact", "parentcustomerid", "Company Name", ColumnType.LOOKUP, targets=("account", "contact"))
CURRENCY = Column("contact", "transactioncurrencyid", "Currency", ColumnType.LOOKUP, targets=("transactioncurrency",))
PICTURE = Column("contact", "entityimage", "Picture", ColumnType.OTHER)

WRITABLE = (
    PHONE,
    NOTES,
    METHOD,
    INTERESTS,
    NO_EMAIL,
    CHILDREN,
    SHARE,
    LIMIT,
    LATITUDE,
    BIRTHDAY,
    ON_HOLD,
    COMPANY,
    CURRENCY,
)
