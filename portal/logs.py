"""Log formatting and filtering."""

from __future__ import annotations

import logging
from types import TracebackType

from syncapp.text import escaping

_PROBES = "/healthz"
_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class QuietOutages(logging.Filter):
    """Shortens the log during outages: failing probes are no errors, and 503 pages log one line without a traceback.

    The traceback would be the same for each request.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Adjust the record and keep it."""
        request, status = getattr(record, "request", None), getattr(record, "status_code", 0)
        if status != 503:
            return True
        if getattr(request, "path", "") == _PROBES:
            record.levelno, record.levelname = logging.INFO, logging.getLevelName(logging.INFO)
        if record.exc_info and record.exc_info[1]:
            record.msg = f"{record.getMessage()} ({type(record.exc_info[1]).__name__})"
            record.args, record.exc_info = (), None
        return True


class LineFormatter(logging.Formatter):
    """Escapes untrusted text, so that it can neither forge nor hide lines of the log.

    Tracebacks are indented, because their last line is the message of an exception, which may quote anything.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Return the record as one line."""
        return escaping.log_line(super().formatMessage(record))

    def formatException(self, ei: _ExcInfo) -> str:
        """Return the traceback, indented."""
        return escaping.log_lines(super().formatException(ei))
