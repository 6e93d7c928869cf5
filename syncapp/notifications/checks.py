"""System checks of the configured channel."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from syncapp.notifications.channels.registry import CHANNELS


@register("osync")
def mails_can_be_sent(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Check E011 to E013, W003, W004: the mail service is known, complete and encrypted, or switched off on purpose."""
    names = " or ".join(CHANNELS)
    if not settings.MAIL_BACKEND:
        hint = f"Set MAIL_BACKEND to {names}. Exchange Online: graph, since it turns SMTP sign-in off."
        return [Warning("No mails are sent: MAIL_BACKEND is empty.", hint=hint, id="osync.W003")]
    if settings.MAIL_BACKEND not in CHANNELS:
        message = f"MAIL_BACKEND must be {names}, not {settings.MAIL_BACKEND!r}."
        return [Error(message, hint="Unset it to send no mails.", id="osync.E011")]
    found = CHANNELS[settings.MAIL_BACKEND].problems(settings)
    return [(Warning if each.is_warning else Error)(each.message, hint=each.hint, id=each.code) for each in found]
