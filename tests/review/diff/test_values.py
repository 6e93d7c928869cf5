"""Display of values whose definition the CRM has changed since they were staged."""

from __future__ import annotations

import pytest

from syncapp.crm.staging.records import Column, ColumnType
from syncapp.review.diff import values

INTERESTS = Column(
    "contact",
    "osync_interests",
    "Interests",
    ColumnType.CHOICES,
    options=((1, "Trade fairs"), (3, "Road freight")),
)
METHOD = Column("contact", "preferredcontactmethodcode", "Contact by", ColumnType.CHOICE, options=((1, "Any"),))
CALLS = Column("contact", "donotphone", "Calls", ColumnType.YES_NO)


@pytest.mark.parametrize(
    ("column", "value", "label", "words"),
    [
        (INTERESTS, "1,2", "Trade fairs; Newsletter", "Trade fairs; Newsletter"),
        (INTERESTS, "2,3", "Newsletter; Road freight", "Newsletter; Road freight"),
        (INTERESTS, "2,3,4", "Newsletter; Road freight; Cold chain", "Newsletter; Road freight; Cold chain"),
        (INTERESTS, "1,2", "Fairs; Newsletter", "Trade fairs; Newsletter"),
        (INTERESTS, "1,2", "", "Trade fairs; 2"),
        (INTERESTS, "1,2,4", "Fairs", "Trade fairs; 2; 4"),
        (METHOD, "2", "Email", "Email"),
        (METHOD, "2", "", "2"),
        (METHOD, "1", "Old word", "Any"),
        (CALLS, "true", "Do Not Allow", "Do Not Allow"),
        (CALLS, "true", "", "Yes"),
    ],
)
def test_deleted_options_keep_staged_label(column, value, label, words):
    assert values.format_value(column, value, label) == words
