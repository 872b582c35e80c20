"""The bulk checks as SQL text, with their inputs, causes, states and remedies.

Checks take data and return findings. They use no database and no clock.
"""
