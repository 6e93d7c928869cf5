"""The format of our log lines."""

from __future__ import annotations

import logging
from types import TracebackType

from syncapp import safe_text

_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class LineFormatter(logging.Formatter):
    """Write each record so that text of others in it begins no line of the log and hides nothing.

    The lines of a traceback are indented: its last one is the message of an exception, which may quote anything.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Return the record on one line."""
        return safe_text.log_line(super().formatMessage(record))

    def formatException(self, ei: _ExcInfo) -> str:
        """Return the traceback, indented."""
        return safe_text.log_lines(super().formatException(ei))
