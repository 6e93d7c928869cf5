"""Log formatting and filtering."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from types import TracebackType

from syncapp import log_context
from syncapp.text import escaping

LINE = "%(asctime)s %(levelname)s %(name)s %(message)s"

_PROBES = "/healthz"
_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class QuietOutages(logging.Filter):
    """A filter that shortens the log during outages: failing probes are not errors, and a 503 page logs one line.

    The traceback for a 503 page is dropped, because it would be the same for each request.
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
    """A formatter that escapes untrusted text, so that it can neither forge nor hide lines of the log.

    Tracebacks are indented, because their last line is the message of an exception, which may quote untrusted text.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Return the record as one line that ends with the current request, task or job."""
        context = "".join(f" {name}={value}" for name, value in log_context.current().items())
        return escaping.log_line(super().formatMessage(record) + context)

    def formatException(self, ei: _ExcInfo) -> str:
        """Return the traceback, indented."""
        return escaping.log_lines(super().formatException(ei))


class JsonFormatter(logging.Formatter):
    """A formatter for JSON objects with time, level, logger, message, and the current request, task or job.

    JSON escapes line breaks, and all characters outside ASCII are escaped, so no text can forge or hide a line.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON."""
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **log_context.current(),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry)


def formatter(kind: str, line: str = LINE) -> logging.Formatter:
    """Return the formatter for a LOG_FORMAT: JSON for "json", otherwise text in the logging format `line`."""
    return JsonFormatter() if kind == "json" else LineFormatter(line)
