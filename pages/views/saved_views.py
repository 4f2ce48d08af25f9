"""Which views have we kept, and who shares them?"""

from components import layout, view_list

view_list.outcome()
groups = view_list.groups()
if not groups:
    view_list.nothing()
for heading, views in groups:
    layout.finding(heading)
    view_list.show(views)
