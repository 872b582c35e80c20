"""Alembic's environment for the toolkit's own tables and the two columns added to `users`."""
