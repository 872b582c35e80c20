"""What every job is wrapped in: lifecycle, lease, process identity, shards, approval, artifacts and clock."""
