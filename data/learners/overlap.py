"""learned_overlap: which of the first twenty partners share more customers than by chance."""

from __future__ import annotations

import duckdb

from data.learners.known import Known, Learnt

PAIRS = """
select partner_id, other_id, shared from partner_overlap
where place <= 20 and other_place <= 20 and place < other_place
order by place, other_place
"""
STRATA = "select partners, partner_id, customers from relation_size order by partners, partner_id"
NUMBERS = "select partners, customers from relation_count order by partners"


def learn(con: duckdb.DuckDBPyConnection, known: Known) -> Learnt:
    """One row a pair: customers shared, those expected by chance, the lift with its interval, and the verdict."""
    from models.sharing import pairs_beyond_chance

    numbers = con.execute(NUMBERS).df().set_index("partners")["customers"]
    return Learnt(pairs_beyond_chance(con.execute(STRATA).df(), numbers, con.execute(PAIRS).df()))
