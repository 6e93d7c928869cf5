"""The bearer token is sent to one origin and path only."""

from __future__ import annotations

import pytest

from syncapp.crm.errors import ProtocolError
from syncapp.crm.origins import Origin, trusted_link

ORIGIN = Origin.parse("https://contoso.crm4.dynamics.com")
API = "/api/data/v9.2/"


def _trusted_link(link):
    return trusted_link(link, origin=ORIGIN, api_path=API)


@pytest.mark.parametrize(
    "link",
    [
        "https://contoso.crm4.dynamics.com/api/data/v9.2/contacts?$skiptoken=%253Ccookie%2520pagenumber",
        "https://contoso.crm4.dynamics.com/api/data/v9.2/contacts?$deltatoken=919042%2108%2f22%2f2017",
        "https://contoso.crm4.dynamics.com/api/data/v9.2/contacts?next=https://evil.example/../..",
    ],
)
def test_own_links_are_unchanged(link):
    assert _trusted_link(link) == link


def test_case_and_default_port_are_ignored():
    assert _trusted_link("HTTPS://Contoso.CRM4.dynamics.com:443/api/data/v9.2/x") == f"{ORIGIN}/api/data/v9.2/x"


@pytest.mark.parametrize(
    "link",
    [
        "",
        "contacts?$skiptoken=1",
        "/api/data/v9.2/contacts",
        "//evil.example/api/data/v9.2/contacts",
        "http://contoso.crm4.dynamics.com/api/data/v9.2/contacts",
        "https://contoso.crm4.dynamics.com:444/api/data/v9.2/contacts",
        "https://evil.example/api/data/v9.2/contacts",
        "https://contoso.crm4.dynamics.com.evil.example/api/data/v9.2/contacts",
        "https://contoso.crm4.dynamics.com@evil.example/api/data/v9.2/contacts",
        "https://evil.example@contoso.crm4.dynamics.com/api/data/v9.2/contacts",
        "https://contoso.crm4.dynamics.com\\@evil.example/api/data/v9.2/contacts",
        "https:\\\\contoso.crm4.dynamics.com\\api\\data\\v9.2\\contacts",
        "https://contoso.crm4.dynamics.com/api/data/v9.1/contacts",
        "https://contoso.crm4.dynamics.com/api/data/v9.2",
        "https://contoso.crm4.dynamics.com/api/data/v9.2/../../../oauth",
        "https://contoso.crm4.dynamics.com/api/data/v9.2/%2e%2e/%2E%2e/oauth",
        "https://contoso.crm4.dynamics.com/api/data/v9.2/..%2foauth",
        "https://contoso.crm4.dynamics.com/api/data/v9.2/%252e%252e/oauth",
        "https://contoso.crm4.dynamics.com/api/data/v9.2/..\\oauth",
        "https://contoso.crm4.dynamics.com/api/data/v9.2/contacts#x",
        "https://contoso.crm4.dynamics.com/api/data/v9.2/contacts x",
        "https://contoso.crm4.dynamics.com/api/data/v9.2/contacts\r\nX: y",
        " https://contoso.crm4.dynamics.com/api/data/v9.2/contacts",
        "https://cont\u043eso.crm4.dynamics.com/api/data/v9.2/contacts",
        "https://contoso.crm4.dynamics.com/api/data/v9.2/" + "x" * 70_000,
        "javascript:alert(1)",
        "file:///etc/passwd",
    ],
)
def test_foreign_link_raises_protocol_error(link):
    with pytest.raises(ProtocolError):
        _trusted_link(link)


@pytest.mark.parametrize("url", ["http://contoso.example", "ftp://127.0.0.1", "contoso.example", "", "http://"])
def test_insecure_origin_is_refused(url):
    with pytest.raises(ValueError, match=r".+"):
        Origin.parse(url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8001", "http://localhost", "http://[::1]:1", "https://a.b"])
def test_secure_origins_are_accepted(url):
    assert str(Origin.parse(url + "/path")) == url
