"""The tree health report and its pictures."""
