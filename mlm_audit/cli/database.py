"""`mlm-audit db`: create, check and upgrade the tables."""

from dataclasses import asdict

from cyclopts import App
from rich.markup import escape

from mlm_audit.cli.common import Db, Json, database, settings_with
from mlm_audit.cli.output import EXIT_BAD_INPUT, out, print_json
from mlm_audit.database.core import upgrade as migrate
from mlm_audit.database.core.platform_engines import is_only_read
from mlm_audit.database.core.schema import check_schema
from mlm_audit.database.probe import failing_queries
from mlm_audit.domain.money import plural

app = App(name="db")


@app.command
def init(*, db: Db = None, json: Json = False) -> None:
    """Create the tables in an empty database. In a platform's own database, add only the toolkit's tables.

    Beside the tables of a mapped platform, the toolkit's tables are created only with PLATFORM_WRITES.
    """
    engine = database(settings_with(db), create=True)
    created = [] if is_only_read(engine) else migrate.init(engine)
    if json:
        print_json({"created": created})
        return
    out.print(
        f"Created {plural(len(created), 'table')}." if created else "There is nothing to create: every table exists."
    )


@app.command
def check(*, db: Db = None, json: Json = False) -> int:
    """List missing tables and columns, wrong types, and job queries that fail, each with its fix.

    Exit code 2 when there are any.
    """
    engine = database(settings_with(db))
    problems = check_schema(engine) or failing_queries(engine)
    current = migrate.is_current(engine)
    if json:
        print_json(
            {"ok": not problems and current, "current": current, "problems": [asdict(problem) for problem in problems]}
        )
    else:
        for problem in problems:
            out.print(
                f"[red]{escape(problem.table)}{'.' + escape(problem.column) if problem.column else ''}[/]: {escape(problem.what)}; {escape(problem.cure)}"
            )
        if not current:
            out.print("[red]the toolkit's tables are not up to date[/]; run `mlm-audit db upgrade`")
        out.print(
            "All tables and columns exist with the correct types, and every query of the jobs succeeds."
            if not problems and current
            else f"{plural(len(problems), 'problem')}."
        )
    return EXIT_BAD_INPUT if problems or not current else 0


@app.command
def upgrade(*, db: Db = None, json: Json = False) -> None:
    """Upgrade the toolkit's tables to the newest version.

    Platform tables are not altered, except for two columns on users. The tables of a mapped platform are
    never altered.
    """
    engine = database(settings_with(db))
    before = migrate.is_current(engine)
    if not is_only_read(engine):  # else its tables were upgraded when it was opened
        migrate.upgrade(engine)
    if json:
        print_json({"upgraded": not before})
        return
    out.print("The tables are already up to date." if before else "The tables were upgraded.")
