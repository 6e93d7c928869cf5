"""The format of our log lines."""

from __future__ import annotations

import logging
from types import TracebackType

from syncapp.text import escaping

_PROBES = "/healthz"
_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class QuietOutages(logging.Filter):
    """Keep the log readable while something is away: a probe that says so is no error, and one line names an outage.

    The traceback of a page that had no database would be the same for each request.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record; none is dropped."""
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
    """Write each record so that text of others in it begins no line of the log and hides nothing.

    The lines of a traceback are indented: its last one is the message of an exception, which may quote anything.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Return the record on one line."""
        return escaping.log_line(super().formatMessage(record))

    def formatException(self, ei: _ExcInfo) -> str:
        """Return the traceback, indented."""
        return escaping.log_lines(super().formatException(ei))
