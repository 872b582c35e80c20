"""The report of a monthly eligibility sweep."""
