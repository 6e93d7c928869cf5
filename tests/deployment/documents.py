"""The commands of a document: its code blocks that begin with `sh` and a name."""

from __future__ import annotations

import re
import textwrap

from tests.support.servers import PROJECT

_BLOCK = re.compile(
    r"^(?P<indent> *)```sh (?P<name>[\w-]+)\n(?P<commands>.*?)^(?P=indent)```$", re.DOTALL | re.MULTILINE
)


def commands(document: str) -> dict[str, str]:
    """Return the commands of docs/how-to/`document` by the names of their blocks, in order."""
    text = (PROJECT / "docs" / "how-to" / document).read_text(encoding="utf-8")
    return {found["name"]: textwrap.dedent(found["commands"]) for found in _BLOCK.finditer(text)}
