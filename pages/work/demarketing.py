"""Who is expected to cost more than they bring, and what would it save to contact them less, or not at all?"""

from components import access, attempts, demarket, demarket_keep, demarket_lists, demarket_propose, filters

actor, view = access.reader(), filters.view()
attempts.outcome(demarket_propose.PLACE)
shown = demarket.found(view)
demarket_lists.waiting(actor)
if shown is not None:
    chance = demarket.chance()
    free = demarket.chosen(shown, chance)
    demarket.figures(shown, free, view)
    demarket.curve(shown, free)
    ordered = demarket.listing(free, view, chance)
    demarket.method(shown)
    demarket_propose.form(actor, ordered)
    demarket_keep.show(actor, shown, ordered)
demarket_lists.holding(actor)
demarket_lists.history(actor)
