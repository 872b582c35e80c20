"""The functions that are passed into a job: the clock and the progress callback."""

from collections.abc import Callable
from datetime import datetime

Clock = Callable[[], datetime]
"""Returns the current time with its zone."""
Progress = Callable[[str, int, int], None]
"""Receives the current activity, the number of steps done and the total number of steps."""
