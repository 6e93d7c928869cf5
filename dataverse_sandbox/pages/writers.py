"""/writers/: buttons that change a contact as ERP, flow, import or form, and that set the signature of Outlook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from dataverse_sandbox import config, payload, writers
from dataverse_sandbox.catalog import CONTACT
from dataverse_sandbox.control import Route
from dataverse_sandbox.errors import ApiError
from dataverse_sandbox.pages.html import page
from dataverse_sandbox.store import Row, Store

_COLUMNS = ("jobtitle", "department", "telephone1", "mobilephone", "emailaddress1", "websiteurl")
_OFFERED = 200
_IMPORTED = 50


@dataclass(frozen=True)
class Choice:
    """A button with its explanation."""

    name: str
    title: str
    words: str


SIGNATURES = (
    Choice(
        writers.SIGNED,
        "Signed",
        "Server-side synchronization enters # SSSAdminProd as “Modified By (Delegate)”, as it has done since 2026.",
    ),
    Choice(
        writers.UNSIGNED, "Unsigned", "Server-side synchronization leaves “Modified By (Delegate)” empty, as before."
    ),
    Choice(writers.ADD_IN, "Add-in", "The old add-in saves as the user alone: in the data the same as unsigned."),
)
WRITERS = (
    Choice(writers.ERP, "ERP", f"The application {config.ERP.name} writes, without a revision."),
    Choice(writers.FLOW, "Flow", f"The application {config.FLOWS.name} writes, without a revision."),
    Choice(writers.FORM, "Form with script", "Jonas Weber saves a CRM form, whose script raises the revision."),
    Choice(writers.FORM_WITHOUT_SCRIPT, "Form without script", "Jonas Weber saves a form that lacks the script."),
    Choice("import", f"Import of {_IMPORTED} contacts", "Jonas Weber imports the value into many contacts at once."),
)
_INTRO = Markup(
    "<p>Outlook is not the only one who changes contacts. Let others do it, and watch whether the portal tells them "
    "apart. Programs can use <code>POST /sandbox/write</code>, <code>POST /sandbox/import</code> and "
    "<code>PUT /sandbox/synchronization</code>.</p>"
)
_TOLD = Markup('<div class="told" role="status"><p>{}</p></div>')
_REFUSED = Markup('<div class="told" role="alert"><p>The CRM refused the change: {}</p></div>')
_FORM = Markup(
    '<h2>Change a contact</h2><form method="post"><div class="fields"><label>Contact<select name="contact">{contacts}'
    '</select></label><label>Field<select name="column">{columns}</select></label><label>New value<input name="value" '
    'value="{value}" maxlength="40"></label></div><ul class="choose">{items}</ul></form>'
)
_SIGNATURES = Markup("<h2>How Outlook’s changes are signed</h2><form method='post'><ul class='choose'>{}</ul></form>")
_ITEM = Markup(
    '<li><div><strong>{title}</strong><span>{words}</span></div><button name="{field}" value="{name}"{pressed} '
    'class="quiet">{label}</button></li>'
)
_OPTION = Markup('<option value="{}"{}>{}</option>')
_CONTACTS = "SELECT contactid, fullname FROM contact ORDER BY fullname, contactid LIMIT ?"


class WritersPage:
    def __init__(self, store: Store) -> None:
        self._store = store

    def routes(self) -> list[Route]:
        return [("/writers/", "GET", self.show), ("/writers/", "POST", self.choose)]

    def show(self, _request: Request) -> Response:
        return self._page(Markup(""), {})

    def choose(self, request: Request) -> Response:
        """Choose a signature, or change the chosen contact as one of the writers."""
        if "signature" in request.form:
            writers.sign(self._store, request.form["signature"])
            return redirect("/writers/", 303)
        try:
            told = _TOLD.format(self._written(request.form))
        except ApiError as error:
            told = _REFUSED.format(error)
        return self._page(told, request.form)

    def _written(self, form: Mapping[str, str]) -> str:
        column = CONTACT.by_name[form["column"] if form.get("column") in _COLUMNS else _COLUMNS[0]]
        value = form.get("value", "")
        changes: Row = {column.name: value or None}
        if form.get("writer") == "import":
            count = writers.import_contacts(self._store, config.EDITOR.user_id, changes, count=_IMPORTED)
            return f"Imported: {column.label} of {count} contacts is now “{value}”."
        writer, contact_id = form.get("writer", ""), form.get("contact", "")
        done = writers.write(self._store, writer, config.EDITOR.user_id, contact_id, changes)
        with self._store.read() as connection:
            name = payload.address(CONTACT, contact_id).existing(connection)["fullname"]
        outcome = "staged by the plug-in" if done["staged"] else "saved"
        return f"{column.label} of {name} to “{value}”: {outcome}."

    def _page(self, told: Markup, form: Mapping[str, str]) -> Response:
        with self._store.read() as connection:
            contacts = [(str(row[0]), str(row[1])) for row in connection.execute(_CONTACTS, (_OFFERED,))]
        columns = [(name, CONTACT.by_name[name].label) for name in _COLUMNS]
        now = writers.signature(self._store)
        signatures = Markup("").join(_item("signature", choice, is_set=choice.name == now) for choice in SIGNATURES)
        change = _FORM.format(
            contacts=_options(contacts, form.get("contact", "")),
            columns=_options(columns, form.get("column", "")),
            value=form.get("value", "Changed by others"),
            items=Markup("").join(_item("writer", choice, label="Write") for choice in WRITERS),
        )
        body = _INTRO + told + change + _SIGNATURES.format(signatures)
        return page("Other writers", body, below="/writers/")


def _options(choices: list[tuple[str, str]], current: str) -> Markup:
    return Markup("").join(
        _OPTION.format(value, Markup(" selected") if value == current else "", label) for value, label in choices
    )


def _item(field: str, choice: Choice, *, label: str = "", is_set: bool = False) -> Markup:
    return _ITEM.format(
        field=field,
        name=choice.name,
        title=choice.title,
        words=choice.words,
        pressed=Markup(' aria-pressed="true"') if is_set else "",
        label=label or ("In force" if is_set else "Choose"),
    )
