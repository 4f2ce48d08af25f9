"""Pure mathematics on arrays and data frames; imports nothing else of ours."""
