"""Notices as messages, and their delivery by SMTP, or as .eml files where there is no mail server."""
