"""Measured side by side with the floor and with what a user would use instead; never part of the tests."""
