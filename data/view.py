"""Scope and View: which part of the company a reader may see, and which part of that was asked for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date

from data.catalog import DIMENSIONS, attribute

PARTNER = "partner_id"
SMALLEST_GROUP = 10  # customers: of fewer, readers of groups see nothing
Members = tuple[tuple[str, tuple[str, ...]], ...]


class Refused(ValueError):
    """A question that cannot be answered as asked; the message says why and what can be asked instead."""


@dataclass(frozen=True)
class Scope:
    """What a reader may see: everything, or the rows of the own customers or the own partners. No members: no rows.

    A manager may look after customers and after partners. Every question is asked of one of the two (`about`), so that
    margin, cost and counts on one screen are those of the same events.
    attributes: readers who see groups only may split and filter by these attributes of customers; None: by any, and
    see single customers too.
    """

    everything: bool = False
    members: Members = ()
    attributes: tuple[str, ...] | None = None

    def __str__(self) -> str:
        groups = ", in groups" if self.attributes is not None else ""
        if self.everything:
            return "all customers and partners" + groups
        return (" or ".join(spoken(name, chosen) for name, chosen in self.members) or "nothing") + groups

    def about(self, partners: bool, single: bool) -> Scope:
        """The part that a question is asked of: the own partners when it names partners, else the own customers.

        Who has only the other kind is answered from that; but a partner's sales never open its single customers.
        """
        own = tuple(one for one in self.members if one[0] == PARTNER and not single)
        others = tuple(one for one in self.members if one[0] != PARTNER)
        return replace(self, members=(own or others) if partners else (others or own))

    @property
    def limits(self) -> str:
        """What a reader should know is left out, in words; empty when nothing is."""
        if not self.everything:
            return f"Only {self.about(partners=False, single=False)}"
        return "Groups only, no single customers" if self.attributes is not None else ""


EVERYTHING = Scope(everything=True)


@dataclass(frozen=True)
class View:
    """Which part of the company: the reader's scope, members of dimensions, months since and until (inclusive)."""

    scope: Scope = field(default_factory=Scope)
    members: Members = ()
    since: date | None = None
    until: date | None = None

    def between(self, since: date | None, until: date | None) -> View:
        """The same view over other months."""
        return replace(self, since=since, until=until)

    def only(self, name: str, *chosen: str) -> View:
        """The same view narrowed to members of one further dimension."""
        return replace(self, members=(*self.members, (name, chosen)))

    def __str__(self) -> str:
        parts = [spoken(name, chosen) for name, chosen in self.members]
        if not self.scope.everything:
            parts.append(f"within {self.scope}")
        if self.since or self.until:
            first, last = (f"{day:%b %Y}" if day else "" for day in (self.since, self.until))
            parts.append(first if first == last else f"{first or 'the beginning'} to {last or 'the latest month'}")
        else:
            parts.append("whole history")
        return ", ".join(parts)


def spoken(name: str, chosen: tuple[str, ...]) -> str:
    """'segment home or business', as the subtitle says it."""
    shown = " or ".join(chosen[:4]) + (f" or {len(chosen) - 4} more" if len(chosen) > 4 else "")
    return f"{label(name).lower()} {shown or 'none'}"


def label(name: str) -> str:
    """The label of a dimension, also of one that only this build has."""
    return (DIMENSIONS.get(name) or attribute(name)).label
