"""Who may see and do what, since when, and who decided it?"""
