"""Connections, table definitions, migrations and the conversion of database values."""
