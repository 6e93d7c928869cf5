"""Requests with the null character, which PostgreSQL cannot store and no keyboard types."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, QueryDict
from django.http.response import HttpResponseBase

from syncapp.web.base.bad_requests import invalid_character

NULL = "\x00"


class RefuseNullCharacters:
    """Middleware that answers 400 to requests with the null character, whichever database is used."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if _has_null(request.GET) or NULL in request.path_info or _has_null(request.POST):
            return invalid_character(request)
        return self.get_response(request)


def _has_null(params: QueryDict) -> bool:
    return any(NULL in text for name, texts in params.lists() for text in (name, *texts))
