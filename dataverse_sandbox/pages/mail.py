"""/mail/: the portal's mails: as text, as HTML, and with their headers."""

from __future__ import annotations

from markupsafe import Markup
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Request, Response

from dataverse_sandbox.control import Route, json_response
from dataverse_sandbox.mail.mailbox import Mail, Mailbox
from dataverse_sandbox.pages.html import page

_SHOWN = 200
_INTRO = Markup(
    "<p>The portal’s mails, newest first. No mail leaves this machine. As JSON: "
    '<a href="/mail/?format=json">/mail/?format=json</a>.</p>'
)
_NONE = Markup("<p>No mails{} yet. The portal sends one when an Outlook edit reaches its queue.</p>")
_LIST = Markup("<ul class='mails'>{}</ul>")
_ITEM = Markup(
    '<li><a href="/mail/{id}"><span class="to">{to}</span><strong>{subject}</strong>'
    "<span class='muted'>{received}</span></a></li>"
)
_MAIL = Markup(
    '<p class="muted"><a href="/mail/">All mails</a></p><dl class="lines"><dt>To</dt><dd>{to}</dd><dt>From</dt>'
    "<dd>{sender}</dd><dt>Received</dt><dd>{received}, by {via}</dd></dl>{html}"
    "<h2>Text</h2><pre class='words'>{text}</pre><details><summary>All {count} headers</summary>"
    "<dl class='lines'>{headers}</dl></details>"
)
_FRAME = Markup(
    '<iframe class="mail" title="The mail in a mail program" src="/mail/{}/html" '
    'sandbox="allow-popups allow-popups-to-escape-sandbox"></iframe>'
)
_LINE = Markup("<dt>{}</dt><dd>{}</dd>")
# Allow only the mail's own styles: it must neither run nor load anything.
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox"
)


class MailPage:
    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    def routes(self) -> list[Route]:
        return [
            ("/mail/", "GET", self.all),
            ("/mail/<int:mail_id>", "GET", self.one),
            ("/mail/<int:mail_id>/html", "GET", self.html),
        ]

    def all(self, request: Request) -> Response:
        """List all mails, or with `?to=` those to one address."""
        wanted = request.args.get("to", "").strip().lower()
        found = [mail for mail in self._mailbox.mails() if wanted in mail.recipients.lower()]
        if request.args.get("format") == "json":
            return json_response([mail.as_json() for mail in found])
        items = Markup("").join(
            _ITEM.format(id=mail.id, to=mail.recipients, subject=mail.subject, received=_time(mail))
            for mail in reversed(found[-_SHOWN:])
        )
        body = _LIST.format(items) if found else _NONE.format(f" for {wanted}" if wanted else "")
        return page("Mails", _INTRO + body, below="/mail/")

    def one(self, _request: Request, mail_id: int) -> Response:
        mail = self._find(mail_id)
        headers = Markup("").join(_LINE.format(name, value) for name, value in mail.headers)
        body = _MAIL.format(
            to=mail.recipients,
            sender=str(mail.parsed["From"] or ""),
            received=_time(mail),
            via=mail.via,
            html=_FRAME.format(mail.id) if mail.html else "",
            text=mail.text,
            count=len(mail.headers),
            headers=headers,
        )
        return page(mail.subject or "Mail without a subject", body, below="/mail/")

    def html(self, _request: Request, mail_id: int) -> Response:
        """Return the HTML part alone, for the frame; its links open in new pages."""
        text = self._find(mail_id).html.replace("<head>", '<head><base target="_blank">', 1)
        response = Response(text, content_type="text/html; charset=utf-8")
        response.headers["Content-Security-Policy"] = _POLICY
        return response

    def _find(self, mail_id: int) -> Mail:
        mail = self._mailbox.find(mail_id)
        if mail is None:
            raise NotFound
        return mail


def _time(mail: Mail) -> str:
    return mail.received[:19].replace("T", " ")
