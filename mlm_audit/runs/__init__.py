"""The infrastructure of every run: lifecycle, lease, process identity, shards, approval, artifacts and clock."""
