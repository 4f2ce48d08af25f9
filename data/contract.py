"""The data contract: every feed a company may supply, each column said once.

The loader, the checks, `docs/feeds.md`, the missing-feed messages on the screens and the simulator all read this file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """What a value is, and with it how it is stored and which text is accepted for it."""

    KEY = "key"  # opaque identifier, kept as text: leading zeros and letter case matter
    TEXT = "text"  # short label
    MONEY = "money"  # DECIMAL(18,4) in the company's currency; plain digits, at most four decimals
    NUMBER = "number"  # DECIMAL(18,4), no unit of its own
    MOMENT = "moment"  # a point in time, stored in UTC; without an offset it is read in the company's zone
    FLAG = "flag"  # true / false
    SHARE = "share"  # a probability, 0 to 1


SQL_TYPE = {
    Kind.KEY: "varchar",
    Kind.TEXT: "varchar",
    Kind.MONEY: "decimal(18,4)",
    Kind.NUMBER: "decimal(18,4)",
    Kind.MOMENT: "timestamp",
    Kind.FLAG: "boolean",
    Kind.SHARE: "double",
}


@dataclass(frozen=True)
class Column:
    """One column of a feed.

    choices: the only values accepted (compared exactly). at_least: smallest value accepted.
    future: whether a moment may lie after the build (ends of validity may, events may not).
    default: SQL for the value when the source has none.
    """

    name: str
    kind: Kind
    meaning: str
    required: bool = False
    unit: str = ""
    choices: tuple[str, ...] = ()
    at_least: int | None = None
    future: bool = False
    default: str = ""


@dataclass(frozen=True)
class Feed:
    """One feed: its columns, what makes a row unique, and what the screens lose without it.

    key: columns that together may occur only once; empty when equal rows are two events (two equal order lines are).
    open: further columns are kept as attributes (customers only); elsewhere they are left out and reported.
    whole: a wrong or repeated row refuses the source; its rows are few choices, none of which may get lost.
    """

    name: str
    meaning: str
    columns: tuple[Column, ...]
    without: str
    key: tuple[str, ...] = ()
    open: bool = False
    required: bool = False
    whole: bool = False
    names: tuple[str, ...] = field(init=False)

    def __post_init__(self):
        object.__setattr__(self, "names", tuple(column.name for column in self.columns))

    def column(self, name: str) -> Column:
        """The column of that name."""
        return next(column for column in self.columns if column.name == name)


UNKNOWN = "(unknown)"  # what a missing partner, segment, region … is called in every table and on every screen
NOT_SAID = f"'{UNKNOWN}'"
CHANNEL_KINDS = ("web", "email", "teleservice", "mail", "wireless")

# fmt: off
# (one column, one line: the contract is read as a table)
FEEDS = {
    feed.name: feed
    for feed in (
        Feed(
            "lines",
            "Order lines: what was sold, returned or adjusted, one row a line.",
            (
                Column("order_id", Kind.KEY, "the order the line belongs to", required=True),
                Column("ordered_at", Kind.MOMENT, "when it was ordered; a return carries its own moment", required=True),
                Column("revenue", Kind.MONEY, "net of tax and discounts; negative for a return", required=True, unit="currency"),
                Column("customer_id", Kind.KEY, "opaque customer key; a line without one stays in the totals"),
                Column("line_id", Kind.KEY, "line number inside the order; when given, a repeated line is found"),
                Column("partner_id", Kind.KEY, "business partner the line was sold through or comes from", default=NOT_SAID),
                Column("product_id", Kind.KEY, "article", default=NOT_SAID),
                Column("category", Kind.TEXT, "product category", default=NOT_SAID),
                Column("line_type", Kind.TEXT, "what happened; derived from the sign of revenue when absent", choices=("sale", "return", "adjustment", "fee"), default="case when revenue < 0 then 'return' else 'sale' end"),
                Column("quantity", Kind.NUMBER, "units sold; negative for a return", unit="units"),
                Column("cost", Kind.MONEY, "goods, fulfilment and payment fees of the line", unit="currency"),
                Column("sales_channel", Kind.TEXT, "where it was bought", default=NOT_SAID),
                Column("currency", Kind.KEY, "ISO 4217 code; must be the company's one"),
                Column("recorded_at", Kind.MOMENT, "when the source system learned of it"),
            ),
            without="Nothing can be built without order lines.",
            key=("order_id", "line_id"),
            required=True,
        ),
        Feed(
            "customers",
            "Customers and their non-personal attributes, one row each.",
            (
                Column("customer_id", Kind.KEY, "opaque customer key", required=True),
                Column("joined_at", Kind.MOMENT, "when the relationship began"),
                Column("ended_at", Kind.MOMENT, "when a contract ended (contractual business only)", future=True),
                Column("region", Kind.TEXT, "sales region", default=NOT_SAID),
                Column("country", Kind.TEXT, "country", default=NOT_SAID),
                Column("segment", Kind.TEXT, "the company's own segment", default=NOT_SAID),
                Column("manager_id", Kind.KEY, "relationship manager in charge", default=NOT_SAID),
                Column("acquisition_channel", Kind.TEXT, "how the customer was won", default=NOT_SAID),
                Column("acquisition_cost", Kind.MONEY, "what winning the customer cost", unit="currency", at_least=0),
            ),
            without="No segments, regions, managers or acquisition cost: customers are known only by what they bought.",
            key=("customer_id",),
            open=True,
        ),
        Feed(
            "partners",
            "Business partners, one row each. A partner is a business, never a person.",
            (
                Column("partner_id", Kind.KEY, "partner key", required=True),
                Column("partner_name", Kind.TEXT, "name of the business"),
                Column("partner_type", Kind.TEXT, "dealer, manufacturer, affiliate, …", default=NOT_SAID),
                Column("tier", Kind.TEXT, "tier in the partner programme", default=NOT_SAID),
                Column("region", Kind.TEXT, "region the partner works in", default=NOT_SAID),
                Column("manager_id", Kind.KEY, "relationship manager in charge", default=NOT_SAID),
                Column("contact_level", Kind.TEXT, "level of the decision maker the company speaks with", default=NOT_SAID),
                Column("joined_at", Kind.MOMENT, "when the partnership began"),
                Column("merged_into", Kind.KEY, "key under which the partner goes on after a merger or a change of key"),
            ),
            without="Partners are shown by their key, without name, type or tier.",
            key=("partner_id",),
        ),
        Feed(
            "contacts",
            "Contacts in both directions, one row each: what the company sent, and service it gave.",
            (
                Column("customer_id", Kind.KEY, "opaque customer key", required=True),
                Column("channel", Kind.TEXT, "channel, as in the channels seed", required=True),
                Column("occurred_at", Kind.MOMENT, "when it was sent or received", required=True),
                Column("contact_id", Kind.KEY, "when given, a repeated contact is found"),
                Column("direction", Kind.TEXT, "out: the company reached out; in: the customer asked for service", choices=("out", "in"), default="'out'"),
                Column("campaign_id", Kind.KEY, "campaign it belongs to"),
                Column("cost", Kind.MONEY, "what this contact cost; the channel's unit cost when absent", unit="currency", at_least=0),
                Column("cost_basis", Kind.TEXT, "whether the cost was measured or assumed", choices=("measured", "assumed")),
                Column("arm", Kind.TEXT, "treated, or control: held out on purpose and not contacted", choices=("treated", "control"), default="'treated'"),
                Column("assignment", Kind.TEXT, "how the arm was chosen", choices=("random", "rule", "unknown"), default="'unknown'"),
                Column("p_assign", Kind.SHARE, "probability of the arm that was drawn", unit="0 to 1"),
                Column("responded", Kind.FLAG, "whether the customer answered", default="false"),
                Column("responded_at", Kind.MOMENT, "when the customer answered"),
                Column("response_kind", Kind.TEXT, "how the customer answered"),
                Column("recorded_at", Kind.MOMENT, "when the source system learned of it"),
            ),
            without="No relationship cost, no ROI, no responses: only what customers bought is known.",
            key=("contact_id",),
        ),
        Feed(
            "campaigns",
            "Campaigns and their fixed cost, one row each.",
            (
                Column("campaign_id", Kind.KEY, "campaign key", required=True),
                Column("name", Kind.TEXT, "name of the campaign"),
                Column("channel", Kind.TEXT, "main channel"),
                Column("starts_at", Kind.MOMENT, "first day", future=True),
                Column("ends_at", Kind.MOMENT, "last day", future=True),
                Column("fixed_cost", Kind.MONEY, "cost that does not depend on the number of contacts", unit="currency", at_least=0),
                Column("measured_from", Kind.MOMENT, "start of the window in which outcomes count; the first contact when absent", future=True),
                Column("measured_to", Kind.MOMENT, "end of that window, fixed beforehand; 30 days after the last contact when absent", future=True),
                Column("outcome", Kind.TEXT, "what it is judged by; margin when absent, revenue where lines have no cost", choices=("margin", "revenue", "orders", "responses")),
                Column("margin_rate", Kind.SHARE, "contribution margin of revenue, for companies whose lines have no cost", unit="0 to 1"),
                Column("treated_share", Kind.SHARE, "share drawn into treatment; from p_assign of the contacts when absent", unit="0 to 1"),
                Column("expected_effect", Kind.MONEY, "promised: incremental margin per treated customer", unit="currency"),
                Column("expected_low", Kind.MONEY, "lower end of the promise's 95 % interval", unit="currency"),
                Column("expected_high", Kind.MONEY, "upper end of the promise's 95 % interval", unit="currency"),
                Column("owner", Kind.KEY, "opaque key of who promised it"),
                Column("basis", Kind.TEXT, "model or rule the promise came from"),
            ),
            without="Campaigns are shown by their key, and their fixed cost is not part of the relationship cost.",
            key=("campaign_id",),
        ),
        Feed(
            "consents",
            "What each customer allows, per channel; the latest row counts.",
            (
                Column("customer_id", Kind.KEY, "opaque customer key", required=True),
                Column("channel", Kind.TEXT, "channel, as in the channels seed", required=True),
                Column("allowed", Kind.FLAG, "whether contact is allowed", required=True),
                Column("recorded_at", Kind.MOMENT, "when it was given or withdrawn"),
                Column("purpose", Kind.TEXT, "what the consent is for"),
                Column("collected", Kind.TEXT, "active: asked; passive: derived from behaviour", choices=("active", "passive")),
            ),
            without="Channels that need consent cannot be planned: nobody is known to have agreed.",
            key=("customer_id", "channel", "purpose", "recorded_at"),
        ),
        Feed(
            "assignments",
            "Who looks after which customer or partner, and since when.",
            (
                Column("subject", Kind.TEXT, "what is looked after", required=True, choices=("customer", "partner")),
                Column("subject_id", Kind.KEY, "customer or partner key", required=True),
                Column("manager_id", Kind.KEY, "relationship manager", required=True),
                Column("valid_from", Kind.MOMENT, "first day", future=True),
                Column("valid_to", Kind.MOMENT, "last day; open when absent", future=True),
            ),
            without="The manager named in the customers feed is in charge, without dates.",
            key=("subject", "subject_id", "valid_from"),
        ),
    )
}

SEEDS = {
    seed.name: seed
    for seed in (
        Feed(
            "channels",
            "Channels of communication: what one contact costs and how many can be made. The file is taken whole or not at all.",
            (
                Column("channel", Kind.KEY, "channel, as in the contacts feed", required=True),
                Column("label", Kind.TEXT, "how people call it", required=True),
                Column("kind", Kind.TEXT, "which of the five kinds it is", required=True, choices=CHANNEL_KINDS),
                Column("unit_cost", Kind.MONEY, "cost of one contact where the contacts feed does not say", unit="currency", at_least=0),
                Column("capacity_per_month", Kind.NUMBER, "contacts that can be made in a month", at_least=0),
                Column("min_days_between", Kind.NUMBER, "shortest time between two contacts to one customer", unit="days", at_least=0),
                Column("needs_consent", Kind.FLAG, "whether the customer must have agreed", default="true"),
                Column("status", Kind.TEXT, "measured or assumed", choices=("measured", "assumed"), default="'measured'"),
            ),
            without="No channel has a cost.",
            key=("channel",),
            whole=True,
        ),
        Feed(
            "targets",
            "What the company wants to reach, by metric, scope and period.",
            (
                Column("metric", Kind.KEY, "metric of the catalog", required=True),
                Column("scope", Kind.KEY, "company, or dimension=member", required=True),
                Column("period", Kind.KEY, "year (2026) or month (2026-03)", required=True),
                Column("value", Kind.NUMBER, "target in the metric's unit", required=True),
            ),
            without="No targets: figures are compared with the past only.",
            key=("metric", "scope", "period"),
        ),
        Feed(
            "rules",
            "Business rules: statement, metric, threshold, owner.",
            (
                Column("rule", Kind.KEY, "short name of the rule", required=True),
                Column("statement", Kind.TEXT, "the rule in words", required=True),
                Column("metric", Kind.KEY, "metric it is measured by"),
                Column("scope", Kind.KEY, "company, or dimension=member"),
                Column("threshold", Kind.NUMBER, "where it is kept or broken"),
                Column("direction", Kind.TEXT, "which side is kept", choices=("at least", "at most")),
                Column("owner", Kind.KEY, "role that answers for it"),
                Column("since", Kind.MOMENT, "since when it holds"),
            ),
            without="No rules.",
            key=("rule",),
        ),
        Feed(
            "policies",
            "Which figures of the whole company somebody may see who otherwise sees only an own part of it.",
            (
                Column("role", Kind.KEY, "role, such as manager", required=True),
                Column("metric", Kind.KEY, "metric of the catalog; a share or a ratio, so that no sum can be worked back", required=True),
                Column("least_others", Kind.NUMBER, "shown only where so many active customers are somebody else's", at_least=10, default="100"),
            ),
            without="Nobody sees a company's figure beside the own one.",
            key=("role", "metric"),
        ),
    )
}
# fmt: on
