"""Errors that a user can cause or has to act on."""


class InputError(Exception):
    """Invalid input. The message says what is wrong, where, and what to do; commands print it and exit with code 2."""


class UnknownJobError(InputError):
    """No job has the given name."""


class JobBusyError(InputError):
    """The job is already running. Nothing was started and nothing was written."""


class JobFailedError(Exception):
    """The job started but could not finish, as its JobLog row shows. Committed work stays. The exit code is 1."""
