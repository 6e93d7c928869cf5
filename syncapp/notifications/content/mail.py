"""Letters as mails: subject, text and HTML from templates, and headers against automatic replies."""

from __future__ import annotations

from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from functools import cache
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
from syncapp.notifications.content.letters import Letter
from syncapp.text import escaping, localization
from syncapp.text.time_zones import zone_of


@dataclass(frozen=True, slots=True)
class LetterNotification:
    """A letter that channels can deliver, written from its templates in the reader's time zone and language formats.

    With `again`, it says that it may be a second copy.
    """

    message: Message
    letter: Letter
    again: bool = False

    @property
    def to(self) -> str:
        """Return the reader's mail address."""
        return self.letter.to

    def sender(self) -> str:
        """Return the address of MAIL_FROM. Raises ServiceRefused, since no mail can leave without it."""
        try:
            return addresses.deliverable(parseaddr(settings.MAIL_FROM)[1])
        except MailRefused as error:
            raise ServiceRefused(f"MAIL_FROM cannot be used: {error}", code="mail_from") from error

    def subject(self) -> str:
        """Return the subject as one line."""
        return " ".join(self._render("_subject.txt").split())

    def text(self) -> str:
        """Return the content as plain text."""
        return _tidy(self._render(".txt"))

    def mail(self) -> bytes:
        """Return the MIME message. Raises ServiceRefused, and MailRefused where no later try can write it either."""
        self.sender()
        to = addresses.deliverable(self.letter.to)
        try:
            subject = self.subject()
            headers = {
                "From": _mailbox(*parseaddr(settings.MAIL_FROM)),
                "To": _mailbox(self.letter.name, to),
                "Subject": escaping.mail_header(subject),
                "Date": format_datetime(timezone.now()),
                **_headers(self.message, self.letter),
            }
            # As they are: `email` would decode foreign text in them, and encode List-Unsubscribe.
            head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            html = _inliner().inline(self._render(".html", subject=subject))
            return head.encode("ascii") + _body(self.text(), html)
        except UnicodeError as error:
            raise MailRefused("The mail holds characters that cannot be encoded.", code="encoding") from error
        except (TemplateDoesNotExist, TemplateSyntaxError) as error:
            raise MailRefused(f"The mail’s template cannot be used: {error}", code="template") from error

    def _render(self, ending: str, **more: str) -> str:
        context = {"letter": self.letter, "again": self.again, "environment": settings.ENVIRONMENT_NAME, **more}
        with timezone.override(zone_of(self.letter.zone)), localization.override(self.letter.locale):
            return render_to_string(f"notifications/{self.letter.kind}{ending}", context)


def _tidy(text: str) -> str:
    """At most two empty lines together, none at the ends, no blanks before a line's end."""
    lines: list[str] = []
    for line in text.strip().splitlines():
        if line.strip() or lines[-2:] != ["", ""]:
            lines.append(line.rstrip())
    return "\n".join(lines) + "\n"


@cache
def _inliner() -> css_inline.CSSInliner:
    # Keep at-rules in the head: attributes cannot express dark mode and narrow screens.
    return css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)


def _body(text: str, html: str) -> bytes:
    """Return both parts, with the headers of their encoding."""
    mail = EmailMessage(policy=policy.SMTP)
    mail.set_content(text, cte="quoted-printable")
    mail.add_alternative(html, subtype="html", cte="quoted-printable")
    return mail.as_bytes(policy=policy.SMTP)


def _headers(message: Message, letter: Letter) -> dict[str, str]:
    """Thread, "no answer please", and unsubscribing by one POST (RFC 3834, RFC 8058).

    The thread's root is fixed and stands in both headers from the first mail on: relays replace Message-ID, and Gmail
    looks at In-Reply-To.
    """
    root = f"<{letter.thread}@{_host()}>"
    found = {
        "Message-ID": f"<{message.pk}@{_host()}>",
        "References": root,
        "In-Reply-To": root,
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
    }
    if letter.preferences_url:
        found |= {
            "List-Unsubscribe": f"<{_ascii(letter.preferences_url)}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }
    return found


def _ascii(address: str) -> str:
    """Return a web address with an international domain as machines read it."""
    parts = urlsplit(address)
    return parts._replace(netloc=punycode(parts.netloc)).geturl()


def _host() -> str:
    return punycode(urlsplit(settings.BASE_URL).hostname or "localhost")


def _mailbox(name: str, address: str) -> str:
    return escaping.mailbox_header(name, addresses.deliverable(address))
