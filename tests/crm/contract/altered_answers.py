"""A CRM whose answers differ from its rows."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse


class AlteredAnswers(requests.Session):
    """A session in whose answers one text is replaced by another of the same length."""

    def __init__(self, old: object, new: object) -> None:
        super().__init__()
        self.trust_env = False
        self._old, self._new = str(old).encode(), str(new).encode()
        assert len(self._old) == len(self._new), "the parts of a batch have a length"
        self.altered = 0

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Return the answer with the text replaced."""
        answer = super().send(request, **options)
        body = answer.content
        self.altered += body.count(self._old)
        altered = BytesIO(body.replace(self._old, self._new))
        raw = HTTPResponse(altered, answer.headers, answer.status_code, preload_content=False, decode_content=False)
        return HTTPAdapter().build_response(request, raw)  # type: ignore[arg-type]  # the answer of a pool
