"""The SDK's client, signed in to one organization.

Environment: ORIGIN, TENANT, CLIENT_ID, CLIENT_SECRET; REQUESTS_CA_BUNDLE vouches for ORIGIN.
"""

from __future__ import annotations

import os

from azure.identity import ClientSecretCredential
from PowerPlatform.Dataverse.client import DataverseClient

ORIGIN = os.environ["ORIGIN"]
FORMATTED = "OData.Community.Display.V1.FormattedValue"


def credential(secret: str = "") -> ClientSecretCredential:
    return ClientSecretCredential(
        os.environ["TENANT"],
        os.environ["CLIENT_ID"],
        secret or os.environ["CLIENT_SECRET"],
        authority=ORIGIN,
        disable_instance_discovery=True,
    )


client = DataverseClient(ORIGIN, credential())
