"""The connection to Prefect: schedules, triggering and toggling jobs, catching up missed runs, and status."""
