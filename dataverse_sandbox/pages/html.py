"""The frame of every page, and its style sheet."""

from __future__ import annotations

from importlib.resources import files

from markupsafe import Markup
from werkzeug.wrappers import Response

STYLE_PATH = "/sandbox/style.css"
# Names and addresses of the pages, in the order of the navigation.
_PAGES = (
    ("Overview", "/sandbox/"),
    ("Outlook", "/outlook/"),
    ("Writers", "/writers/"),
    ("Mails", "/mail/"),
    ("People", "/people/"),
    ("Ledger", "/ledger/"),
    ("Auditing", "/auditing/"),
    ("Faults", "/faults/"),
)
_FRAME = Markup(
    "<!doctype html>\n"
    '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    '<title>{title} – Sandbox</title><link rel="stylesheet" href="{style}"><link rel="icon" href="data:,"></head>'
    '<body><header><a href="/sandbox/">Sandbox</a><span class="what">simulates Microsoft’s cloud with '
    'fictitious data</span><nav aria-label="Sandbox">{nav}</nav></header>'
    '<main class="{width}"><h1>{title}</h1>{body}</main></body></html>\n'
)
_LINK = Markup('<a href="{}"{}>{}</a>')
_HERE = Markup(' aria-current="page"')
_POLICY = (
    "default-src 'none'; style-src 'self'; img-src data:; frame-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def page(title: str, body: Markup, *, status: int = 200, wide: bool = True, below: str = "") -> Response:
    """Return a whole page; `body` is markup, the title is escaped, `below` is its place in the navigation."""
    nav = Markup("").join(_LINK.format(path, _HERE if path == below else "", name) for name, path in _PAGES)
    width = "wide" if wide else "narrow"
    text = _FRAME.format(title=title, body=body, style=STYLE_PATH, width=width, nav=nav)
    response = Response(text, status=status, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["Cache-Control"] = "no-store"
    return response


def style() -> Response:
    text = files("dataverse_sandbox.pages").joinpath("style.css").read_text(encoding="utf-8")
    return Response(text, content_type="text/css; charset=utf-8")


def time_of(moment: object) -> str:
    """Return a stored time in readable form, in UTC."""
    return str(moment)[:19].replace("T", " ")
