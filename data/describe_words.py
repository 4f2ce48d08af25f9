"""What tables that no SQL file makes, and the entries of a manifest, are: one sentence each, for the documents."""

from __future__ import annotations

# Tables that Python writes, because they are about the build itself or need more mathematics than SQL.
WRITTEN = {
    "tie_out": "one row a control total: what the sources hold, what was left out, what the tables hold.",
    "quarantine": "one row for each feed, file and reason: how many rows were left out. Values are never repeated.",
    "feed_state": "one row a feed: rows in, loaded, quarantined and rejected, first and last moment, columns it lacks.",
    "source_file": "one row a source: the same counts, why it was refused, columns left out, and its SHA-256.",
    "build_info": "one row: when it was built, from which sources, how many rows, by which version.",
    "roi_floor": "one row: the smallest relationship investment that is rated, in currency.",
    "learned_roi": "one row a customer: state, ROI, shrunken ROI, interval, ranks. `docs/roi.md` says how.",
    "learned_value": "one row a buyer: expected purchases, margin and value, with intervals. `docs/lifetime-value.md`.",
    "learned_churn": "one row a buyer: probability of no purchase within the horizon, and its band. `docs/churn.md`.",
    "learned_response": "one row a customer and channel: rate of answers, and its state. `docs/responsiveness.md`.",
    "learned_partner_place": "one row a partner and span: amounts, the share held by those ahead, its interval. "
    "`docs/concentration.md`.",
    "learned_customer_place": "the same of customers, where they are at most 200,000. `docs/concentration.md`.",
    "learned_concentration": "one row a subject, measure and span: vital few, Gini, HHI, and who stayed. "
    "`docs/concentration.md`.",
    "learned_partner_offer": "one row an offer: what a partner lacks and similar ones sell. `docs/partner-offers.md`.",
    "learned_overlap": "one row a pair of the first twenty partners: is it more than chance? `docs/overlap.md`.",
    "learned_profile": "one row a buyer: fifths, lifecycle, group, what sets it apart. `docs/profiles.md`.",
    "learned_campaign": "one row a campaign: effects, what it earned, verdict. `docs/campaign-measurement.md`.",
    "learned_tested": "one row a campaign and customer drawn at random: outcome, what was expected of it in each arm. "
    "`docs/contact-effects.md`.",
    "learned_effect": "one row a customer and channel: expected margin of one contact, tested or unproven. "
    "`docs/contact-effects.md`.",
    "learned_channel_effect": "one row a channel: the same, how it was tested, and by what it differs. "
    "`docs/contact-effects.md`.",
    "campaign_day": "one row a campaign and day: the effect so far, with an interval that holds at any look; on the "
    "last day the one fixed beforehand. `docs/campaign-measurement.md`.",
    "learned_forecast": "one row for all campaigns, an owner or a basis: promised and realised margin. "
    "`docs/campaign-measurement.md`.",
    "model_card": "one row a model: what it answers, its method and version, its cut-off, and whether it is in use.",
    "model_backtest": "one row a figure of a backtest: candidate, measure, cut-off, value with its interval.",
    "model_calibration": "one row a bin: what was predicted of so many customers, and what came.",
    "model_parameter": "one row a parameter, as a plain number, with its standard error where it has one.",
    "model_check": "one row a check: passed or failed, in words; passed is NULL where it could not be made.",
    "model_curve": "one row a point of a curve: curve, series, x, y, interval.",
}

MANIFEST = {
    "build": "name of the build: moment and the first twelve digits of its hash",
    "sha256": "hash of the file; a file that does not match it is not served",
    "bytes": "size of the file",
    "stamp": "moment of the build, as in its name",
    "built_at": "moment of the build, UTC",
    "as_of": "latest order or contact in the data, UTC",
    "first_month": "first month with order lines",
    "last_month": "latest month with order lines",
    "last_complete_month": "latest month that the data covers to its end",
    "company": "name, from `company.toml`",
    "currency": "ISO 4217 code",
    "zone": "time zone in which months are cut",
    "notice": "what the screens say about this data",
    "crm_link": "address template that opens a customer in the company's own system",
    "roi_floor": "smallest relationship investment that is rated",
    "global_holdout": "share of all customers that no campaign reaches, from `company.toml`",
    "campaign_budget": "most that one author's campaigns of one month may cost, from `company.toml`; 0 sets no limit",
    "most_contacts": "most contacts of a customer on all channels in so many days, from `company.toml`; 0 sets no cap",
    "contact_days": "the days that this cap counts",
    "attributes": "further columns of the customers feed; each is a filter",
    "filters": "members of every filter that has 2 to 200 of them",
    "groupable": "filters that, crossed with each other, nowhere leave a group of fewer than ten customers",
    "known": "feeds, and `feed.column`, that hold anything",
    "rows": "rows in, loaded, quarantined, rejected",
    "sources": "every source: file, feed, hash, counts, columns, reason when refused",
    "unused": "files of the folder that no feed and no mapping names",
    "tables": "rows of every table",
    "version": "version of Rapport that built it",
    "seconds": "how long the intake, the tables, the checks and the learners took",
}
