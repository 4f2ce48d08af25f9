"""Sending a campaign's recipients to the targets an administrator has set up."""
