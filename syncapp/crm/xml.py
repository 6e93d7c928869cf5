"""Parsing of the CRM's XML; document types are refused, because they could expand to huge texts or read files."""

from __future__ import annotations

from xml.etree import ElementTree

from syncapp.crm.errors import ProtocolError

Element = ElementTree.Element

_MAX_LENGTH = 1_000_000
_MAX_DEPTH = 50


class _WithoutDocumentType(ElementTree.TreeBuilder):
    def __init__(self) -> None:
        super().__init__()
        self._depth = 0

    def doctype(self, name: str, public: str | None, system: str | None) -> None:
        # Called before any of the document type is processed.
        raise ValueError("a document type")

    def start(self, tag: str, attrs: dict[str, str], /) -> Element:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise ValueError("nested too deeply")
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> Element:
        self._depth -= 1
        return super().end(tag)


def parse(text: str) -> Element:
    """Return the root element. Raises ProtocolError for invalid, huge or deeply nested XML, or a document type."""
    if len(text) > _MAX_LENGTH:
        raise ProtocolError("The CRM's XML is too long.", code="xml")
    parser = ElementTree.XMLParser(target=_WithoutDocumentType())  # noqa: S314 - the target refuses document types
    try:
        parser.feed(text)
        root: Element = parser.close()
    except (ElementTree.ParseError, ValueError) as error:
        raise ProtocolError("The CRM's XML cannot be read.", code="xml") from error
    return root


def write(root: Element) -> str:
    """Return the element as text."""
    return ElementTree.tostring(root, encoding="unicode")
