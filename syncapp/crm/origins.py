"""Checks that the bearer token is sent only to the CRM's origin and API path.

A link inside an answer is untrusted input. It is parsed by one strict regular expression instead of a URL library,
because two libraries may read a hostile link differently.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from syncapp.crm.errors import ProtocolError

_URL = re.compile(r"(https?)://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?(/[!-~]*)?", re.IGNORECASE)
_DEFAULT_PORTS = {"https": 443, "http": 80}
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_MAX_LINK_LENGTH = 65_536


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port of a service, in lower case."""

    scheme: str
    host: str
    port: int

    @classmethod
    def parse(cls, url: str) -> Origin:
        """Return the origin of `url`. Raises ValueError unless it is https, or http on this machine."""
        origin, _ = _parse_url(url)
        if origin.scheme != "https" and not origin.is_loopback:
            raise ValueError(f"{origin} is neither https nor on this machine.")
        return origin

    @property
    def is_loopback(self) -> bool:
        """Return whether the host is this machine."""
        return self.host in _LOOPBACK

    def __str__(self) -> str:
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}"


def _parse_url(url: str) -> tuple[Origin, str]:
    match = _URL.fullmatch(url)
    if match is None or len(url) > _MAX_LINK_LENGTH:
        raise ValueError("Not an absolute http address.")
    scheme = match[1].lower()
    port = int(match[3]) if match[3] else _DEFAULT_PORTS[scheme]
    return Origin(scheme, match[2].lower(), port), match[4] or ""


def trusted_link(link: str, *, origin: Origin, api_path: str) -> str:
    """Return `link`, rebuilt from `origin`. Raises ProtocolError if it leads elsewhere.

    Scheme, host and port must be those of `origin`, and the path must be below `api_path`, in any encoding.
    """
    try:
        found, rest = _parse_url(link)
    except ValueError as error:
        raise ProtocolError("The CRM sent an invalid link.", code="link") from error
    path = rest.partition("?")[0]
    segments = unquote(unquote(path)).replace("\\", "/").split("/")
    if found != origin or not path.startswith(api_path) or {".", ".."} & set(segments) or "#" in rest:
        raise ProtocolError("The CRM sent a link to another address.", code="link")
    return f"{origin}{rest}"
