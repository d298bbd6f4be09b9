"""`python -m uploads.sandbox ORDER`: does one task, answers one JSON object on its standard output, ends.

The answer is `{"outcome": ...}`, with `"error"`, the name of an exception's class, where a decoder gave up. Nothing
that decoders print leaves the process.
"""

from __future__ import annotations

import importlib
import json
import os
import sys

from uploads.sandbox.confinement import confine, die_with
from uploads.sandbox.orders import Order, RefusedError


def main() -> None:
    order = Order.from_json(sys.argv[1])
    die_with(order.parent)
    answers = os.dup(1)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    os.close(silence)

    module, _, name = order.task.partition(":")
    task = getattr(importlib.import_module(module), name)
    confine(order.parent, order.limits, threads=order.threads)
    answer = {"outcome": "DONE"}
    try:
        with (
            open(order.source, "rb", closefd=False) as source,
            open(order.target, "wb", buffering=0, closefd=False) as target,
        ):
            task(source, target, **order.parameters)
    except RefusedError as refusal:
        answer = {"outcome": refusal.outcome}
    except Exception as error:  # noqa: BLE001 - whatever a decoder raises, the file cannot be read
        answer = {"outcome": "UNREADABLE", "error": type(error).__name__}
    os.write(answers, json.dumps(answer).encode())
    # Decoders are left as they are: taking them down could only cost time, or crash.
    os._exit(0)


if __name__ == "__main__":
    main()
