"""Log output: one line per record, with any text."""

from __future__ import annotations

import io
import json
import logging
import logging.config
from collections.abc import Iterator

import pytest
from celery.signals import after_setup_logger
from django.conf import settings
from django.test import Client

from portal import celery, logs
from syncapp import log_context
from syncapp.accounts import people

FORGED = "Bob\r\n2026-11-29 10:00:00,000 ERROR portal forged\u2028x\x1b[31m\x85\u202eexe"


@pytest.fixture(params=["web", "worker"])
def written(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    """Return the output of a web process or worker for the logger `tests.logs`."""
    stream, logger = io.StringIO(), logging.getLogger("tests.logs")
    handler = logging.StreamHandler(stream)
    if request.param == "web":
        config = logging.config.DictConfigurator(settings.LOGGING)
        handler.setFormatter(config.configure_formatter(dict(settings.LOGGING["formatters"]["log"])))
    logger.handlers = [handler]
    if request.param == "worker":
        after_setup_logger.send(None, logger=logger, format="%(asctime)s %(levelname)s %(message)s")
    yield stream
    logger.handlers.clear()


def test_untrusted_text_forges_no_record(written: io.StringIO) -> None:
    logging.getLogger("tests.logs").warning("contact %s", FORGED)

    assert written.getvalue().endswith("[right-to-left override]exe\n")
    assert len(written.getvalue().splitlines()) == 1


def test_exception_message_forges_no_record(written: io.StringIO) -> None:
    try:
        raise ValueError(FORGED)
    except ValueError:
        logging.getLogger("tests.logs").exception("job failed")

    first, *rest = written.getvalue().splitlines()
    assert first.endswith("job failed")
    assert any("portal forged[line separator]x" in line for line in rest)
    assert all(line.startswith("  ") for line in rest)


def test_unknown_role_is_logged_on_one_line(caplog: pytest.LogCaptureFixture) -> None:
    people.known_roles(frozenset({FORGED}))

    assert "Bob[line break (CR LF)]2026" in caplog.messages[0]
    assert len(caplog.messages[0].splitlines()) == 1


@pytest.fixture
def entries() -> Iterator[list[dict[str, str]]]:
    """Return what the portal logs as JSON, a dictionary for each line; filled as it happens."""
    found: list[dict[str, str]] = []

    class Parsed(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(json.loads(self.format(record)))

    handler = Parsed()
    handler.setFormatter(logs.formatter("json"))
    loggers = [logging.getLogger(name) for name in ("syncapp", "django.request", "tests.logs")]
    for logger in loggers:
        logger.addHandler(handler)
    yield found
    for logger in loggers:
        logger.removeHandler(handler)


def test_json_line_holds_text_and_traceback(entries: list[dict[str, str]]) -> None:
    try:
        raise ValueError(FORGED)
    except ValueError:
        logging.getLogger("tests.logs").exception("contact %s", FORGED)

    assert (entries[0]["level"], entries[0]["logger"]) == ("ERROR", "tests.logs")
    assert entries[0]["message"] == f"contact {FORGED}"
    assert "ValueError: Bob" in entries[0]["exception"]
    assert entries[0]["time"].endswith("+00:00")


def test_json_is_one_line_of_ascii() -> None:
    record = logging.LogRecord("tests.logs", logging.INFO, "", 0, FORGED, (), None)

    line = logs.formatter("json").format(record)
    assert line.isascii()
    assert line.isprintable()


def test_line_ends_with_its_context(written: io.StringIO) -> None:
    with log_context.bound(request="abc"), log_context.bound(job="delivery:7"):
        logging.getLogger("tests.logs").warning("sent")
    logging.getLogger("tests.logs").warning("idle")

    assert [line.partition("sent")[2] for line in written.getvalue().splitlines()] == [
        " request=abc job=delivery:7",
        "",
    ]


@pytest.mark.django_db
def test_response_and_log_share_request_id(entries: list[dict[str, str]], client: Client) -> None:
    response = client.get("/no-such-page")

    assert entries[0]["request"] == response.headers["X-Request-ID"]
    assert log_context.current() == {}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("sent", "is_taken"), [("f00f-2026-11-30", True), ("short", False), ("x" * 65, False), ("a b c d e f g", False)]
)
def test_only_well_formed_request_id_is_accepted(sent: str, is_taken: bool, client: Client) -> None:
    response = client.get("/no-such-page", headers={"X-Request-ID": sent})

    assert (response.headers["X-Request-ID"] == sent) == is_taken


def test_error_page_shows_request_id(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ValueError

    monkeypatch.setattr("syncapp.web.base.health.check_health", fail)
    client.raise_request_exception = False

    response = client.get("/healthz")

    assert response.status_code == 500
    assert response.headers["X-Request-ID"] in response.text


def test_log_lines_name_their_task(entries: list[dict[str, str]]) -> None:
    @celery.app.task(name="tests.logs.task")
    def task() -> None:
        logging.getLogger("tests.logs").warning("working")

    done = task.apply()

    assert (entries[0]["task"], entries[0]["task_id"]) == ("tests.logs.task", done.id)
    assert log_context.current() == {}
