"""The mutation scorecard: every kind of change of every column and row, and whether a check finds it."""
