"""Who runs a job: user, host and process, in a form by which another process of the same machine can see that it is gone."""

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
    """What is run inside is run for somebody who asked for it from elsewhere, such as the console; None changes nothing.

    `flow_run` is the id under which the scheduler knows the run.
    """
    tokens = _acting.set(name or _acting.get()), _flow_run.set(flow_run)
    try:
        yield
    finally:
        _acting.reset(tokens[0])
        _flow_run.reset(tokens[1])


def flow_run() -> str | None:
    """The id under which the scheduler knows what runs here; None where it knows nothing of it."""
    return _flow_run.get()


def user() -> str:
    """Who runs this: who asked for it, else the operating system's name of the account, or its number.

    The environment has no say in it.
    """
    return _acting.get() or account()


def account() -> str:
    """The operating system's name of the account that this process runs under; its number where it has none."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def this_process() -> str:
    """`root on host, process 17 (b:42)`: the last part is when this very process began, on this very boot."""
    pid = os.getpid()
    return f"{account()[:60]} on {socket.gethostname()[:100]}, process {pid} ({_birth(pid) or '?:?'})"


def is_gone(owner: str) -> bool:
    """Whether that process was of this machine and is certainly dead. In doubt it is not."""
    match = _OWNER.fullmatch(owner)
    if match is None or match["machine"] != socket.gethostname()[:100]:
        return False
    boot, _, _ = match["birth"].partition(":")
    if boot != _boot() or boot == "?":
        return False  # another boot or container: only the lease's expiry tells
    pid = int(match["pid"])
    birth = _birth(pid)
    # Another process of that number, or a zombie, says so itself; one that cannot be seen must not be there at all.
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
    """This boot and process namespace, so that two containers of one name are not taken for one machine."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")[:8]
        return boot + re.sub(r"\D", "", str(Path("/proc/self/ns/pid").readlink()))
    except OSError:
        return "?"


def _birth(pid: int) -> str | None:
    """The boot, and the start of the process in clock ticks since; a later process of the same number has another.

    None where it cannot be read.
    """
    try:
        # The name of the program may hold spaces and brackets, so count from its end; field 3 is the state, 22 the start.
        state, *fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return f"{_boot()}:gone" if state in "ZX" else f"{_boot()}:{fields[18]}"
