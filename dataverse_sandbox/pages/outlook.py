"""/outlook/: a stand-in for Outlook. Choose an editor, find a contact, change it, see the result in the CRM."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Request, Response

from dataverse_sandbox import actions, config, payload, writers
from dataverse_sandbox.catalog import ACCOUNT, BY_NAME, CONTACT, Column
from dataverse_sandbox.control import Route
from dataverse_sandbox.errors import ApiError
from dataverse_sandbox.pages import forms
from dataverse_sandbox.pages.html import page
from dataverse_sandbox.store import Row, Store

_FOUND = 50
_SHOWN: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "Name and work",
        ("salutation", "firstname", "lastname", "nickname", "jobtitle", "department", "parentcustomerid"),
    ),
    (
        "Reach",
        (
            "emailaddress1",
            "emailaddress2",
            "telephone1",
            "telephone2",
            "mobilephone",
            "fax",
            "websiteurl",
            "assistantname",
        ),
    ),
    (
        "Address",
        (
            *("address1_line1", "address1_line2", "address1_line3"),
            *("address1_postalcode", "address1_city", "address1_stateorprovince", "address1_country"),
        ),
    ),
    (
        "More",
        (
            *(
                "preferredcontactmethodcode",
                "gendercode",
                "birthdate",
                "anniversary",
                "creditlimit",
                "numberofchildren",
            ),
            *("donotemail", "donotphone", "osync_topics", "description"),
        ),
    ),
)
COLUMNS: tuple[Column, ...] = tuple(CONTACT.by_name[name] for _, names in _SHOWN for name in names)
_SEARCH = """
SELECT c.contactid, c.fullname, a.name FROM contact c LEFT JOIN account a ON a.accountid = c.parentcustomerid
WHERE c.fullname LIKE ?1 ESCAPE '\\' OR c.lastname LIKE ?1 ESCAPE '\\' OR a.name LIKE ?1 ESCAPE '\\'
ORDER BY c.fullname, c.contactid LIMIT ?2
"""
_INTRO = Markup(
    "<p><strong>Sandbox: a stand-in for Outlook.</strong> Changes saved here reach the CRM without the company’s "
    "revision, like an edit from Outlook.</p>"
)


_KNOWN = """
SELECT systemuserid, fullname FROM systemuser WHERE systemuserid IN (SELECT value FROM json_each(?))
"""
_COLLEAGUES = """
SELECT systemuserid, fullname FROM systemuser WHERE applicationid IS NULL AND isdisabled = 0
AND (fullname LIKE :text ESCAPE '\\' OR lastname LIKE :text ESCAPE '\\') ORDER BY fullname LIMIT :most
"""
_ALWAYS = tuple(person.user_id for person in (*config.PEOPLE, config.EDITOR))


@dataclass(frozen=True)
class _Editors:
    """The editors to choose from, the chosen one, and the number that a search found."""

    offered: list[tuple[str, str]]
    selected: str
    matching: int


class OutlookPage:
    def __init__(self, store: Store) -> None:
        self._store = store

    def routes(self) -> list[Route]:
        return [
            ("/outlook/", "GET", self.search),
            ("/outlook/<contact_id>", "GET", self.contact),
            ("/outlook/<contact_id>", "POST", self.save),
        ]

    def search(self, request: Request) -> Response:
        """Find contacts whose first, last, full or company name begins with the text."""
        editor, text = self._editor(request.args), request.args.get("q", "").strip()
        who = request.args.get("who", "").strip()
        found = self._editors(editor, who)
        result = (_COLLEAGUES_FOUND if found.matching else _NOBODY).format(who, found.matching) if who else Markup("")
        search = forms.search(found.offered, found.selected, who, text)
        return page("Outlook", _INTRO + search + result + self._contacts(text, found.selected), below="/outlook/")

    def contact(self, request: Request, contact_id: str) -> Response:
        return self._form(contact_id, self._editor(request.args), Markup(""))

    def save(self, request: Request, contact_id: str) -> Response:
        """Send only the values that differ from the form's, as Outlook does."""
        editor = self._editor(request.form)
        try:
            row = self._row(contact_id)
            changes = forms.changes([column for column in COLUMNS if column.name in row], row, request.form)
            result = (
                _result(writers.save_from_outlook(self._store, editor, contact_id, changes)) if changes else _NOTHING
            )
        except (ApiError, ValueError) as error:
            result = _REFUSED.format(error)
        return self._form(contact_id, editor, result)

    def _form(self, contact_id: str, editor: str, result: Markup) -> Response:
        row = self._row(contact_id)
        fields = Markup("").join(self._fieldset(title, names, row) for title, names in _SHOWN)
        again = _AGAIN.format(editor)
        body = again + _INTRO + result + forms.edit(self._editors(editor, "").offered, editor, fields)
        return page(str(row["fullname"] or "Contact"), body, below="/outlook/")

    def _fieldset(self, title: str, names: tuple[str, ...], row: Row) -> Markup:
        inner = Markup("").join(
            forms.field(CONTACT.by_name[name], row, self._accounts() if name == "parentcustomerid" else [])
            for name in names
            if name in row
        )
        return Markup("<fieldset><legend>{}</legend><div class='fields'>{}</div></fieldset>").format(title, inner)

    def _row(self, contact_id: str) -> Row:
        with self._store.read() as connection:
            return payload.address(BY_NAME[CONTACT.name], contact_id).existing(connection)

    def _editor(self, sent: MultiDict[str, str]) -> str:
        """Return the id of the editor, by id or name; Jonas Weber by default."""
        return actions.user(self._store, sent.get("user") or config.EDITOR.user_id).id

    def _editors(self, editor: str, who: str) -> _Editors:
        """Return the possible editors: the chosen one, people who can sign in, and names that begin with `who`."""
        pattern = beginning(who)
        with self._store.read() as connection:
            known = connection.execute(_KNOWN, (json.dumps([editor, *_ALWAYS]),)).fetchall()
            matching = connection.execute(_COLLEAGUES, {"text": pattern, "most": _FOUND}).fetchall() if who else []
        offered = sorted({str(row[0]): str(row[1]) for row in (*known, *matching)}.items(), key=lambda pair: pair[1])
        is_among = not matching or editor in {row[0] for row in matching}
        return _Editors(offered, editor if is_among else str(matching[0][0]), len(matching))

    def _accounts(self) -> list[tuple[str, str]]:
        with self._store.read() as connection:
            found = connection.execute("SELECT accountid, name FROM account ORDER BY name LIMIT 500")
            return [(f"{ACCOUNT.name}:{row[0]}", row[1]) for row in found]

    def _contacts(self, text: str, editor: str) -> Markup:
        with self._store.read() as connection:
            found = connection.execute(_SEARCH, (beginning(text), _FOUND)).fetchall()
        if not found:
            return Markup("<p>No contact’s name or company begins with “{}”.</p>").format(text)
        items = Markup("").join(
            _ITEM.format(id=row[0], name=row[1], company=row[2] or "", user=editor) for row in found
        )
        return Markup("<ul class='contacts'>{}</ul>").format(items)


def beginning(text: str) -> str:
    """Return a LIKE pattern for values that begin with the text."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"


_COLLEAGUES_FOUND = Markup('<p role="status">Names that begin with “{}”: {}. Choose one under “You are”.</p>')
_NOBODY = Markup('<p role="status">No user’s name begins with “{}”.</p>')
_ITEM = Markup('<li><a href="/outlook/{id}?user={user}">{name} <span>{company}</span></a></li>')
_AGAIN = Markup('<p><a href="/outlook/?user={}">← Another contact</a></p>')
_NOTHING = Markup('<div class="told" role="status"><p>No changes to send.</p></div>')
_REFUSED = Markup('<div class="told" role="alert"><p>The CRM refused the changes: {}</p></div>')
_STAGED = Markup('<div class="told" role="status"><p>{headline}</p><ul>{items}</ul></div>')
_CHANGE = Markup("<li>{label}: {original} → {proposed}</li>")


def _result(done: Mapping[str, object]) -> Markup:
    """Report the result of the edit."""
    staged = done["fields"]
    if not isinstance(staged, list) or not staged:
        headline = "Saved in the CRM. Nothing was staged."
        return _STAGED.format(headline=headline, items=Markup(""))
    count = "1 change was staged" if len(staged) == 1 else f"{len(staged)} changes were staged"
    items = Markup("").join(
        _CHANGE.format(
            label=CONTACT.by_name[field["column"]].label,
            original=field["original"] or "empty",
            proposed=field["proposed"] or "empty",
        )
        for field in staged
    )
    return _STAGED.format(headline=f"{count}; the CRM kept its values.", items=items)
