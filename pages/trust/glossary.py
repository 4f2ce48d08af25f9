"""What does each word on these screens mean?"""
