"""The job console over HTTP (DOMAIN §5): the calls for programs, a page for people, who may do what."""
