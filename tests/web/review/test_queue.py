"""The queue: tabs, order, search and cost."""

from __future__ import annotations

import gzip
import re
import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from syncapp import preferences
from syncapp.models import MirrorCursor, SyncRecord
from syncapp.review.queue import reads, word_search
from syncapp.review.queue.criteria import Criteria
from syncapp.review.queue.reads import Order, Tab
from syncapp.web.review import row_presenter
from tests.support import scenes
from tests.support.factories import EDITED_ON, make_editor, make_field, make_record
from tests.support.people import ada, browser, fred, nils, rita, vera
from tests.support.screen import Screen

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def labels() -> None:
    scenes.store_columns()


def open_queue(client: Client, query: str = "") -> Screen:
    return Screen(client.get(f"/review/{query}"))


def waiting(name: str = "Marta Villanueva", **values: object) -> SyncRecord:
    return make_field(make_record(name, **values)).record


def many(count: int) -> None:
    for number in range(count):
        waiting(f"Person {number:03}", edited_on=EDITED_ON + timedelta(minutes=number))


def test_row_names_editor_and_fields():
    record = make_record("Marta Villanueva", editor=make_editor("Jonas Weber"))
    for column in ("jobtitle", "emailaddress1", "fax", "lastname", "telephone1"):
        make_field(record, column)

    words = open_queue(browser(rita())).words

    assert "Marta Villanueva" in words
    assert "5 fields: Business Phone, Email, Fax +2" in words
    assert "edited by Jonas Weber" in words


def test_row_names_the_company_beside_the_contact():
    waiting("Anna Berg", company="Ørsted & Söhne")
    waiting("Anna Berg", company="Contoso")

    words = open_queue(browser(rita())).words

    assert "Anna Berg · Ørsted & Söhne" in words
    assert "Anna Berg · Contoso" in words


def test_first_edit_is_open():
    record = waiting()

    assert open_queue(browser(rita())).offers(f"do=approve:{record.fields.get().pk}")


def test_each_edit_is_in_its_tab():
    waiting("Wanda Waits")
    scenes.failed(scenes.approved(make_field(make_record("Alma Attention")), by=rita()))
    scenes.approved(make_field(make_record("Wim Written")), by=rita())
    scenes.finished(scenes.approved(make_field(make_record("Dora Decided")), by=rita()))
    client = browser(rita())

    tabs = {tab: open_queue(client, f"?tab={tab}").words for tab in Tab}

    assert "Wanda Waits" in tabs[Tab.WAITING]
    assert "Alma Attention" in tabs[Tab.ATTENTION]
    assert "Wim Written" in tabs[Tab.WRITING]
    assert "Dora Decided" in tabs[Tab.DECIDED]
    assert "Wanda Waits" not in "".join(tabs[tab] for tab in (Tab.ATTENTION, Tab.WRITING, Tab.DECIDED))


def test_incomplete_edit_is_hidden():
    make_field(make_record("Half There", is_stub=True))

    assert "Half There" not in open_queue(browser(rita())).words


@pytest.mark.parametrize(
    ("order", "names"),
    [("oldest", ["Bea", "Cleo", "Abel"]), ("newest", ["Abel", "Cleo", "Bea"]), ("name", ["Abel", "Bea", "Cleo"])],
)
def test_list_has_the_chosen_order(order, names):
    for hours, name in ((3, "Bea"), (1, "Abel"), (2, "Cleo")):
        waiting(name, edited_on=EDITED_ON - timedelta(hours=hours))

    words = open_queue(browser(rita()), f"?order={order}").words.split("Name", 1)[1]

    assert sorted(names, key=words.index) == names


def test_contacts_sort_without_case_and_accents():
    names = ["Adèle Chauvin", "adi Segal", "Åsa Hedlund", "Élodie Moreau", "Łukasz Nowak", "Özlem Kaya", "Zoë Aas"]
    for name in reversed(names):
        waiting(name)

    words = open_queue(browser(rita()), "?order=name").words.split("Name", 1)[1]

    assert sorted(names, key=words.index) == names


FOUND = [
    *("marta", "MARTA v", " Marta ", "villanueva", "villa mar", "mart_", "jonas", "weber jon"),
    *("contoso", "pharma", "marta contoso", "weber villanueva luc", "JEAN-luc", "Élodie", "elodie", "eloDIE cont"),
    *("asa", "ÅSA hed", "a\u030asa"),
]


@pytest.mark.parametrize("typed", FOUND)
def test_search_matches_any_name_word(typed):
    editor = make_editor("Åsa Hedlund-Weber")
    waiting("Marta-Élodie Jean-Luc Villanueva", editor=editor, company="Jonas & Contoso Pharma")
    waiting("Ulla Other", editor=make_editor("Piotr Zieliński"), company="Fabrikam")

    words = Screen(browser(rita()).get("/review/", {"q": typed})).words

    assert "Villanueva" in words
    assert "Ulla Other" not in words


@pytest.mark.parametrize("typed", ["illanueva", "marta other", "%", "_", "\U0010ffff", "— ’", "@", "marta@x.example"])
def test_search_without_match_explains_matching(typed):
    waiting("Marta Villanueva")
    waiting("Ulla Other")

    words = Screen(browser(rita()).get("/review/", {"q": typed})).words

    assert "Marta Villanueva" not in words
    assert "Nothing found for “" in words
    assert "Each search word must match the beginning of a word" in words


@pytest.mark.parametrize(
    "typed", ["marta@contoso.example", "MARTA@Contoso.example", "m.v@contoso.example", "jw@x.example"]
)
def test_exact_address_finds_the_edit(typed):
    record = waiting("Marta", editor=make_editor("Jonas", address="jw@x.example"))
    old, new = "marta@contoso.example", "M.V@contoso.example"
    make_field(record, "emailaddress1", original_value=old, proposed_value=new)
    waiting("Ulla Other", editor=make_editor("Piotr", address="pz@x.example"))

    words = Screen(browser(rita()).get("/review/", {"q": typed})).words

    assert "Marta" in words
    assert "Ulla Other" not in words


@pytest.mark.parametrize("few", [0, 5000])
def test_search_pages_have_no_gap_or_repetition(monkeypatch, few):
    monkeypatch.setattr(word_search, "MAX_SORTED", few)
    for number in range(120):
        waiting(f"Åsa Person {number % 7}", edited_on=EDITED_ON + timedelta(minutes=number % 50))
        waiting(f"Bo Person {number}", edited_on=EDITED_ON + timedelta(minutes=number))
    by = Criteria(search="pers asa")

    for order in Order:
        seen, after = [], None
        while True:
            page = reads.page(Tab.WAITING, order=order, criteria=by, after=after)
            seen += [record.pk for record in page.records]
            if not page.has_more:
                break
            after = page.records[-1]
        assert len(seen) == len(set(seen)) == reads.count(Tab.WAITING, by) == 120


def test_first_visit_loads_under_150_kb():
    many(50)
    client = browser(rita())

    page = client.get("/review/", headers={"Accept-Encoding": "gzip"})

    named = re.findall(r'(?:src|href)="(/static/[^"#]+)"', gzip.decompress(page.content).decode())
    files = [client.get(path, headers={"Accept-Encoding": "gzip"}) for path in set(named)]
    assert len(named) > 5
    weight = len(page.content) + sum(len(b"".join(file.streaming_content)) for file in files)
    assert weight < 150_000


def test_empty_queue_says_what_will_appear():
    words = open_queue(browser(rita())).words

    assert "No edits waiting" in words
    assert "appear here within seconds" in words
    assert "The CRM has not been read yet" in words


@pytest.mark.parametrize("order", list(Order))
def test_pages_have_no_gap_or_repetition(order):
    for number in range(23):
        same_time = EDITED_ON + timedelta(minutes=number // 4)
        waiting(f"Name {number // 3}", edited_on=None if number % 7 == 0 else same_time)

    seen: list[uuid.UUID] = []
    page = reads.page(Tab.WAITING, order=order, size=5)
    while page.records:
        seen += [record.pk for record in page.records]
        page = reads.page(Tab.WAITING, order=order, after=page.records[-1], size=5)

    assert len(seen) == len(set(seen)) == 23


def test_next_page_link_contains_no_names():
    many(60)
    client = browser(rita())
    first = open_queue(client, "?order=name")
    link = next(found["href"] for tag, found in first.tags if tag == "a" and "after=" in found.get("href", ""))

    second = Screen(client.get(link))

    assert "Person" not in link
    assert "Person 049" in first.words
    assert "Person 050" not in first.words
    assert "Person 059" in second.words
    assert "Person 049" not in second.words


@pytest.mark.parametrize("query", ["?tab=nonsense", "?order=../../etc", "?after=1", f"?after={uuid.UUID(int=7)}"])
def test_invalid_params_show_the_first_page(query):
    waiting("Marta Villanueva")

    assert "Marta Villanueva" in open_queue(browser(rita()), query).words


def test_counts_stop_at_a_thousand(monkeypatch):
    monkeypatch.setattr(reads, "MAX_COUNTED", 3)
    many(5)

    assert "Waiting 3+" in open_queue(browser(rita())).words


def queries_of(client: Client, query: str = "") -> int:
    client.get(f"/review/{query}")  # records that the queue is open, which the next request does not do again
    with CaptureQueriesContext(connection) as captured:
        client.get(f"/review/{query}")
    return len(captured)


def test_shared_label_prefix_is_named_once():
    labels = ["Address 1: City", "Address 1: Street 1", "Address 2: City", "Job Title"]

    assert list(row_presenter.shorten_prefixes(labels)) == [
        "Address 1: City",
        "Street 1",
        "Address 2: City",
        "Job Title",
    ]


# A search counts matching words twice: for the list and for its number of matches.
@pytest.mark.parametrize(("query", "max_queries"), [("", 30), ("?order=name&q=person", 32), ("?tab=decided", 28)])
def test_page_has_constant_queries(query, max_queries):
    client = browser(rita())
    many(60)
    few = queries_of(client, query)
    many(60)

    assert queries_of(client, query) == few <= max_queries


def test_page_counts_no_whole_table():
    many(3)

    with CaptureQueriesContext(connection) as captured:
        browser(rita()).get("/review/")

    counting = [query["sql"] for query in captured if "COUNT(*)" in query["sql"]]
    assert counting
    assert all(sql.count("COUNT(*)") == sql.count("LIMIT 1001") for sql in counting)


@pytest.mark.parametrize("person", [rita, vera, ada])
def test_review_roles_see_the_queue(person):
    assert open_queue(browser(person())).status == 200


@pytest.mark.parametrize("person", [fred, nils])
def test_other_roles_get_403(person):
    waiting("Marta Villanueva")

    screen = open_queue(browser(person()))

    assert screen.status == 403
    assert "Marta" not in screen.html


def test_names_are_hidden_before_sign_in():
    waiting("Marta Villanueva")

    screen = Screen(Client().get("/review/", follow=True))

    assert "Marta" not in screen.html


@pytest.mark.parametrize("order", list(Order))
def test_previous_and_next_follow_the_list(order):
    many(4)
    waiting("Nobody knows when", edited_on=None)
    forth = list(reads.page(Tab.WAITING, order=order).records)

    back = [reads.neighbor(record, Tab.WAITING, order=order, is_backwards=True) for record in forth[1:]]

    assert back == [record.pk for record in forth[:-1]]
    assert [reads.neighbor(record, Tab.WAITING, order=order) for record in forth[:-1]] == [r.pk for r in forth[1:]]
    ids = [record.pk for record in forth]
    for place, record in enumerate(forth, 1):
        assert reads.ids_up_to(record, Tab.WAITING, order=order) == ids[:place][::-1]


def test_more_rows_load_without_the_page(monkeypatch):
    monkeypatch.setattr(reads.page, "__kwdefaults__", {**reads.page.__kwdefaults__, "size": 2})
    many(3)
    client = browser(rita())
    following = next(tag["hx-get"] for _, tag in open_queue(client).tags if tag.get("id") == "more")

    rows = Screen(client.get(following, headers={"HX-Request": "true"}))

    assert "Person 002" in rows.words
    assert "Person 001" not in rows.words
    assert "Person 002" in Screen(client.get(following.replace("review/more", "review/"))).words


def test_backlog_notice_counts_first_edits():
    waiting()
    MirrorCursor.objects.create(table="records", found_first=1400)
    assert "No mails go out" not in open_queue(browser(rita())).words

    preferences.change(by=ada(), backlog=True)

    assert (
        "1,400 edits came with the first reading. No mails go out about these edits"
        in open_queue(browser(rita())).words
    )
    assert "end backlog mode" in open_queue(browser(ada())).words
