"""The stand-in authority: its addresses as seen from a request, and its discovery document."""

from __future__ import annotations

from dataclasses import dataclass

from werkzeug.wrappers import Request

from dataverse_sandbox.config import TENANT


@dataclass(frozen=True)
class Authority:
    """Addresses on the requested host; `issuer` is the issuer of the ID tokens."""

    scheme: str
    host: str

    @classmethod
    def of(cls, request: Request) -> Authority:
        return cls(request.scheme, request.host)

    @property
    def issuer(self) -> str:
        """Return the issuer, always with https: MSAL accepts no other (the demo's session sends it to http)."""
        return f"https://{self.host}/{TENANT}/v2.0"

    def document(self) -> dict[str, object]:
        here = f"{self.scheme}://{self.host}/{TENANT}"
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{here}/oauth2/v2.0/authorize",
            "token_endpoint": f"https://{self.host}/{TENANT}/oauth2/v2.0/token",
            "device_authorization_endpoint": f"https://{self.host}/{TENANT}/oauth2/v2.0/devicecode",
            "jwks_uri": f"{here}/discovery/v2.0/keys",
            "end_session_endpoint": f"{here}/oauth2/v2.0/logout",
            "response_types_supported": ["code"],
            "response_modes_supported": ["query", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
            "code_challenge_methods_supported": ["S256"],
            "claims_supported": ["sub", "iss", "aud", "exp", "iat", "nonce", "name", "oid", "tid", "roles"],
        }
