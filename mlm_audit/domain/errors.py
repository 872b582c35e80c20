"""The errors a user can cause or must act on."""


class InputError(Exception):
    """Bad input: the message says what was wrong, where, and what to do. The commands print it and exit with 2."""


class UnknownJobError(InputError):
    """There is no job of that name."""


class JobBusyError(InputError):
    """The job runs already; nothing was started and nothing written."""


class JobFailedError(Exception):
    """The job started and could not finish; the JobLog row says so. What it had committed stays. Exit code 1."""
