"""Learners: each makes one learned table from what was known at the cut-off, with the models of models/."""
