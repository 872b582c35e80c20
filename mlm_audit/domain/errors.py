"""The errors a user can cause or must act on."""


class InputError(Exception):
    """Bad input: the message says what was wrong, where, and what to do. The commands print it and exit with 2."""


class JobFailedError(Exception):
    """The job started and could not finish; nothing of it was stored but the failed JobLog row. Exit code 1."""
