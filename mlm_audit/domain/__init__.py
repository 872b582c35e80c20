"""Business rules in plain Python: money, time, the plan, findings and settings.

The package does no I/O except for reading the two configuration files, and it reads no clock.
"""
