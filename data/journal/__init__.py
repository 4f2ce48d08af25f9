"""What people decide: grants, sessions, saved views, notes, and the audit trail of it all."""
