"""Texts that others write, such as error messages: made harmless, personal data masked, before they are stored or shown."""

import re

_EMAIL = re.compile(r"[^\s@<>'\"(),;:]+@[^\s@<>'\"(),;:]+")
_NUMBER = re.compile(r"\+?\d[\d -]{8,}\d")
_PAN = re.compile(r"\b[A-Z]{5}\d{4}[A-Z]\b")


def one_line(text: object) -> str:
    """Text that cannot break out of its line, or steer a terminal: control characters become spaces."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", str(text)).strip()


def mask_personal(text: str) -> str:
    """E-mail addresses, telephone and account numbers and PANs replaced by stars."""
    return _NUMBER.sub("**********", _PAN.sub("**********", _EMAIL.sub("***@***", text)))
