"""The published schema names of Microsoft's columns, such as `FirstName` and `EMailAddress1` (SDK model classes).

A logical name is the schema name in lower case, so the lists below only add the capitals.
"""

from __future__ import annotations

_OF_ALL_TABLES = """
    CreatedBy CreatedOn CreatedOnBehalfBy ModifiedBy ModifiedOn ModifiedOnBehalfBy OwnerId OwningBusinessUnit
    OwningTeam OwningUser StateCode StatusCode VersionNumber ExchangeRate TransactionCurrencyId Description Name
"""
_OF_CONTACTS = """
    ContactId AccountId AccountRoleCode AnnualIncome AnnualIncome_Base Anniversary AssistantName AssistantPhone
    BirthDate Business2 Callback ChildrensNames Company CreditLimit CreditLimit_Base CreditOnHold CustomerTypeCode
    Department DoNotBulkEMail DoNotEMail DoNotFax DoNotPhone DoNotPostalMail EMailAddress1 EMailAddress2
    EMailAddress3 EmployeeId ExternalUserIdentifier FamilyStatusCode Fax FirstName FollowEmail FullName GenderCode
    GovernmentId Home2 JobTitle LastName LastOnHoldTime LeadSourceCode ManagerName ManagerPhone MarketingOnly
    MasterId Merged MiddleName MobilePhone NickName NumberOfChildren Pager ParentContactId ParentCustomerId
    PaymentTermsCode PreferredContactMethodCode PreferredSystemUserId Salutation SpousesName Suffix Telephone1
    Telephone2 Telephone3 WebSiteUrl
"""
_OF_ADDRESSES = """
    AddressTypeCode City Composite Country County Fax Latitude Line1 Line2 Line3 Longitude Name PostalCode
    PostOfficeBox StateOrProvince Telephone1 Telephone2 Telephone3 UTCOffset
"""
_OF_ACCOUNTS = """
    AccountCategoryCode AccountNumber IndustryCode NumberOfEmployees ParentAccountId PrimaryContactId Revenue
    Revenue_Base
"""
_OF_USERS = """
    SystemUserId AccessMode ApplicationId AzureActiveDirectoryObjectId BusinessUnitId DefaultMailbox DomainName
    InternalEMailAddress IsDisabled IsLicensed ParentSystemUserId
"""
_PUBLISHED = {
    name.lower(): name
    for name in (
        *f"{_OF_ALL_TABLES} {_OF_CONTACTS} {_OF_ACCOUNTS} {_OF_USERS}".split(),
        *(f"Address{number}_{name}" for number in (1, 2, 3) for name in _OF_ADDRESSES.split()),
    )
}
# The tables whose capitals are known.
_KNOWN = frozenset({"contact", "account", "systemuser"})


def published(table: str, column: str) -> str:
    """Return a built-in column's schema name; the logical name if the capitals are not known."""
    return _PUBLISHED.get(column, column) if table in _KNOWN else column
