"""The tables of a build that answer questions, smallest first."""

from __future__ import annotations

from dataclasses import dataclass

from data.catalog import DIMENSIONS

LINE_COLUMNS = frozenset({"revenue", "goods_cost", "returns", "lines", "orders"})
CONTACT_COLUMNS = frozenset(
    {
        "contact_cost",
        "fixed_cost",
        "cost",
        "service_cost",
        "acquisition_cost",
        "contacts",
        "service_contacts",
        "responses",
    }
)
ALL_COLUMNS = LINE_COLUMNS | CONTACT_COLUMNS | {"margin"}
SCORE_COLUMNS = frozenset(
    {"scored", "p_no_purchase", "expected_margin_12m", "potential_value", "potential_1y", "potential_3y"}
    | {"margin_at_risk", "value_of_acting"}
)
REACH_COLUMNS = frozenset({"reached", "high_responders", "low_responders", "unsure_responders", "unresponsive_cost"})
CUSTOMER_DIMS = frozenset({"segment", "region", "country", "manager_id", "acquisition_channel"})

GOES_ON = "goes_on_as"  # the partner that another one merged into, and so the one whose right it is

# Counts of different things may not be added up over these dimensions: one thing occurs in several of their members.
COLUMNS_NOT_ADDITIVE_OVER = {
    "orders": frozenset({"partner_id", "category", "product_id", "sales_channel", "line_type"}),
    "customers": frozenset({"month", "partner_id", "category", "product_id", "sales_channel", "line_type"}),
}


def is_of_customer(name: str) -> bool:
    """Whether a dimension is an attribute of the customer; one the catalog lacks is known to this build only."""
    return name not in DIMENSIONS or DIMENSIONS[name].of_customer


@dataclass(frozen=True)
class Table:
    """One table: its grain, the dimensions and the additive columns it holds.

    of_customers: it has one row (or more) for each customer, and no row for lines without one.
    of_whole: it compares with the whole company, so that only readers of everything may see its rows.
    groups: a column that counts customers, and the columns about those customers: readers of groups are not told them
    where they are fewer than the smallest group.
    """

    name: str
    grain: tuple[str, ...]
    columns: frozenset[str]
    further_dims: frozenset[str] = frozenset()
    of_customers: bool = False
    of_whole: bool = False
    groups: tuple[str, ...] = ()

    @property
    def of_campaigns(self) -> bool:
        """Whether each row is about a campaign: sums over those it reached."""
        return "campaign_id" in self.grain

    @property
    def dims(self) -> frozenset[str]:
        """Every dimension it can be split by."""
        return frozenset(self.grain) | self.further_dims

    def has(self, name: str) -> bool:
        """Whether a dimension is a column of this table; a customer table holds every attribute of the customer."""
        return name in self.dims or (self.of_customers and is_of_customer(name))


TABLES = (
    Table("company_month", ("month",), ALL_COLUMNS | {"customers"}),
    Table("channel_month", ("channel", "month"), CONTACT_COLUMNS - {"acquisition_cost"}),
    Table("partner", ("partner_id",), LINE_COLUMNS | {"customers"}),
    Table("segment_month", ("month", *sorted(CUSTOMER_DIMS)), ALL_COLUMNS | {"customers"}),
    Table("partner_month", ("partner_id", "month"), LINE_COLUMNS | {"customers"}),
    Table("customer", ("customer_id",), ALL_COLUMNS | SCORE_COLUMNS | {"customers"}, CUSTOMER_DIMS, of_customers=True),
    Table("learned_response", ("customer_id", "channel"), REACH_COLUMNS),
    Table("relationship_month", ("customer_id", "month"), ALL_COLUMNS | {"buyer_id"}),
    Table(
        "ledger",
        (),
        (ALL_COLUMNS - {"orders"}) | SCORE_COLUMNS | REACH_COLUMNS | {"order_key", "buyer_id"},
        frozenset(
            {
                "month",
                "customer_id",
                "partner_id",
                "category",
                "product_id",
                "sales_channel",
                "line_type",
                "order_block",
                "channel",
                "campaign_id",
            }
        ),
    ),
)

OWN = ("own_customers", "own_revenue", "own_margin")
SHARED = ("shared", "share", "shared_revenue", "lift")
CAMPAIGN = (
    *("treated", "responses", "response_rate", "contact_cost", "cost"),
    *("attributed_revenue", "attributed_margin", "attributed_roi"),
)
PAIR = ("shared", "expected", "spread", "lift", "lift_low", "lift_high", "beyond")

# Tables shown row by row. grain: the order of the rows.
LISTINGS = {
    "timeline": Table("timeline", ("occurred_at", "kind", "event_id"), frozenset(), frozenset({"customer_id"})),
    "tie_out": Table("tie_out", ("feed", "measure"), frozenset()),
    "quarantine": Table("quarantine", ("feed", "reason"), frozenset()),
    "feed_state": Table("feed_state", ("feed",), frozenset()),
    "source_file": Table("source_file", ("feed", "file"), frozenset()),
    "build_info": Table("build_info", ("built_at",), frozenset()),
    "roi_band": Table("roi_band", ("roi_state",), frozenset()),
    "target": Table("target", ("metric", "scope", "period"), frozenset()),
    "channel": Table("channel", ("channel",), frozenset()),
    "rule": Table("rule", ("rule",), frozenset()),
    "policy": Table("policy", ("role", "metric"), frozenset()),
    "consent_state": Table("consent_state", ("channel",), frozenset(), frozenset({"customer_id"})),
    "learned_response": Table("learned_response", ("channel",), frozenset(), frozenset({"customer_id"})),
    "learned_effect": Table("learned_effect", ("channel",), frozenset(), frozenset({"customer_id"})),
    "learned_channel_effect": Table("learned_channel_effect", ("channel",), frozenset()),
    "response_intensity": Table("response_intensity", ("channel", "least_contacts"), frozenset()),
    "response_kind": Table("response_kind", ("channel", "response_kind"), frozenset()),
    "responder": Table("responder", ("channel", "answers", "place"), frozenset(), frozenset({"customer_id"})),
    "contact_pressure": Table("contact_pressure", ("customer_id", "channel"), frozenset()),
    "pressed": Table("pressed", ("place",), frozenset(), frozenset({"customer_id", "hit"})),
    "partner": Table("partner", ("revenue_rank", "partner_id"), frozenset(), of_whole=True),
    "partner_year": Table("partner_year", ("partner_id",), frozenset(), groups=OWN),
    "partner_profile": Table("partner_profile", ("partner_id",), frozenset()),
    "partner_overlap": Table("partner_overlap", ("partner_id", "other_id"), frozenset(), groups=SHARED),
    "learned_overlap": Table("learned_overlap", ("partner_id", "other_id"), frozenset(), groups=PAIR),
    "relation_count": Table("relation_count", ("partners",), frozenset(), of_whole=True),
    "partner_target": Table("partner_target", ("partner_id", "metric", "period"), frozenset()),
    "partner_merged": Table("partner_merged", ("partner_id",), frozenset(), frozenset({GOES_ON})),
    "peer_band": Table("peer_band", ("partner_type", "measure"), frozenset()),
    "learned_concentration": Table("learned_concentration", ("subject", "measure", "span"), frozenset(), of_whole=True),
    "learned_partner_place": Table("learned_partner_place", ("partner_id", "span"), frozenset(), of_whole=True),
    "learned_partner_offer": Table("learned_partner_offer", ("partner_id", "place"), frozenset()),
    "learned_customer_place": Table("learned_customer_place", ("customer_id", "span"), frozenset(), of_whole=True),
    "campaign": Table("campaign", ("measured_from", "campaign_id"), frozenset(), of_whole=True, groups=CAMPAIGN),
    "campaign_day": Table("campaign_day", ("campaign_id", "day"), frozenset(), of_whole=True),
    "learned_forecast": Table("learned_forecast", ("by", "name"), frozenset(), of_whole=True),
    "rfm_movement": Table("rfm_movement", ("score", "moved"), frozenset()),
    "cut_off": Table("cut_off", ("cut",), frozenset()),
    "model_card": Table("model_card", ("model",), frozenset()),
    "model_backtest": Table("model_backtest", ("model", "place"), frozenset()),
    "model_calibration": Table("model_calibration", ("model", "place"), frozenset()),
    "model_parameter": Table("model_parameter", ("model", "place"), frozenset()),
    "model_check": Table("model_check", ("model", "place"), frozenset()),
    "model_curve": Table("model_curve", ("model", "place"), frozenset()),
}
