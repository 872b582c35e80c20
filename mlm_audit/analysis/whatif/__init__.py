"""Simulations of past months under other terms of the plan."""
