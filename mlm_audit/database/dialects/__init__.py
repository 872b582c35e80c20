"""What differs between databases: one module with one class for each database."""
