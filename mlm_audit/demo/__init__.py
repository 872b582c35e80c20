"""The demonstration platform: a seeded life of a platform under the plan, and faults put into it on purpose."""
