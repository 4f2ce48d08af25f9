"""What does each word on these screens mean?"""

import streamlit as st

from components import glossary, layout
from data.catalog import DIMENSIONS, FACTS, METRICS

layout.finding(f"{len(METRICS)} figures: each is a sum, or a ratio of sums, so that no two screens can disagree")
with st.grid(2, min_column_width=330, gap=("small", "large")):
    for metric in METRICS.values():
        glossary.entry(metric.label, metric.meaning, metric.formula, metric.unit, metric.better, metric.needs)

layout.finding(f"{len(DIMENSIONS)} ways to split figures, and to filter them")
with st.grid(3, min_column_width=250, gap=("small", "large")):
    for dimension in DIMENSIONS.values():
        glossary.entry(dimension.label, f"{dimension.meaning[:1].upper()}{dimension.meaning[1:]}.")

layout.finding(f"{len(FACTS)} facts about single customers, over their whole history")
with st.grid(2, min_column_width=330, gap=("small", "large")):
    for fact in FACTS.values():
        glossary.entry(fact.label, fact.meaning, unit=fact.unit, needs=fact.needs)

layout.finding("Words about the data")
for word, meaning in glossary.WORDS.items():
    glossary.entry(word, meaning)
