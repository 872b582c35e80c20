"""`make demo` runs the jobs as Prefect flows on demonstration data, without your own server, and prints a summary."""

import os
import sys
import time
from pathlib import Path

DEMO = Path("demo")
QUIET = {
    "DATABASE_URL": f"sqlite:///{DEMO / 'demo.db'}",
    "RUNS_DIR": str(DEMO / "runs"),
    "OUTBOX_DIR": str(DEMO / "outbox"),
    "PREFECT_HOME": str((DEMO / ".prefect").absolute()),
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "true",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_LOGGING_LEVEL": "WARNING",
    "PREFECT_CLI_COLORS": "false",
}


def main() -> None:
    """Run the jobs and print a summary for a new user."""
    os.environ.update(QUIET)
    os.environ.pop("PREFECT_API_URL", None)
    # Prefect reads its settings on import, so it is imported only after they are set.
    from flows.jobs import commission_reconciliation, monthly_eligibility_sweep, tree_health_check, weekly_payouts
    from mlm_audit.domain.money import format_money

    started = time.monotonic()
    print("Running commission-reconciliation as a Prefect flow (a temporary Prefect API starts first) …", flush=True)
    result = commission_reconciliation()
    print("Running tree-health-check, weekly-payouts and a dry run of monthly-eligibility-sweep …", flush=True)
    # On your own platform the first run only reports what it would repair.
    trees = tree_health_check(repair=True)
    paid, swept = weekly_payouts(), monthly_eligibility_sweep(month="2026-10", dry_run=True)
    assert isinstance(result, dict)
    assert isinstance(trees, dict)
    assert isinstance(paid, dict)
    assert isinstance(swept, dict)
    counts = result["counts"]
    print(f"\n  Verdict      {result['verdict']}   (the demonstration data contain injected faults)")
    print(f"  Members      {counts['users_checked']} checked, accuracy {counts['accuracy']:.2f} %")
    print(f"  Breaks       {counts['discrepancies_found']} found, {counts['auto_corrections']} small drifts corrected")
    print(
        f"  Wallets      {format_money(counts['total_discrepancy_paisa'])} gross difference from the ledger; residual of the proof {format_money(counts['residual_paisa'])}"
    )
    print(
        f"  Took         {time.monotonic() - started:.0f} s including the start of Prefect; the job took {result['duration_ms'] / 1000:.1f} s"
    )
    health = trees["counts"]
    print(
        f"  Trees        health score {health['health_score']}: {health['issues_found']} issues found, {health['issues_fixed']} repaired "
        f"(with --repair; by default, the first run on your own database repairs nothing), {health['critical_open']} critical open"
    )
    payouts, month = paid["counts"], swept["counts"]
    print(
        f"  Payouts      {payouts['paid']} of {format_money(payouts['paid_paisa'])} paid, {payouts['held']} held; "
        f"the ledger grew by {format_money(payouts['ledger_change_paisa'])}"
    )
    print(
        f"  Eligibility  {month['month']}: {month['eligible']} eligible, {month['ineligible']} not eligible, {month['near_misses']} near misses"
    )
    print("\n  Report       " + result["reports"]["html"])
    print("  Notebook     " + result["reports"].get("investigation", "none; see the log"))
    print("  Trees        " + trees["reports"]["html"])
    print("  All breaks   " + result["reports"]["csv"])
    print("  JSON         " + result["reports"]["json"])
    print(f"  Injected     {DEMO / 'truth.json'}   (the injected faults, for comparison)")
    program = Path(sys.prefix, "bin", "mlm-audit")
    program = program.relative_to(Path.cwd()) if program.is_relative_to(Path.cwd()) else program
    print(f"""
Try next:
  . .venv/bin/activate; export DATABASE_URL={QUIET["DATABASE_URL"]} RUNS_DIR={DEMO / "runs"}    set up the shell for the commands in reports
  {program} reports open                                       open every run in the browser; needs the line above
  {program} run reconciliation --db {QUIET["DATABASE_URL"]}    run again: the breaks are now carried over
  {program} repairs list --db {QUIET["DATABASE_URL"]}          list the corrections; undo them with repairs undo JOB_ID
  {program} payouts list --status held --limit 5 --db {QUIET["DATABASE_URL"]}    list held payouts with reasons; see also payouts explain ID
  {program} eligibility explain 2 --month 2026-10 --db {QUIET["DATABASE_URL"]}    explain every condition with its rows
  {program} explain member 5 --db {QUIET["DATABASE_URL"]}        explain a wallet difference; see also explain order 295
  {program} tree show 7 --db {QUIET["DATABASE_URL"]}             show the members above and below a member
  {program} checks show wallet-balance                         show a check in words and SQL
  {program} demo faults                                        list the faults that you can inject""")


if __name__ == "__main__":
    main()
