"""Handling of one Web API request: the caller, the faults, then the answer."""

from __future__ import annotations

from dataclasses import replace

from dataverse_sandbox import access, batch, faults, messages, negotiation, webapi
from dataverse_sandbox.config import TENANT
from dataverse_sandbox.errors import ApiError
from dataverse_sandbox.faults import Faults, Injection, Probe
from dataverse_sandbox.identity.tokens import Tokens, refused
from dataverse_sandbox.messages import Answer, Request
from dataverse_sandbox.store import Store
from dataverse_sandbox.webapi import WebApi


class Dispatcher:
    def __init__(self, store: Store, tokens: Tokens, rules: Faults) -> None:
        self._store, self._tokens, self._faults = store, tokens, rules
        self._api = WebApi(store)

    def answer(self, request: Request) -> Answer:
        """Return the answer, errors included. Raises Cut if there must be no answer."""
        try:
            answer = self._answer(self._with_caller(request))
        except ApiError as error:
            answer = messages.error_answer(error, request)
        return messages.signed(_where_to_sign_in(answer, request) if answer.status == 401 else answer)

    def _with_caller(self, request: Request) -> Request:
        negotiation.check(request)
        if self._faults.credentials_refused:
            raise refused()
        caller = self._tokens.caller(request.headers.get("authorization", ""))
        return replace(request, identity=access.identify(self._store, caller, request.headers))

    def _answer(self, request: Request) -> Answer:
        if request.path == "$batch":
            return self._batch(request)
        injection = self._faults.enter([_probe(request)])
        with self._faults.protection.entered(_charged(request), 1) as entered:
            injection.wait_at(faults.BEFORE)
            answer = self._single(request, injection)
            injection.wait_at(faults.AFTER)
        return messages.with_headers(answer, entered.headers)

    def _single(self, request: Request, injection: Injection) -> Answer:
        try:
            _raise_first(injection)
            return self._api.single(request)
        except ApiError as error:
            return messages.error_answer(error, request)

    def _batch(self, request: Request) -> Answer:
        items = batch.parse(request)
        parts = list(batch.parts_of(items))
        injection = self._faults.enter([_probe(request), *(_probe(part.request) for part in parts)])
        with self._faults.protection.entered(_charged(request), len(parts)) as entered:
            injection.wait_at(faults.BEFORE)
            _raise_first(injection)
            for_parts = {position - 1: error for position, error in injection.errors.items()}
            answer = batch.answer(self._store, self._api, request, items, for_parts)
            injection.wait_at(faults.AFTER)
        return messages.with_headers(answer, entered.headers)


def _where_to_sign_in(answer: Answer, request: Request) -> Answer:
    """Add a 401's header with the authority and the resource, from which clients learn their tenant."""
    origin = request.base_url.partition("/api/data/")[0]
    found = f"Bearer authorization_uri={origin}/{TENANT}/oauth2/authorize, resource_id={origin}/"
    return messages.with_headers(answer, {"WWW-Authenticate": found})


def _charged(request: Request) -> str:
    """Return the user whose limits apply: the one of the token, even when impersonating."""
    return request.identity.delegate or request.identity.user


def _probe(request: Request) -> Probe:
    return Probe(request.method, webapi.table_name(request.path), request.path)


def _raise_first(injection: Injection) -> None:
    if 0 in injection.errors:
        raise injection.errors[0]
