"""The learn step: tables that need more mathematics than SQL, each one learner and one entry here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import duckdb

from data.learners import (
    campaign,
    campaign_day,
    campaign_forecast,
    churn,
    concentration,
    effect,
    overlap,
    partner_offer,
    profile,
    response,
    roi,
    value,
)
from data.learners.known import Known, Learnt


@dataclass(frozen=True)
class Learned:
    """One learned table: the tables it needs, and the learner that makes it."""

    make: Callable[[duckdb.DuckDBPyConnection, Known], Learnt]
    needs: frozenset[str]


LEARNED = {
    "learned_roi": Learned(roi.learn, frozenset({"customer_total", "order_moment", "cut_off"})),
    "learned_value": Learned(value.learn, frozenset({"customer_total", "purchase_day", "cut_off", "contact_day"})),
    "learned_churn": Learned(churn.learn, frozenset({"customer_total", "purchase_day", "cut_off", "contact_day"})),
    "learned_response": Learned(response.learn, frozenset({"customer_total", "contact_day", "cut_off"})),
    "learned_partner_place": Learned(concentration.partner_places, frozenset({"complete_year", "cut_off"})),
    "learned_customer_place": Learned(concentration.customer_places, frozenset({"complete_year", "cut_off"})),
    "learned_concentration": Learned(
        concentration.learn, frozenset({"complete_year", "cut_off", "learned_partner_place", "learned_customer_place"})
    ),
    "learned_partner_offer": Learned(partner_offer.learn, frozenset({"complete_year", "cut_off"})),
    "learned_overlap": Learned(
        overlap.learn, frozenset({"partner_overlap", "relation_count", "relation_size", "cut_off"})
    ),
    "learned_campaign": Learned(
        campaign.learn,
        frozenset({"campaign_window", "campaign_reach", "campaign_attributed", "campaign_arm", "campaign_outcome"}),
    ),
    "campaign_day": Learned(
        campaign_day.learn, frozenset({"campaign_window", "campaign_arm", "campaign_arm_day", "learned_campaign"})
    ),
    "learned_forecast": Learned(campaign_forecast.learn, frozenset({"campaign_window", "learned_campaign"})),
    "learned_tested": Learned(
        effect.learn_tested,
        frozenset({"effect_trial", "effect_customer", "learned_response", "feed_channels", "cut_off"}),
    ),
    "learned_effect": Learned(
        effect.learn, frozenset({"learned_tested", "effect_customer", "learned_response", "learned_value"})
    ),
    "learned_channel_effect": Learned(effect.learn_channels, frozenset({"learned_tested", "learned_effect"})),
    "learned_profile": Learned(profile.learn, frozenset({"customer_total", "purchase_day", "cut_off", "contact_day"})),
}
