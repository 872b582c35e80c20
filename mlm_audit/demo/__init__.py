"""The demonstration platform: a seeded history of a platform under the plan, and faults injected on purpose."""
