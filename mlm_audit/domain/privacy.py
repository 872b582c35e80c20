"""Texts that others write, such as error messages: made harmless, personal data masked, before they are stored or shown."""

import re

_EMAIL = re.compile(r"[^\s@<>'\"(),;:]+@[^\s@<>'\"(),;:]+")
_NUMBER = re.compile(r"\+?\d[\d -]{8,}\d")
_STEERING = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]+")
TAIL = 4
_PAN = re.compile(r"\b[A-Z]{5}\d{4}[A-Z]\b")


def one_line(text: object) -> str:
    """Text that cannot break out of its line, steer a terminal or turn what follows around: such characters become spaces."""
    return _STEERING.sub(" ", str(text)).strip()


def mask_personal(text: str) -> str:
    """E-mail addresses, telephone and account numbers and PANs replaced by stars."""
    return _NUMBER.sub("**********", _PAN.sub("**********", _EMAIL.sub("***@***", text)))


def mask_name(name: str) -> str:
    """`Ravi Sharma` → `R*** S***`."""
    return " ".join(f"{part[0]}***" for part in one_line(name).split())


def mask_email(address: str) -> str:
    """`ravi@example.com` → `ra***@example.com`; of a short name before the sign no more than half is shown."""
    head, at, domain = one_line(address).partition("@")
    return f"{head[: min(2, len(head) // 2)]}***{at}{domain}" if at else ("***" if head else "")


def mask_number(number: str) -> str:
    """`XXXXXX1234`: no more than the last four characters, and none of a number so short that they would be most of it."""
    return "XXXXXX" + (number[-TAIL:] if len(number) > 2 * TAIL else "")
