"""Names with invisible characters on pages and in mails."""

from __future__ import annotations

import re
import uuid
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from syncapp.models import (
    FilterMembership,
    FilterPolicy,
    FilterRow,
    FilterRun,
    FilterTeam,
    FilterUnit,
    FilterUser,
    Person,
    Rule,
    SavedView,
    SyncRecord,
    UserList,
)
from syncapp.models.person import Role
from syncapp.review import collaboration
from syncapp.sync_filters.inventory import user_lists
from syncapp.sync_filters.runs import creation
from syncapp.templatetags import portal
from tests.support import scenes
from tests.support.factories import make_editor, make_field, make_record
from tests.support.people import ada, browser, fred, make_person, rita
from tests.sync_filters.users import make_user

TEMPLATES = Path(settings.BASE_DIR) / "templates"
OVERRIDE = "\u202e"
MARK = '<span class="hidden-mark" title="U+202E">right-to-left override</span>'
# A name outside of an input's value or widget; ids and field names are ours and begin after a hyphen or a dot.
NAME = re.compile(
    r"""(?<![="\-.])\{\{\s*(?!form\.)(?:\w+\.)*"""
    r"""(?:name|editor_name|asked|by|assigned_to|subject|reason|person|company|owner|trouble)"""
    r"""(?:\|default:"[^"]*")?\s*\}\}"""
)
# Expressions that a text mail may print unchanged: our own addresses and numbers, and text that a filter has made safe.
MADE_BY_US = re.compile(
    r"\|(mail_lines?(:\d+)?(\|upper)?|in_words|on_day|capped|pluralize(:.*)?)$"
    r"|(^|\.)((approve_|reject_|queue_|preferences_)?url|count|unlisted(_fields)?_count|fields|users|since|why|outcome)$"
)


def unguarded(template: Path) -> list[str]:
    """Return the names that a template prints without a filter that shows hidden characters."""
    return NAME.findall(template.read_text())


@pytest.mark.parametrize("template", sorted(TEMPLATES.rglob("*.html")), ids=lambda path: path.name)
def test_template_shows_hidden_characters_of_names(template: Path) -> None:
    assert unguarded(template) == []


@pytest.mark.parametrize("template", sorted(TEMPLATES.glob("notifications/*.txt")), ids=lambda path: path.name)
def test_text_mails_keep_names_on_one_line(template: Path) -> None:
    printed = re.findall(r"\{\{\s*([^}]*?)\s*\}\}", template.read_text())

    assert [each for each in printed if not MADE_BY_US.search(each)] == []


def trick(source: str) -> str:
    """Return a name that reads "<source>exe.png"."""
    return f"{source}{OVERRIDE}gnp.exe"


def marked(source: str) -> str:
    """Return the name of `trick` as a page shows it."""
    return f"{source}{MARK}gnp.exe"


def content(path: str, *, reader: Person) -> str:
    """Return what the page shows, without the values of inputs and the addresses of links, which stay as they are."""
    answer = browser(reader).get(path)
    assert answer.status_code == 200, (path, answer)
    page = answer.content.decode()
    return re.sub(r'(?:value|href|hx-[a-z-]+)="[^"]*"|<textarea.*?</textarea>', "", page, flags=re.DOTALL)


@pytest.fixture
def edit(db: None) -> SyncRecord:
    """Return an edit whose contact, editor, company, comment and colleague have names with an override."""
    scenes.store_columns()
    target = {"target_id": uuid.uuid4(), "target_table": "contact"}
    first = make_field(make_record(trick("contact"), editor=make_editor(trick("editor")), **target))
    scenes.rejected(
        first, by=make_person(trick("reviewer"), Role.REVIEWER), reason_code="other", reason=trick("reason")
    )
    record = make_record(trick("contact"), editor=make_editor(trick("editor")), **target)
    make_field(record, "emailaddress1", proposed_value="a@x.example", original_value="b@x.example")
    collaboration.add_comment(record.pk, text=trick("remark"), by=rita())
    collaboration.assign(record.pk, to=make_person(trick("colleague"), Role.REVIEWER), by=rita())
    SavedView.objects.create(person=rita(), name=trick("view"))
    return record


@pytest.mark.parametrize(
    ("path", "sources"),
    [
        ("/review/", ["contact", "editor", "view"]),
        ("/review/{0}/", ["contact", "editor", "remark", "colleague"]),
        ("/review/{0}/history", ["contact", "editor", "reviewer"]),
        ("/activity/", ["contact", "reason", "reviewer"]),
        ("/activity/evidence/?contact={1}", ["contact", "reason", "reviewer"]),
    ],
)
def test_review_pages_mark_hidden_characters(edit: SyncRecord, path: str, sources: list[str]) -> None:
    page = content(path.format(edit.pk, edit.target_id), reader=rita())

    assert OVERRIDE not in page
    assert [source for source in sources if marked(source) not in page] == []


@pytest.fixture
def user(db: None) -> FilterUser:
    """Return a CRM user with a team, a filter, a list, a policy and a run, all of whose names have an override."""
    unit = FilterUnit.objects.create(pk=uuid.uuid4(), name=trick("unit"))
    user = make_user(
        trick("user"), address="user@x.example", address_key="user@x.example", unit_name=unit.name, unit_id=unit.pk
    )
    team = FilterTeam.objects.create(pk=uuid.uuid4(), name=trick("team"))
    FilterMembership.objects.create(user_id=user.pk, team_id=team.pk)
    columns = {"table": "appointment", "query_type": 256, "state": 0, "status": 1, "read_at": timezone.now()}
    FilterRow.objects.create(pk=uuid.uuid4(), owner_id=user.pk, name=trick("filter"), **columns)
    user_lists.save(trick("list"), [user.address], by=make_person(trick("person"), Role.FILTER_MANAGER))
    FilterPolicy.objects.create(
        name=trick("policy"), team_id=team.pk, tables=["appointment"], author=fred(), due_at=timezone.now()
    )
    spec = creation.RunSpec(("appointment",), on=False, reason=trick("reason"), change_number=trick("change"))
    creation.create_run([user.pk], spec, by=make_person(trick("person"), Role.FILTER_MANAGER))
    return user


@pytest.mark.parametrize(
    ("path", "sources"),
    [
        ("/filters/", ["user", "unit"]),
        ("/filters/?user={user}&group=appointments", ["user", "filter"]),
        ("/filters/users/{user}/", ["user", "unit", "team", "filter", "list"]),
        ("/filters/lists/", ["list", "person"]),
        ("/filters/lists/{list}/", ["list", "person"]),
        ("/filters/policies/", ["policy", "team"]),
        ("/filters/policies/{policy}/", ["policy", "team"]),
        ("/filters/runs/", ["person"]),
        ("/filters/runs/{run}/", ["person", "reason", "change", "user"]),
        ("/filters/runs/{run}/paper", ["person", "reason", "change"]),
        ("/filters/plan?user={user}", ["user"]),
        ("/filters/risk/", ["list", "unit"]),
        ("/activity/", ["person"]),
    ],
)
def test_filter_pages_mark_hidden_characters(user: FilterUser, path: str, sources: list[str]) -> None:
    ids = {
        "user": user.pk,
        "list": UserList.objects.get().pk,
        "policy": FilterPolicy.objects.get().pk,
        "run": FilterRun.objects.get().pk,
    }
    page = content(path.format(**ids), reader=fred())

    assert OVERRIDE not in page
    assert [source for source in sources if marked(source) not in page] == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/settings/rules/", "/settings/rules/{rule}/", "/settings/people/", "/settings/people/{person}/"]
)
def test_settings_pages_mark_hidden_characters(path: str) -> None:
    scenes.store_columns()
    person = make_person(trick("person"), Role.REVIEWER)
    rule = Rule.objects.create(name=trick("rule"), author=person, editors=[str(make_editor(trick("editor")).pk)])

    page = content(path.format(rule=rule.pk, person=person.pk), reader=ada())

    assert OVERRIDE not in page
    assert marked("rule" if "rule" in path else "person") in page


def test_initials_are_visible_letters() -> None:
    assert portal.initials(f"{OVERRIDE}rita \u200blindqvist") == "RL"
