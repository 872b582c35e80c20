"""Indicators over the whole platform: pyramid schemes, misuse patterns and income disclosure."""
