"""The job console over HTTP: an API for programs, pages for people, and access control."""
