"""Identifies who runs a job: user, host and process.

The form lets another process of the same machine detect that the process has ended.
"""

import os
import pwd
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

_OWNER = re.compile(r".+ on (?P<machine>.+), process (?P<pid>\d+) \((?P<birth>.+)\)")


_acting: ContextVar[str | None] = ContextVar("acting", default=None)
_flow_run: ContextVar[str | None] = ContextVar("flow_run", default=None)


@contextmanager
def acting_as(name: str | None, flow_run: str | None = None) -> Iterator[None]:
    """Run the body on behalf of a person who requested it elsewhere, such as in the console. None changes nothing.

    `flow_run` is the scheduler's id of the run.
    """
    tokens = _acting.set(name or _acting.get()), _flow_run.set(flow_run)
    try:
        yield
    finally:
        _acting.reset(tokens[0])
        _flow_run.reset(tokens[1])


def flow_run() -> str | None:
    """Return the scheduler's id of the current run; None when the scheduler did not start it."""
    return _flow_run.get()


def user() -> str:
    """Return who runs this: the person who requested it, else the operating system account by name or number.

    Environment variables have no influence on it.
    """
    return _acting.get() or account()


def account() -> str:
    """Return the name of the operating system account of this process, or its number if it has no name."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def this_process() -> str:
    """Return `root on host, process 17 (b:42)`. The last part is the boot and the start time of this process."""
    pid = os.getpid()
    return f"{account()[:60]} on {socket.gethostname()[:100]}, process {pid} ({_birth(pid) or '?:?'})"


def is_gone(owner: str) -> bool:
    """Return whether the process ran on this machine and is certainly dead. The result is False in case of doubt."""
    match = _OWNER.fullmatch(owner)
    if match is None or match["machine"] != socket.gethostname()[:100]:
        return False
    boot, _, _ = match["birth"].partition(":")
    if boot != _boot() or boot == "?":
        return False  # another boot or container: only the lease's expiry decides
    pid = int(match["pid"])
    birth = _birth(pid)
    # Another process with that number, or a zombie, has a different birth. Without a birth, the process must not exist.
    return not _exists(pid) if birth is None else birth != match["birth"]


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _boot() -> str:
    """Return an id of this boot and process namespace. Two containers of one name thus do not count as one machine."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")[:8]
        return boot + re.sub(r"\D", "", str(Path("/proc/self/ns/pid").readlink()))
    except OSError:
        return "?"


def _birth(pid: int) -> str | None:
    """Return the boot and the start of the process in clock ticks since the boot; None when it cannot be read.

    A later process with the same number has another start.
    """
    try:
        # The program name may contain spaces and brackets, so count from its end. Field 3 is the state, 22 the start.
        state, *fields = (
            Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        )
    except OSError:
        return None
    return f"{_boot()}:gone" if state in "ZX" else f"{_boot()}:{fields[18]}"
