"""The published test as a company's folder: two e-mails, each with a row for everybody it was sent to or held back from."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

MENS, WOMENS, NONE = "Mens E-Mail", "Womens E-Mail", "No E-Mail"
CAMPAIGNS = {"men": MENS, "women": WOMENS}
CONTACT, MARGIN, SHARE = "0.10", "0.5", "0.5"
SENT, CLOSES = pd.Timestamp("2008-03-20"), pd.Timestamp("2008-04-03")

CONTACTS = """-- everybody: who was sent an e-mail, and who none: those are held out from both.
-- feeds: contacts
select
    k.campaign_id || '-' || customer_id as contact_id, customer_id, 'email' as channel, timestamp '2008-03-20 08:00' as occurred_at,
    k.campaign_id, {cost} as cost, case when segment = 'No E-Mail' then 'control' else 'treated' end as arm,
    'random' as assignment, visit = 1 as responded, case when visit = 1 then timestamp '2008-03-25' end as responded_at
from 'test.parquet'
join (values ('men', 'Mens E-Mail'), ('women', 'Womens E-Mail')) as k(campaign_id, segment_sent)
    on segment in (k.segment_sent, 'No E-Mail')
"""
LINES = """-- bought: what was spent in the two weeks after, and a year's purchases before as one line in the month of the last.
-- feeds: lines
select 'A' || customer_id as order_id, customer_id, timestamp '2008-03-28' as ordered_at, spend as revenue
from 'test.parquet' where spend > 0
union all
select 'B' || customer_id, customer_id, timestamp '2008-03-20' - to_days(cast(30 * recency as integer)), history
from 'test.parquet'
union all
select 'Z', null, timestamp '2008-04-02 20:00', 1
"""
FEEDS = """campaign_id,name,channel,fixed_cost,measured_from,measured_to,outcome,margin_rate,treated_share
men,Men's merchandise,email,0,2008-03-20T00:00:00Z,2008-04-03T00:00:00Z,revenue,{margin},{share}
women,Women's merchandise,email,0,2008-03-20T00:00:00Z,2008-04-03T00:00:00Z,revenue,{margin},{share}
"""


def hillstrom(shared: Path) -> pd.DataFrame:
    """The 64,000 customers, numbered; skips without the file."""
    table = pd.read_parquet(shared / "hillstrom.parquet")
    return table.assign(customer_id=[f"H{number:05}" for number in range(len(table))])


def write(table: pd.DataFrame, folder: Path, campaigns: str = FEEDS, contacts: str = CONTACTS) -> Path:
    """The company's folder."""
    folder.mkdir(parents=True)
    table.to_parquet(folder / "test.parquet")
    (folder / "company.toml").write_text('name = "Test of e-mails"\ncurrency = "USD"\n', encoding="utf-8")
    (folder / "contacts_of_test.sql").write_text(contacts.replace("{cost}", CONTACT), encoding="utf-8")
    (folder / "lines_of_test.sql").write_text(LINES, encoding="utf-8")
    text = campaigns.replace("{margin}", MARGIN).replace("{share}", SHARE)
    (folder / "campaigns.csv").write_text(text, encoding="utf-8")
    return folder
