"""Notices as messages, and the ways in which they leave: SMTP, or .eml files where there is no mail server."""
