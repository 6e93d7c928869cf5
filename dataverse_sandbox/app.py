"""The WSGI application: Web API, sign-in, control and pages behind one entry."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request as WebRequest
from werkzeug.wrappers import Response

from dataverse_sandbox import errors, messages, seed
from dataverse_sandbox.config import Config
from dataverse_sandbox.control import Control
from dataverse_sandbox.dispatch import Dispatcher
from dataverse_sandbox.errors import ApiError, Cut
from dataverse_sandbox.faults import Faults
from dataverse_sandbox.identity.sign_in import SignIn
from dataverse_sandbox.identity.tokens import Tokens
from dataverse_sandbox.mail.graph import Graph
from dataverse_sandbox.mail.mailbox import Mailbox
from dataverse_sandbox.messages import Answer
from dataverse_sandbox.pages.auditing import AuditingPage
from dataverse_sandbox.pages.faults import FaultsPage
from dataverse_sandbox.pages.ledger import LedgerPage
from dataverse_sandbox.pages.mail import MailPage
from dataverse_sandbox.pages.outlook import OutlookPage
from dataverse_sandbox.pages.overview import OverviewPage
from dataverse_sandbox.pages.people import PeoplePage
from dataverse_sandbox.pages.writers import WritersPage
from dataverse_sandbox.store import Store

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

WEB_API = "/api/data/"
View = Callable[..., Response]
_LOG = logging.getLogger(__name__)


class Application:
    """One sandbox. Handlers are methods of the parts; the routes are listed in `_routes`."""

    def __init__(self, config: Config) -> None:
        self.store = Store(config.data, synchronous=config.synchronous)
        if self.store.is_new:
            seed.reset(self.store, config.world)
        self.faults = Faults()
        self.tokens = Tokens(self.store)
        self._web_api = Dispatcher(self.store, self.tokens, self.faults)
        self.mailbox = Mailbox(self.store)
        control = Control(self.store, self.faults, self.tokens)
        graph = Graph(self.mailbox, self.faults, self.tokens)
        sign_in = SignIn(self.store, self.faults, self.tokens)
        pages = (
            *(OverviewPage(self.store, self.faults), OutlookPage(self.store), MailPage(self.mailbox)),
            *(PeoplePage(self.store), LedgerPage(self.store), AuditingPage(self.store)),
            WritersPage(self.store),
            FaultsPage(self.store, self.faults),
        )
        found = [*control.routes(), *sign_in.routes(), *graph.routes()]
        found += [route for page in pages for route in page.routes()]
        self._views: dict[str, View] = {f"{methods} {path}": view for path, methods, view in found}
        self._routes = Map(
            [
                Rule(path, methods=methods.split(), endpoint=f"{methods} {path}", strict_slashes=False)
                for path, methods, _view in found
            ]
        )

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        try:
            found = self._respond(environ)
        except Cut:
            environ["sandbox.cut"].set()
            found = Response(status=502)
        if isinstance(found, Response):
            return found(environ, start_response)
        # Written directly: at hundreds of requests per second, a response object would take half of the time.
        start_response(f"{found.status} {messages.phrase(found.status)}", list(found.headers.items()))
        return [found.body]

    def _respond(self, environ: dict[str, Any]) -> Answer | Response:
        try:
            if environ["PATH_INFO"].startswith(WEB_API):
                return self._web_api_answer(environ)
            endpoint, arguments = self._routes.bind_to_environ(environ).match()
            return self._views[endpoint](WebRequest(environ), **arguments)
        except ApiError as error:
            return messages.error_answer(error)
        except HTTPException as error:
            return _http_error(error, environ)
        except Cut:
            raise
        except Exception as error:  # noqa: BLE001 - the last line of defence: say what broke, keep serving
            _LOG.exception("The sandbox failed at %s", environ["PATH_INFO"])
            return messages.error_answer(ApiError(500, "", f"The sandbox failed: {error!r}"))

    def _web_api_answer(self, environ: dict[str, Any]) -> Answer:
        host = environ.get("HTTP_HOST") or f"{environ['SERVER_NAME']}:{environ['SERVER_PORT']}"
        target = environ.get("RAW_URI") or f"{environ['PATH_INFO']}?{environ['QUERY_STRING']}"
        path, options = messages.split_target(target)
        request = messages.Request(
            method=environ["REQUEST_METHOD"],
            path=path,
            options=options,
            headers=_headers(environ),
            body=environ["wsgi.input"].read(),
            base_url=f"{environ['wsgi.url_scheme']}://{host}{messages.root_of(environ['PATH_INFO'])}",
        )
        return self._web_api.answer(request)

    def close(self) -> None:
        """Release held requests and close the file."""
        self.faults.clear(drop=True)
        self.store.close()


def _headers(environ: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers by their names in lower case, with the dashes that WSGI replaced by underscores."""
    found = {key[5:].replace("_", "-").lower(): value for key, value in environ.items() if key.startswith("HTTP_")}
    found["content-type"] = environ.get("CONTENT_TYPE", "")
    return found


def _http_error(error: HTTPException, environ: Mapping[str, Any]) -> Answer | Response:
    """Answer an unknown route with 501; leave other errors of werkzeug as they are."""
    if error.code == 404:
        name = unquote(str(environ["PATH_INFO"]))[:150]
        return messages.error_answer(errors.unknown(f"the path '{name}'"))
    return Response(error.get_body(), status=error.code or 500, headers=error.get_headers())


def create_app(config: Config) -> Application:
    """Create the WSGI application over one data file; fill a new file with `config.world`."""
    return Application(config)
