"""Everything stored: feeds, builds, questions. Never imports streamlit."""
