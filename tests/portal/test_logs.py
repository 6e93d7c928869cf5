"""Log output: one line per record, with any text."""

from __future__ import annotations

import io
import logging
import logging.config
from collections.abc import Iterator

import pytest
from celery.signals import after_setup_logger
from django.conf import settings

from portal import celery  # noqa: F401  (connects our formatter)
from syncapp.accounts import people

FORGED = "Bob\r\n2026-11-29 10:00:00,000 ERROR portal forged\u2028x\x1b[31m\x85\u202eexe"


@pytest.fixture(params=["web", "worker"])
def written(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    """Return the output of a web process or worker for the logger `tests.logs`."""
    stream, logger = io.StringIO(), logging.getLogger("tests.logs")
    handler = logging.StreamHandler(stream)
    if request.param == "web":
        config = logging.config.DictConfigurator(settings.LOGGING)
        handler.setFormatter(config.configure_formatter(dict(settings.LOGGING["formatters"]["line"])))
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
