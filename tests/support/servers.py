"""Real PostgreSQL and MariaDB servers for the tests: on loopback, a free port, a temporary folder; stopped afterwards.

As a program, `python -m tests.support.servers` says whether the binaries are there (exit 0) or which are missing (exit
1).
"""

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START_SECONDS = 600


def binary(name: str, pattern: str) -> str | None:
    """The newest binary of that name, on the PATH or where Debian keeps it."""
    found = sorted(Path("/").glob(pattern), key=lambda path: [int(x) for x in path.parts if x.isdigit()])
    return str(found[-1]) if found else shutil.which(name)


def postgres_bin() -> Path | None:
    """The folder with PostgreSQL's server programs."""
    initdb = binary("initdb", "usr/lib/postgresql/*/bin/initdb")
    return Path(initdb).parent if initdb else None


def mariadb_bin() -> str | None:
    """MariaDB's server program."""
    return binary("mariadbd", "usr/sbin/mariadbd")


def faketime() -> Path | None:
    """The library that gives a program another date."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    return found[0] if found else None


def missing() -> list[str]:
    """The Debian packages that the tests want and that are not installed: two servers, a browser, Java for Spark, another date."""
    wanted = (
        ("postgresql", postgres_bin()),
        ("mariadb-server", mariadb_bin()),
        ("chromium", shutil.which("chromium")),
        ("default-jre-headless", shutil.which("java")),
        ("libfaketime", faketime()),
    )
    return [name for name, path in wanted if path is None]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _owner(name: str) -> dict[str, str]:
    """The account a server runs under: its own when we are root, which PostgreSQL refuses to run as."""
    if os.getuid() != 0:
        return {}
    try:
        pwd.getpwnam(name)
    except KeyError:
        return {}
    return {"user": name, "group": name}


@contextmanager
def _folder(owner: dict[str, str]) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="mlm-audit-db-"))
    if owner:
        shutil.chown(folder, owner["user"], owner["group"])
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _running(command: list[str], port: int, owner: dict[str, str], log: Path) -> Iterator[None]:
    with log.open("wb") as out:
        server = subprocess.Popen(command, stdout=out, stderr=out, cwd=log.parent, **owner)  # type: ignore[call-overload]
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if server.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"server did not start: {log.read_text()[-2000:]}") from None
                time.sleep(0.05)
        yield
    finally:
        server.terminate()
        try:
            server.wait(120)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


@contextmanager
def postgresql(*, durable: bool = False) -> Iterator[str]:
    """A server; yields the URL of an empty database `test`. `durable`: with the settings that a real platform has."""
    programs = postgres_bin()
    assert programs is not None
    owner = _owner("postgres")
    with _folder(owner) as folder:
        data, port = folder / "data", _free_port()
        init = [
            str(programs / "initdb"),
            "-D",
            str(data),
            "-U",
            "audit",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "-N",
        ]
        subprocess.run(init, check=True, capture_output=True, cwd=folder, **owner)  # type: ignore[call-overload]
        options = ["unix_socket_directories=", "timezone=UTC"]
        options += [] if durable else ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]
        command = [str(programs / "postgres"), "-D", str(data), "-h", "127.0.0.1", "-p", str(port)]
        with _running(
            [*command, *(part for option in options for part in ("-c", option))], port, owner, folder / "log"
        ):
            _wait_ready(f"postgresql+psycopg://audit@127.0.0.1:{port}/postgres")
            yield f"postgresql://audit@127.0.0.1:{port}/postgres"


@contextmanager
def mariadb() -> Iterator[str]:
    """A server; yields the URL of an empty database `test`."""
    program = mariadb_bin()
    assert program is not None
    owner = _owner("mysql")
    with _folder(owner) as folder:
        data, port = folder / "data", _free_port()
        install = shutil.which("mariadb-install-db") or "mysql_install_db"
        user = [f"--user={owner['user']}"] if owner else []
        init = [
            install,
            "--no-defaults",
            f"--datadir={data}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
        ]
        subprocess.run([*init, *user], check=True, capture_output=True, cwd=folder, **owner)  # type: ignore[call-overload]
        command = [program, "--no-defaults", f"--datadir={data}", f"--port={port}", "--bind-address=127.0.0.1", *user]
        command += [
            f"--socket={folder}/s",
            "--innodb-flush-log-at-trx-commit=0",
            "--skip-log-bin",
            "--default-time-zone=+00:00",
        ]
        with _running(command, port, owner, folder / "log"):
            _wait_ready(f"mariadb+pymysql://root@127.0.0.1:{port}/mysql")
            yield f"mariadb://root@127.0.0.1:{port}/mysql"


def _wait_ready(url: str) -> None:
    from sqlalchemy import create_engine, text
    from sqlalchemy.exc import DBAPIError

    engine = create_engine(url)
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with engine.connect() as connection:
                connection.execute(text("select 1"))
            break
        except DBAPIError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
    engine.dispose()


@contextmanager
def fresh_database(server_url: str, name: str) -> Iterator[str]:
    """A new empty database on a server, dropped afterwards; yields its URL."""
    from sqlalchemy import create_engine, make_url
    from sqlalchemy import text as sql

    admin_url = make_url(server_url)
    driver = {"postgresql": "postgresql+psycopg", "mariadb": "mariadb+pymysql"}[admin_url.drivername]
    admin = create_engine(admin_url.set(drivername=driver), isolation_level="AUTOCOMMIT")
    charset = " character set utf8mb4" if admin_url.drivername == "mariadb" else ""
    with admin.connect() as connection:
        connection.execute(sql(f"create database {name}{charset}"))
    try:
        yield admin_url.set(database=name).render_as_string(hide_password=False)
    finally:
        force = " with (force)" if admin_url.drivername == "postgresql" else ""
        with admin.connect() as connection:
            connection.execute(sql(f"drop database {name}{force}"))
        admin.dispose()


if __name__ == "__main__":
    if absent := missing():
        print(" ".join(absent))
        sys.exit(1)
