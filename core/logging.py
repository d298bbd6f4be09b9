"""How a process writes its log: lines for people in development, one JSON object a line in production."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

from core.settings import Settings

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message", "taskName"}

TELLS_TOO_MUCH = (
    "tortoise",
    "mail.log",
    "asyncio",
    "uvicorn.access",
    "uvicorn.error",
    "websockets",
    "httpx",
    "httpcore",
)
"""Loggers that write down what people sent, held at warnings however curious the operator is.

Values of statements, addresses of people; uvicorn's and httpx's: addresses with their query (info), headers and frames
of WebSockets (debug).
"""


class JsonFormatter(logging.Formatter):
    """`at` (RFC 3339, UTC), `level`, `logger`, `message`, `error` (the traceback), then what was passed as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def configure_logging(settings: Settings) -> None:
    """Send every logger of this process to standard error, in the format that the settings ask for."""
    as_json = settings.log_format == "json" or (settings.log_format == "auto" and not settings.development)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        JsonFormatter()
        if as_json
        else logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s", datefmt="%H:%M:%S")
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers[:] = []
        logger.propagate = True
    for name in TELLS_TOO_MUCH:
        logging.getLogger(name).setLevel(logging.WARNING)
    if settings.log_level != "debug":
        logging.getLogger("arq").setLevel(logging.WARNING)
