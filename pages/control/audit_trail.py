"""Who did what, and has anybody tampered with the record?"""
