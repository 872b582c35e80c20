"""The texts of the daily status report, the weekly summary and the health ping, which write no files."""
