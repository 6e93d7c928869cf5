"""Mails in all forms: subject, text and HTML from templates, and headers that prevent automatic replies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from urllib.parse import urlsplit

import css_inline
from django.conf import settings
from django.template import TemplateDoesNotExist, TemplateSyntaxError
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.encoding import punycode

from syncapp.models import Message
from syncapp.notifications.channels import addresses
from syncapp.notifications.channels.errors import MailRefused, ServiceRefused
from syncapp.notifications.content.composition import MailContent
from syncapp.text import escaping, localization
from syncapp.text.time_zones import zone_of

# At-rules stay in the head, because style attributes cannot express dark mode and narrow screens.
_INLINER = css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)


@dataclass(frozen=True, slots=True)
class MailNotification:
    """A mail that channels can deliver, rendered from its templates in the recipient's time zone and formats.

    If `is_repeated`, the mail says that it may be a second copy.
    """

    message: Message
    content: MailContent
    is_repeated: bool = False

    @property
    def to(self) -> str:
        """Return the recipient's mail address."""
        return self.content.to

    def sender(self) -> str:
        """Return the address of MAIL_FROM. Raises ServiceRefused, since no mail can leave without it."""
        try:
            return addresses.to_ascii(parseaddr(settings.MAIL_FROM)[1])
        except MailRefused as error:
            raise ServiceRefused(f"MAIL_FROM cannot be used: {error}", code="mail_from") from error

    def subject(self) -> str:
        """Return the subject as one line."""
        return " ".join(self._render("_subject.txt").split())

    def text(self) -> str:
        """Return the content as plain text, with at most two empty lines in a row."""
        lines = [line.rstrip() for line in self._render(".txt").strip().splitlines()]
        return re.sub(r"\n{4,}", "\n\n\n", "\n".join(lines)) + "\n"

    def mail(self) -> bytes:
        """Return the MIME message. Raises ServiceRefused, and MailRefused if no later attempt can render it either."""
        self.sender()
        to = addresses.to_ascii(self.content.to)
        try:
            subject = self.subject()
            headers = {
                "From": _mailbox(*parseaddr(settings.MAIL_FROM)),
                "To": _mailbox(self.content.name, to),
                "Subject": escaping.mail_header(subject),
                "Date": format_datetime(timezone.now()),
                **_headers(self.message, self.content),
            }
            # These headers bypass `email`, which would decode encoded text in them and encode List-Unsubscribe.
            header_lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            html = _INLINER.inline(self._render(".html", subject=subject))
            body = EmailMessage(policy=policy.SMTP)
            body.set_content(self.text(), cte="quoted-printable")
            body.add_alternative(html, subtype="html", cte="quoted-printable")
            return header_lines.encode("ascii") + body.as_bytes(policy=policy.SMTP)
        except UnicodeError as error:
            raise MailRefused("The mail contains characters that cannot be encoded.", code="encoding") from error
        except (TemplateDoesNotExist, TemplateSyntaxError) as error:
            raise MailRefused(f"The mail’s template cannot be used: {error}", code="template") from error

    def _render(self, suffix: str, **more: str) -> str:
        context = {"mail": self.content, "again": self.is_repeated, "environment": settings.ENVIRONMENT_NAME, **more}
        with timezone.override(zone_of(self.content.zone)), localization.override(self.content.locale):
            return render_to_string(f"notifications/{self.content.kind}{suffix}", context)


def _headers(message: Message, content: MailContent) -> dict[str, str]:
    """Return the headers: threading, Reply-To, no automatic replies (RFC 3834), unsubscribing by POST (RFC 8058).

    Each mail of a thread, even the first, refers to the same root, which is never sent: relays replace Message-ID, and
    Gmail looks at In-Reply-To.
    """
    root = f"<{content.thread}@{_host()}>"
    headers = {
        "Message-ID": f"<{message.pk}@{_host()}>",
        "References": root,
        "In-Reply-To": root,
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
    }
    if content.reply_to:
        headers["Reply-To"] = _mailbox(content.reply_to.name, content.reply_to.address)
    if content.preferences_url:
        parts = urlsplit(content.preferences_url)
        headers |= {
            "List-Unsubscribe": f"<{parts._replace(netloc=punycode(parts.netloc)).geturl()}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }
    return headers


def _host() -> str:
    return punycode(urlsplit(settings.BASE_URL).hostname or "localhost")


def _mailbox(name: str, address: str) -> str:
    return escaping.mailbox_header(name, addresses.to_ascii(address))
