"""XML from the CRM: only elements and text."""

from __future__ import annotations

import pytest

from syncapp.crm import xml
from syncapp.crm.errors import ProtocolError

LAUGHS = """<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><a>&c;</a>"""


def test_xml_round_trips():
    text = '<fetch count="5"><entity name="task"><condition value="A &amp; &lt;B&gt; ü"/></entity></fetch>'

    again = xml.write(xml.parse(text))

    assert xml.parse(again).find("entity/condition").get("value") == "A & <B> ü"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "text",
        "<a>",
        "<a/><b/>",
        "<a>&unknown;</a>",
        LAUGHS,
        "<!DOCTYPE a><a/>",
        '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        "<!doctype a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>",
        "<a>" * 51 + "</a>" * 51,
        "<a>" + "b" * 1_000_000 + "</a>",
        "<a>\ud800</a>",
        "<a>\x00</a>",
    ],
)
def test_invalid_xml_is_refused(text):
    with pytest.raises(ProtocolError):
        xml.parse(text)
