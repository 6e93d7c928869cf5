"""Error pages for requests that are too large, malformed, or have too many fields."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from syncapp.text.localization import number
from syncapp.web.base.failures import is_session_lost_to_outage, server_error


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request that Django refused to parse, and name the cause."""
    if is_session_lost_to_outage(exception):
        return server_error(request)
    if isinstance(exception, RequestDataTooBig):
        return _refusal(request, 413, f"is larger than {settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 1_000_000} MB")
    if isinstance(exception, TooManyFieldsSent | TooManyFilesSent):
        limit = number(settings.DATA_UPLOAD_MAX_NUMBER_FIELDS)
        return _refusal(request, 413, f"has more than {limit} fields or selected rows")
    return _refusal(request, 400, "could not be understood")


def invalid_character(request: HttpRequest) -> HttpResponse:
    """Answer a request with a character that the database cannot store."""
    return _refusal(request, 400, "contains an invalid character")


def _refusal(request: HttpRequest, status: int, cause: str) -> HttpResponse:
    return render(request, "400.html", {"cause": cause, "is_too_much": status == 413}, status=status)
