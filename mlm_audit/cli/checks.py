"""`mlm-audit checks`: list the checks, and show one in words and in SQL."""

from cyclopts import App
from rich.markup import escape

from mlm_audit.checks.catalogue import Check, load_checks
from mlm_audit.cli.common import Json
from mlm_audit.cli.output import out, print_json
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.settings import load_settings

app = App(name="checks")


def _document(check: Check) -> dict[str, object]:
    return {
        "code": check.code,
        "title": check.title,
        "severity": check.severity,
        "needs": list(check.needs),
        "proves": check.proves,
        "do": check.do,
        "sql": check.sql,
        "path": str(check.path),
    }


@app.command(name="list")
def list_checks(*, json: Json = False) -> None:
    """List all checks, including your own in CHECKS_DIR."""
    checks = load_checks(load_settings().checks_dir)
    if json:
        print_json([{key: value for key, value in _document(check).items() if key != "sql"} for check in checks])
        return
    for check in checks:
        out.print(f"[bold]{check.code:24}[/] {check.severity:9} {escape(check.proves)}")


@app.command
def show(code: str, /, *, json: Json = False) -> None:
    """Show one check: what it proves, what to do, and its SQL."""
    checks = {check.code: check for check in load_checks(load_settings().checks_dir)}
    if code not in checks:
        raise InputError(f"check {code}: there is no such check; `mlm-audit checks list` lists them")
    check = checks[code]
    if json:
        print_json(_document(check))
        return
    out.print(f"[bold]{check.code}[/]: {escape(check.title)} ({check.severity})")
    out.print(f"Proves: {escape(check.proves)}\nAction: {escape(check.do)}\nReads:  {', '.join(check.needs)}\n")
    out.print(check.sql, markup=False)
