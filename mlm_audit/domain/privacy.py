"""Personal data in texts that others write, such as error messages: masked before they are stored, shown or logged."""

import re

_EMAIL = re.compile(r"[^\s@<>'\"(),;:]+@[^\s@<>'\"(),;:]+")
_NUMBER = re.compile(r"\+?\d[\d -]{8,}\d")
_PAN = re.compile(r"\b[A-Z]{5}\d{4}[A-Z]\b")


def mask_personal(text: str) -> str:
    """E-mail addresses, telephone and account numbers and PANs replaced by stars."""
    return _NUMBER.sub("**********", _PAN.sub("**********", _EMAIL.sub("***@***", text)))
