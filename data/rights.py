"""Who may do what: roles, the permissions each has, which roles one person may not hold together, and the actor.

Whatever is not written here is denied. Pages name a permission in app.py; the journal checks one at every write.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from data.view import Scope

# Permissions. The first ones open pages; the others are actions.
ENTER = "enter"  # signed in with any role: the words and what one saved oneself
VIEW = "view"  # figures of many customers, inside one's scope
CUSTOMERS = "customers"  # single customers, by their opaque keys
TRUST = "trust"  # what came in, what was left out, control totals of the whole company
PARTNER = "partner"  # the figures of one partner, for itself
ACCESS = "access"  # who has which role, and since when
AUDIT = "audit"  # the audit trail
SAVE_VIEW = "save view"
SHARE_VIEW = "share view"  # with one's team or the company
SET_DEFAULT = "set default view"  # for everybody of a role
NOTE = "note"
EXPORT = "export"
CAMPAIGNS = "campaigns"  # see campaigns: managers their own, the others all
DRAFT_CAMPAIGN = "draft campaign"  # write one, submit it, take it back
APPROVE_CAMPAIGN = "approve campaign"  # be the second person of it
SEND_CAMPAIGN = "send campaign"  # export one's own campaign once it is approved
RESPOND = "respond"  # bring answers of customers back
SAVE_PLAN = "save plan"  # keep a channel plan
OVERRIDE_PLAN = "override plan"  # decide about single customers: managers about their own, approvers about all
PROPOSE_RELEASE = "propose release"  # a list of customers whom it no longer pays to contact
RELEASE = "release"  # be the second person of such a list
ASK_GRANT = "ask grant"  # propose that somebody gets a role
DECIDE_GRANT = "decide grant"  # be the second person of such a proposal
REVOKE_GRANT = "revoke grant"
END_SESSIONS = "end sessions"  # sign somebody out everywhere
EMERGENCY = "emergency"  # take a role for one hour, alone; reviewed afterwards
REVIEW_EMERGENCY = "review emergency"
VIEW_AS = "view as"  # see what somebody else sees; nothing can be changed meanwhile

EXECUTIVE, MANAGER, APPROVER = "executive", "manager", "approver"
AUDITOR, ADMIN, PARTNER_ROLE = "auditor", "admin", "partner"

ROLES: dict[str, frozenset[str]] = {
    EXECUTIVE: frozenset(
        {ENTER, VIEW, TRUST, SAVE_VIEW, SHARE_VIEW, SET_DEFAULT, NOTE, EXPORT, EMERGENCY, CAMPAIGNS, SAVE_PLAN}
    ),
    MANAGER: frozenset(
        {ENTER, VIEW, CUSTOMERS, SAVE_VIEW, SHARE_VIEW, NOTE, EXPORT}
        | {CAMPAIGNS, DRAFT_CAMPAIGN, SEND_CAMPAIGN, RESPOND}
        | {SAVE_PLAN, OVERRIDE_PLAN, PROPOSE_RELEASE}
    ),
    APPROVER: frozenset(
        {ENTER, VIEW, CUSTOMERS, TRUST, SAVE_VIEW, SHARE_VIEW, NOTE, EXPORT, EMERGENCY, CAMPAIGNS, APPROVE_CAMPAIGN}
        | {SAVE_PLAN, OVERRIDE_PLAN, RELEASE}
    ),
    AUDITOR: frozenset({ENTER, VIEW, CUSTOMERS, TRUST, ACCESS, AUDIT, EXPORT, REVIEW_EMERGENCY, CAMPAIGNS}),
    ADMIN: frozenset({ENTER, ACCESS, ASK_GRANT, DECIDE_GRANT, REVOKE_GRANT, END_SESSIONS, REVIEW_EMERGENCY, VIEW_AS}),
    PARTNER_ROLE: frozenset({ENTER, PARTNER}),
}
CHANGES = frozenset(
    {SAVE_VIEW, SHARE_VIEW, SET_DEFAULT, NOTE, EXPORT, ASK_GRANT, DECIDE_GRANT, REVOKE_GRANT, END_SESSIONS, EMERGENCY}
    | {REVIEW_EMERGENCY, VIEW_AS, DRAFT_CAMPAIGN, APPROVE_CAMPAIGN, SEND_CAMPAIGN, RESPOND}
    | {SAVE_PLAN, OVERRIDE_PLAN, PROPOSE_RELEASE, RELEASE}
)  # what nobody can do while looking through somebody else's eyes

# Roles one person may not hold together, because one checks the other or because each has rows of its own to see.
TOXIC: frozenset[frozenset[str]] = frozenset(
    frozenset(pair)
    for pair in (
        (MANAGER, APPROVER),
        (MANAGER, EXECUTIVE),
        (MANAGER, AUDITOR),
        (APPROVER, AUDITOR),
        *((ADMIN, other) for other in (EXECUTIVE, MANAGER, APPROVER, AUDITOR, PARTNER_ROLE)),
        *((PARTNER_ROLE, other) for other in (EXECUTIVE, MANAGER, APPROVER, AUDITOR)),
    )
)
EMERGENCY_MINUTES = 60
SESSION_HOURS = 12  # after which everybody signs in again


class Forbidden(PermissionError):
    """The actor may not do this; the message says what is lacking and whom to ask."""


@dataclass(frozen=True)
class Held:
    """A role somebody holds. subject: whose book or which partner it is about, for managers and partners."""

    role: str
    subject: str = ""


@dataclass(frozen=True)
class Actor:
    """Who acts: an opaque key of a person, the name the identity provider gave, and the roles held now.

    viewed_by: the person who looks through this one's eyes; nothing can be changed then.
    emergency_until: when a role taken in an emergency ends, as UTC text; empty when there is none.
    """

    person: str
    name: str = ""
    held: tuple[Held, ...] = ()
    session: str = ""
    viewed_by: str = ""
    emergency_until: str = ""
    system: bool = field(default=False, compare=False)

    @property
    def roles(self) -> frozenset[str]:
        """The names of the roles held."""
        return frozenset(one.role for one in self.held)

    def may(self, permission: str) -> bool:
        """Whether one of the roles carries the permission, and nobody is merely looking through these eyes."""
        if self.viewed_by and permission in CHANGES:
            return False
        return self.system or any(permission in ROLES.get(role, frozenset()) for role in self.roles)

    def require(self, permission: str) -> None:
        """Raise Forbidden without the permission."""
        if not self.may(permission):
            why = "while looking as somebody else" if self.viewed_by else f"without the right to “{permission}”"
            raise Forbidden(f"This cannot be done {why}. Ask the person who looks after access.")


@dataclass(frozen=True)
class Machine(Actor):
    """A program that proved itself to the identity provider: it brings answers back, and may do nothing else."""

    def may(self, permission: str) -> bool:
        """Only one thing."""
        return permission == RESPOND


NOBODY = Actor("")
SYSTEM = Actor("system", "Rapport", system=True)


def contradictions(roles: frozenset[str]) -> list[tuple[str, str]]:
    """Pairs among these roles that one person may not hold together, in alphabetical order."""
    return sorted((min(pair), max(pair)) for pair in TOXIC if pair <= roles)


def named(subject: str) -> bool:
    """Whether a subject is somebody, and not the stand-in for what nobody knows, `(unknown)`."""
    return bool(subject) and not subject.startswith("(")


def scope_of(held: tuple[Held, ...], groupable: tuple[str, ...], partners: dict[str, tuple[str, ...]]) -> Scope:
    """The rows these roles may see. Roles without rows of their own see none.

    groupable: attributes by which nobody can be singled out, for those who see groups only.
    partners: manager -> partners assigned to that manager in the build on the screen.
    """
    roles = frozenset(one.role for one in held)
    if roles & {APPROVER, AUDITOR}:
        return Scope(everything=True)
    if EXECUTIVE in roles:
        return Scope(everything=True, attributes=groupable)
    books = tuple(sorted({one.subject for one in held if one.role == MANAGER and named(one.subject)}))
    own = {one.subject for one in held if one.role == PARTNER_ROLE and named(one.subject)}
    looked_after = sorted(own | {partner for book in books for partner in partners.get(book, ())})
    only_groups = () if PARTNER_ROLE in roles else None  # an outside company sees sums, by nothing of its customers
    members = ((("manager_id", books),) if books else ()) + (
        (("partner_id", tuple(looked_after)),) if looked_after else ()
    )
    return Scope(members=members, attributes=only_groups)
