"""Sanitises external texts, such as error messages, and masks personal data, before they are stored or shown."""

import re

_EMAIL = re.compile(r"[^\s@<>'\"(),;:]+@[^\s@<>'\"(),;:]+")
_NUMBER = re.compile(r"\+?\d[\d -]{8,}\d")
_STEERING = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]+")
TAIL = 4
_PAN = re.compile(r"\b[A-Z]{5}\d{4}[A-Z]\b")


def one_line(text: object) -> str:
    """Replace characters that break the line, control a terminal or reverse the text that follows with spaces."""
    return _STEERING.sub(" ", str(text)).strip()


def mask_personal(text: str) -> str:
    """Replace e-mail addresses, telephone and account numbers, and PANs with stars."""
    return _NUMBER.sub("**********", _PAN.sub("**********", _EMAIL.sub("***@***", text)))


def mask_name(name: str) -> str:
    """Mask a name: `Ravi Sharma` → `R*** S***`."""
    return " ".join(f"{part[0]}***" for part in one_line(name).split())


def mask_email(address: str) -> str:
    """Mask an address: `ravi@example.com` → `ra***@example.com`. At most half of a short local part is shown."""
    head, at, domain = one_line(address).partition("@")
    return f"{head[: min(2, len(head) // 2)]}***{at}{domain}" if at else ("***" if head else "")


def mask_number(number: str) -> str:
    """Mask a number: `XXXXXX1234`. At most the last four characters are shown, and none of a number of up to eight."""
    return "XXXXXX" + (number[-TAIL:] if len(number) > 2 * TAIL else "")
