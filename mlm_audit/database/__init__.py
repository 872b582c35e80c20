"""All SQL statements to the platform's database: tables, migrations, consistent reads, corrections, stored runs."""
