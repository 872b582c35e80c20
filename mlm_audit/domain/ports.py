"""What is passed into a job: the clock, and who is told how far it has come."""

from collections.abc import Callable
from datetime import datetime

Clock = Callable[[], datetime]
"""The time now, with its zone."""
Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many steps are done, how many there are."""
