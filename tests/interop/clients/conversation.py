"""The protocol of client scripts: a line of JSON names a sequence, a line of JSON is its result."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable, Mapping


def serve(sequences: Mapping[str, Callable[..., object]]) -> None:
    """Run sequences until the input ends; output of the client itself goes to standard error."""
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            answer = {"result": sequences[asked["sequence"]](**asked["given"])}
        except Exception:  # noqa: BLE001 - the test decides what an exception of the client means
            answer = {"error": traceback.format_exc()}
        answers.write(json.dumps(answer, default=str) + "\n")
        answers.flush()
