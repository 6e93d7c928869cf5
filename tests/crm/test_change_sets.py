"""Broken answers to several steps: cut off anywhere, with missing parts, extra parts or the wrong kind of part."""

from __future__ import annotations

import json
from uuid import UUID

import pytest

from syncapp.crm import errors
from syncapp.crm.batch import Read, Write, WriteAnyVersion
from syncapp.crm.change_sets import Step, execute_steps, responses_of
from syncapp.crm.client import CrmClient
from syncapp.crm.filters.records import FilterChange, FilterSwitch
from syncapp.crm.responses import Response
from tests.crm.local_server import RecordingTransport, http, in_turn, json_answer, serve

ROW = UUID("6b29fc40-ca47-1067-b31d-00dd010662da")
STEP = Step((Write("userqueries", ROW, 'W/"1"', {"statecode": 1}),), Read("userqueries", {}))

DONE = b"""--b
Content-Type: multipart/mixed; boundary=c

--c
Content-Type: application/http
Content-ID: 1

HTTP/1.1 204 No Content


--c--
"""
READ = b"""--b
Content-Type: application/http

HTTP/1.1 200 OK

{"value":[]}
"""
REFUSED = b"""--b
Content-Type: application/http

HTTP/1.1 412 Precondition Failed

{"error":{"code":"0x80060882","message":"changed"}}
"""
BARE = REFUSED.replace(b"412 Precondition Failed", b"204 No Content")
END = b"--b--\n"


def _carried_out(body: bytes, *, steps: int = 2):
    answer = http(200, body.replace(b"\n", b"\r\n"), content_type="multipart/mixed; boundary=b")
    with serve(in_turn(answer)) as server:
        transport = RecordingTransport(origin=server.origin)
        return execute_steps(transport, [STEP] * steps, headers=None, deadline=None)


def test_steps_are_answered_in_order():
    first, second = _carried_out(DONE + READ + REFUSED + READ + END)

    assert first.error is None
    assert first.proof.status == 200
    assert isinstance(second.error, errors.Stale)
    assert not second.error.may_have_applied
    assert second.proof.status == 200


def test_missing_part_leaves_outcome_unknown():
    first, second = _carried_out(DONE + READ + END)

    assert first.error is None
    assert isinstance(second.error, errors.Unreachable)
    assert second.error.may_have_applied
    assert second.proof is None


def test_missing_read_back_does_not_fail_step():
    _, second = _carried_out(DONE + READ + DONE + END)

    assert (second.error, second.proof) == (None, None)


def test_truncated_response_never_rules_out_a_write():
    complete = (DONE + READ + DONE + READ + END).replace(b"\n", b"\r\n")
    type_only = {"content-type": "multipart/mixed; boundary=b"}

    for length in range(len(complete)):
        try:
            responses = responses_of(Response(200, type_only, complete[:length]), [STEP, STEP])
        except errors.ProtocolError as error:
            doubts = [error]
        else:
            doubts = [response.error for response in responses if response.error is not None]
        assert all(error.may_have_applied for error in doubts), length


@pytest.mark.parametrize(
    "strange", [BARE, DONE.replace(b"--c--", b"--c\nContent-Type: x/y\n\nHTTP/1.1 204 X\n\n\n--c--")]
)
def test_unexpected_part_leaves_outcome_unknown(strange):
    (answer,) = _carried_out(strange + READ + END, steps=1)

    assert isinstance(answer.error, errors.ProtocolError)
    assert answer.error.may_have_applied


def test_error_inside_change_set_is_reported_for_step():
    (answer,) = _carried_out(DONE.replace(b"204 No Content", b"403 Forbidden") + READ + END, steps=1)

    assert isinstance(answer.error, errors.Forbidden)
    assert not answer.error.may_have_applied


def test_5xx_leaves_outcome_unknown():
    (answer,) = _carried_out(REFUSED.replace(b"412", b"500") + READ + END, steps=1)

    assert isinstance(answer.error, errors.ServerFault)
    assert answer.error.may_have_applied


@pytest.mark.parametrize("body", [b"nonsense", DONE + READ + DONE + READ + READ + END])
def test_invalid_answer_leaves_all_outcomes_unknown(body):
    with pytest.raises(errors.ProtocolError) as caught:
        _carried_out(body)

    assert caught.value.may_have_applied


def test_each_owner_gets_change_set_and_read_back():
    answer = http(
        200, (DONE + READ + DONE + READ + END).replace(b"\n", b"\r\n"), content_type="multipart/mixed; boundary=b"
    )
    other = UUID(int=7)
    switches = [
        FilterSwitch(ROW, (FilterChange(ROW, active=False, etag='W/"1"'), FilterChange(other, active=True))),
        FilterSwitch(other, (FilterChange(other, active=False, etag='W/"3"'),)),
    ]
    with serve(in_turn(answer)) as server:
        CrmClient(transport=RecordingTransport(origin=server.origin)).filters.switch(switches, tag="run 7")

    body = server.requests[0].body.decode()
    assert body.count('boundary="changeset_') == 2
    assert body.count("PATCH ") == body.count("If-Match: ") == body.count("?tag=run%207") == 3
    assert [line for line in body.split("\r\n") if line.startswith("If-Match")] == [
        'If-Match: W/"1"',
        "If-Match: *",
        'If-Match: W/"3"',
    ]
    assert body.count("GET /api/data/v9.2/userqueries?") == 2
    assert f"querytype%20eq%20256%20and%20_ownerid_value%20eq%20{ROW} " in body.replace("&", " ")
    assert server.requests[0].headers["prefer"] == "odata.continue-on-error"


def test_step_without_writes_is_refused():
    with pytest.raises(ValueError, match="empty change set"), serve(in_turn(b"")) as server:
        execute_steps(
            RecordingTransport(origin=server.origin), [Step((), Read("userqueries", {}))], headers=None, deadline=None
        )


def test_wildcard_never_creates_row():
    assert WriteAnyVersion("userqueries", ROW, {}).condition == {"If-Match": "*"}


FIELD = {"@odata.etag": 'W/"1"', "osync_decision": 410000000, "statecode": 0, "versionnumber": 1}


def _fields(*ids: UUID, **more: str) -> dict[str, object]:
    return {"value": [{"osync_syncfieldid": str(each), **FIELD} for each in ids], **more}


def test_record_fields_are_read_from_all_pages():
    no_such_row = b'{"error":{"code":"0x80040217","message":"contact With Id = 77 Does Not Exist"}}'
    gone = READ.replace(b"200 OK", b"404 Not Found").replace(b'{"value":[]}', no_such_row)

    def answer(request):
        if request.method == "GET":
            return json_answer(_fields(UUID(int=2)))
        first = _fields(UUID(int=1), **{"@odata.nextLink": f"{server.origin}/api/data/v9.2/osync_syncfields?page=2"})
        listed = READ.replace(b'{"value":[]}', json.dumps(first).encode())
        body = (gone + listed + gone + END).replace(b"\n", b"\r\n")
        return http(200, body, content_type="multipart/mixed; boundary=b")

    with serve(answer) as server:
        crm = CrmClient(transport=RecordingTransport(origin=server.origin))
        view = crm.read_for_delivery(table="contact", contact_id=ROW, columns=[], record_ids=[ROW])

    assert set(view.fields) == {UUID(int=1), UUID(int=2)}
