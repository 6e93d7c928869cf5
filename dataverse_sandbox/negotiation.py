"""Content negotiation ("Compose HTTP requests and handle errors").

The Web API speaks JSON only, and every request with a body declares it. The refusal of other formats is not documented;
the maintainers of a client report 415.
"""

from __future__ import annotations

from dataverse_sandbox import errors
from dataverse_sandbox.errors import ApiError
from dataverse_sandbox.messages import Request

_JSON = "application/json"
_READ_AS = (_JSON, "*/*", "application/*", "text/plain", "multipart/mixed")
_XML_TOO = "$metadata"


def check(request: Request) -> None:
    """Raise ApiError 415 for a form other than JSON, 501 for an unknown level of metadata."""
    if request.path != _XML_TOO:
        _check_accept(request.headers.get("accept", "*/*").lower().replace(" ", ""))
    if request.body and request.path != "$batch":
        _check_content_type(request.headers.get("content-type", ""))


def _check_accept(accepted: str) -> None:
    if not any(form in accepted for form in _READ_AS):
        text = "A supported MIME type could not be found that matches the acceptable MIME types for the request."
        raise ApiError(415, errors.BAD_QUERY, text)
    for level in ("full", "none"):
        if f"odata.metadata={level}" in accepted:
            raise errors.unknown(f"answers with odata.metadata={level}")


def _check_content_type(given: str) -> None:
    if not given.lower().startswith(_JSON):
        named = f"The request entity's media type '{given[:80]}'" if given else "A request without a Content-Type"
        raise ApiError(415, "", f"{named} is not supported for this resource.")
