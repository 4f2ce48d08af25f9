"""Documents to take along: a page made for reading and printing, worked out when it is fetched."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from data.rights import EXPORT
from data.view import View

if TYPE_CHECKING:
    from data.warehouse import Build


@dataclass(frozen=True)
class Document(ABC):
    """A page for one reader. view: with the reader's scope. reader: the name on it. at: when it was asked for (UTC)."""

    view: View
    reader: str
    at: str

    permissions: ClassVar[tuple[str, ...]] = (EXPORT,)
    extension: ClassVar[str] = "html"
    mime: ClassVar[str] = "text/html; charset=utf-8"

    @abstractmethod
    def html(self, build: Build) -> str:
        """The whole page, the same each time. Raises Forbidden for what the view does not hold."""

    @abstractmethod
    def __str__(self) -> str:
        """What it is about, for the record."""
