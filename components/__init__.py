"""Everything that draws: access, ask (the one cache), filters, layout, charts, tables."""
