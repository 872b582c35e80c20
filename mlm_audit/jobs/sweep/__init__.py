"""The job `monthly-eligibility-sweep`."""
