"""Every SQL statement to the platform: tables, migrations, consistent reads, corrections, stored runs."""
