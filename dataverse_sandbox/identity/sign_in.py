"""Sign-in endpoints of the tenant: discovery, authorize page, token endpoint, keys, logout.

The authorize page asks for no password: it has one button per person. Redirects go to loopback addresses only, so the
sandbox cannot redirect a browser to other sites.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import urlencode, urlsplit

from markupsafe import Markup
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from dataverse_sandbox import config, errors, faults, writers
from dataverse_sandbox.control import Route, json_response
from dataverse_sandbox.errors import ApiError
from dataverse_sandbox.faults import Faults, Probe
from dataverse_sandbox.identity import clients, device_codes, grants
from dataverse_sandbox.identity.authority import Authority
from dataverse_sandbox.identity.grants import Grant, GrantRefused
from dataverse_sandbox.identity.keys import signing_key
from dataverse_sandbox.identity.tokens import LIFETIME, Tokens
from dataverse_sandbox.pages.html import page
from dataverse_sandbox.store import Store

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
_CARRIED = ("client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge", "response_type", "response_mode")


class SignIn:
    def __init__(self, store: Store, rules: Faults, tokens: Tokens) -> None:
        self._store, self._faults, self._tokens = store, rules, tokens

    def routes(self) -> list[Route]:
        tenant = f"/{config.TENANT}"
        return [
            (f"{tenant}/v2.0/.well-known/openid-configuration", "GET", self._through(self.discovery)),
            (f"{tenant}/discovery/v2.0/keys", "GET", self._through(self.keys)),
            (f"{tenant}/oauth2/v2.0/authorize", "GET", self.authorize),
            (f"{tenant}/oauth2/v2.0/authorize", "POST", self.choose),
            (f"{tenant}/oauth2/v2.0/token", "POST", self._through(self.token)),
            (f"{tenant}/oauth2/v2.0/devicecode", "POST", self._through(self.device_code)),
            (f"{tenant}/oauth2/deviceauth", "GET", self.device),
            (f"{tenant}/oauth2/deviceauth", "POST", self.answer_device),
            (f"{tenant}/oauth2/v2.0/logout", "GET", self.logout),
        ]

    def _through(self, view: Callable[[Request], Response]) -> Callable[[Request], Response]:
        """Apply fault rules to this endpoint, only those that name its path."""

        def faulty(request: Request) -> Response:
            injection = self._faults.enter([Probe(request.method, "", request.path)], needs_path=True)
            injection.wait_at(faults.BEFORE)
            response = _refusal(injection.errors[0]) if injection.errors else view(request)
            injection.wait_at(faults.AFTER)
            return response

        return faulty

    def discovery(self, request: Request) -> Response:
        return json_response(Authority.of(request).document())

    def keys(self, _request: Request) -> Response:
        return json_response({"keys": [signing_key(self._store).public_jwk()]})

    def authorize(self, request: Request) -> Response:
        """Show a page with one button per person; explain an invalid request instead of redirecting it."""
        problem = _problem(request.args)
        if problem:
            return page("Sign-in refused", Markup("<p>{}</p>").format(problem), status=400)
        if request.args.get("prompt") == "none":
            return _back(request.args, error="login_required", error_description="AADSTS50058: No user is signed in.")
        return page("Sign in", _chooser(request.args), wide=False)

    def choose(self, request: Request) -> Response:
        """Redirect to the application with a code or the refusal, after a button was pressed."""
        problem = _problem(request.form)
        if problem:
            return page("Sign-in refused", Markup("<p>{}</p>").format(problem), status=400)
        name = request.form.get("person", "")
        if name not in {person.name for person in config.PEOPLE}:
            description = "AADSTS65004: The user canceled the sign-in."
            return _back(request.form, error="access_denied", error_description=description)
        grant = Grant(
            person=name,
            redirect_uri=request.form["redirect_uri"],
            scope=request.form.get("scope", ""),
            nonce=request.form.get("nonce", ""),
            challenge=request.form.get("code_challenge", ""),
            client_id=request.form["client_id"],
        )
        return _back(request.form, code=grants.make_code(self._store, grant))

    def token(self, request: Request) -> Response:
        try:
            self._check_client(request)
            return json_response(self._granted(request))
        except GrantRefused as refused:
            return _token_error(refused)

    def _check_client(self, request: Request) -> None:
        if clients.id_and_secret(request)[0] == config.PUBLIC_CLIENT_ID:
            return
        if self._faults.credentials_refused:
            raise GrantRefused("invalid_client", 7000215, "Invalid client secret provided.", status=401)
        # Discovery names it with https, whatever the scheme of this request.
        audience = Authority.of(request).document()["token_endpoint"]
        clients.check(self._store, request, str(audience))

    def _granted(self, request: Request) -> dict[str, object]:
        kind = request.form.get("grant_type")
        if kind == "client_credentials":
            return self._for_the_application(request)
        if kind == "authorization_code":
            return self._for_a_person(request, self._redeemed(request))
        if kind == _DEVICE_CODE:
            grant = device_codes.redeem(
                self._store, request.form.get("device_code", ""), client_id=clients.id_and_secret(request)[0]
            )
            return self._for_a_person(request, grant)
        raise GrantRefused("unsupported_grant_type", 70003, f"The grant type '{kind}' is not supported.")

    def _for_the_application(self, request: Request) -> dict[str, object]:
        client_id = clients.id_and_secret(request)[0]
        if client_id == config.PUBLIC_CLIENT_ID:
            raise GrantRefused("invalid_client", 7000218, "A public client has no token of its own.", status=401)
        if not request.form.get("scope", "").endswith("/.default"):
            raise GrantRefused(
                "invalid_scope", 1002012, "Client credential flows must have a scope ending in /.default."
            )
        if client_id == config.ERP.client_id:
            return _bearer(self._tokens.issue(writers.application_user(self._store, config.ERP)))
        return _bearer(self._tokens.issue(config.APPLICATION_USER_ID))

    def _redeemed(self, request: Request) -> Grant:
        return grants.redeem(
            self._store,
            request.form.get("code", ""),
            redirect_uri=request.form.get("redirect_uri", ""),
            verifier=request.form.get("code_verifier", ""),
            client_id=clients.id_and_secret(request)[0],
        )

    def _for_a_person(self, request: Request, grant: Grant) -> dict[str, object]:
        return {
            **_bearer(self._tokens.issue(grant.who.user_id)),
            "scope": grant.scope,
            "id_token": grants.id_token(self._store, grant, Authority.of(request).issuer),
            "client_info": grants.client_info(grant.who),
        }

    def device_code(self, request: Request) -> Response:
        """Issue a code for a device without a browser, to a public client."""
        if request.form.get("client_id") != config.PUBLIC_CLIENT_ID:
            return _token_error(GrantRefused("invalid_client", 7000218, "Device codes are for public clients."))
        made = device_codes.make(self._store, client_id=config.PUBLIC_CLIENT_ID, scope=request.form.get("scope", ""))
        address = f"{request.scheme}://{request.host}/{config.TENANT}/oauth2/deviceauth"
        message = f"To sign in, open {address} and enter the code {made.user_code}."
        found = {"user_code": made.user_code, "device_code": made.code, "verification_uri": address}
        times = {"expires_in": device_codes.SECONDS, "interval": device_codes.INTERVAL}
        return json_response({**found, **times, "message": message})

    def device(self, _request: Request) -> Response:
        return page("Enter code", _DEVICE.format(_buttons()), wide=False)

    def answer_device(self, request: Request) -> Response:
        """Store the person for the typed code."""
        name = request.form.get("person", "")
        person = name if name in {known.name for known in config.PEOPLE} else None
        if not device_codes.answer(self._store, request.form.get("code", ""), person):
            return page("Sign-in refused", Markup("<p>That code is unknown or has expired.</p>"), status=400)
        word = "signed in" if person else "canceled"
        return page("Done", Markup("<p>The sign-in is {}. You may close this page.</p>").format(word), wide=False)

    def logout(self, request: Request) -> Response:
        """Redirect the browser to an allowed address; there is no session to end."""
        target = request.args.get("post_logout_redirect_uri", "")
        if target and _is_loopback(target):
            return redirect(target, code=302)
        return page("Signed out", Markup("<p>You are signed out of the sandbox.</p>"), wide=False)


def _problem(wanted: Mapping[str, str]) -> str:
    """Return why an authorize request cannot be served; '' when it can."""
    if wanted.get("client_id") not in (config.CLIENT_ID, config.PUBLIC_CLIENT_ID):
        return "AADSTS700016: This application is not known to the sandbox."
    if not _is_loopback(wanted.get("redirect_uri", "")):
        return "AADSTS50011: The sandbox redirects only to addresses on this machine."
    if wanted["client_id"] == config.PUBLIC_CLIENT_ID and not wanted.get("code_challenge"):
        return "AADSTS9002325: A public client needs Proof Key for Code Exchange."
    if wanted.get("response_type") != "code":
        return "AADSTS700054: The sandbox supports response_type=code only."
    if wanted.get("response_mode", "query") not in ("query", "form_post"):
        raise errors.unknown(f"response_mode '{wanted['response_mode'][:30]}'")
    if "openid" not in wanted.get("scope", "").split():
        return "AADSTS900144: The scope must contain openid."
    if wanted.get("code_challenge") and wanted.get("code_challenge_method", "S256") != "S256":
        raise errors.unknown(f"code_challenge_method '{wanted['code_challenge_method'][:30]}'")
    return ""


def _is_loopback(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme in ("http", "https") and parts.hostname in _LOOPBACK


def _back(wanted: Mapping[str, str], **answer: str) -> Response:
    if wanted.get("state"):
        answer["state"] = wanted["state"]
    target = wanted["redirect_uri"]
    if wanted.get("response_mode") == "form_post":
        hidden = Markup("").join(_HIDDEN.format(name, value) for name, value in answer.items())
        return page("Return to the application", _RETURN.format(target=target, hidden=hidden), wide=False)
    return redirect(f"{target}{'&' if '?' in target else '?'}{urlencode(answer)}", code=302)


_BUTTON = Markup('<li><button name="person" value="{name}"><strong>{name}</strong><span>{about}</span></button></li>')
_CHOOSER = Markup(
    "<p>This is the sandbox’s stand-in for Microsoft’s sign-in page. All people are fictitious, and no password is "
    "needed: choose a person.</p>"
    '<form method="post">{hidden}<ul class="people">{buttons}</ul>'
    '<button class="quiet" name="person" value="">Cancel</button></form>'
)
_DEVICE = Markup(
    "<p>This is the sandbox’s stand-in for Microsoft’s page for devices. Enter the code and choose a person.</p>"
    '<form method="post"><p><label>Code <input name="code" autocomplete="off" required></label></p>'
    '<ul class="people">{}</ul><button class="quiet" name="person" value="">Cancel</button></form>'
)
# Microsoft's page presses the button with a script; the sandbox's pages have none.
_RETURN = Markup('<form method="post" action="{target}">{hidden}<button>Continue</button></form>')
_HIDDEN = Markup('<input type="hidden" name="{}" value="{}">')


def _chooser(wanted: Mapping[str, str]) -> Markup:
    hidden = Markup("").join(_HIDDEN.format(name, wanted[name]) for name in _CARRIED if name in wanted)
    return _CHOOSER.format(hidden=hidden, buttons=_buttons())


def _buttons() -> Markup:
    return Markup("").join(_BUTTON.format(name=person.name, about=person.about) for person in config.PEOPLE)


def _bearer(token: str) -> dict[str, object]:
    return {"token_type": "Bearer", "expires_in": LIFETIME, "ext_expires_in": LIFETIME, "access_token": token}


def _token_error(refused: GrantRefused) -> Response:
    body = {
        "error": refused.error,
        "error_description": refused.message,
        "error_codes": [refused.number],
        "timestamp": "",
        "trace_id": "",
        "correlation_id": "",
    }
    return json_response(body, refused.status)


def _refusal(error: ApiError) -> Response:
    """Return the error that a fault rule answers instead."""
    body = {"error": error.code or "temporarily_unavailable", "error_description": error.message}
    response = json_response(body, error.status)
    response.headers.extend(error.headers)
    return response
