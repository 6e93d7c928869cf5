"""A running client script: names of sequences go in and results come out, as lines of JSON."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self


class ClientFailed(AssertionError):
    """The client raised an unexpected error with this text."""


@dataclass
class Program:
    """A client in its own environment, running for the tests of a module."""

    process: subprocess.Popen[str]

    @classmethod
    def start(cls, command: Sequence[str], environment: Mapping[str, str]) -> Program:
        pipe = subprocess.PIPE
        return cls(subprocess.Popen(command, env=dict(environment), stdin=pipe, stdout=pipe, text=True))

    def run(self, sequence: str, **given: object) -> Any:
        """Return the result of a sequence. Raises ClientFailed."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"sequence": sequence, "given": given}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the client's program ended"
        answer = json.loads(line)
        if "error" in answer:
            raise ClientFailed(answer["error"])
        return answer["result"]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
