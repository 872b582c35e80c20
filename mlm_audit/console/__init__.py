"""The job console over HTTP (DOMAIN §5): an API for programs, pages for people, and access control."""
