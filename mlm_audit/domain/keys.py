"""Keys that are texts, such as UUIDs, as the numbers by which the toolkit names rows.

A text of digits is its number. Any other text is the number of the first 60 bits of its MD5 digest. Two of a million keys have
the same number with a probability of one in two million; such keys are found as ids that occur twice.
"""

import hashlib
import re

DIGITS = r"^(0|[1-9][0-9]{0,17})$"
"""A key that is its own number, in the regular expressions of every database."""
HEX_DIGITS = 15


def number_of_key(text: str) -> int:
    """Return the number of a key."""
    if re.fullmatch(DIGITS, text, re.ASCII):
        return int(text)
    return int(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()[:HEX_DIGITS], 16)
