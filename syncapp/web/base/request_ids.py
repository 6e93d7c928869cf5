"""An id for each request, in its log lines and in its response."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable

from django.core.signals import request_finished
from django.dispatch import receiver
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from syncapp import log_context

HEADER = "X-Request-ID"
_ACCEPTED = re.compile(r"[A-Za-z0-9-]{8,64}", re.ASCII)


class RequestIds:
    """Middleware that takes the proxy's id for a request, or creates one, and returns it as `X-Request-ID`.

    An id with other characters or another length is replaced, because it goes into the log.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        sent = request.headers.get(HEADER, "")
        request_id = sent if _ACCEPTED.fullmatch(sent) else uuid.uuid4().hex
        # The id stays until the request is finished, because Django logs refused requests after the last middleware.
        log_context.replace(request=request_id)
        response = self.get_response(request)
        response.headers[HEADER] = request_id
        return response


@receiver(request_finished)
def _end_log_context(**_: object) -> None:
    log_context.replace()
