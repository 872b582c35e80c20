#!/bin/sh
# Installs PostgreSQL, MariaDB, Chromium, a Java and libfaketime from Debian's packages when they are missing and we may; says so when we may not.
missing=$("$1" -m tests.support.servers) && exit 0
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    echo "Installing $missing for the tests …"
    apt-get update -qq >/dev/null
    # Only the programs: the tests start servers of their own, on loopback, and stop them.
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null && exit 0
fi
echo "WARNING: not installed: $missing. The tests that need them will be SKIPPED. Install them with your package manager."
