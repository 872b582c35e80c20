"""The rules in plain Python: money, time, the plan, findings, settings. No I/O but the two config files, no clock."""
