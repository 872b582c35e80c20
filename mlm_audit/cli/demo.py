"""`mlm-audit demo`: create a demonstration platform, with faults if wanted, and score the checks on it."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter, validators
from rich.markup import escape

from mlm_audit.cli.common import NO_DATABASE, Db, Json, database, progress_bar, refuse_unwritable, settings_with
from mlm_audit.cli.output import out, print_json
from mlm_audit.database.core import upgrade
from mlm_audit.database.core.connect import open_engine
from mlm_audit.demo.books import build_platform
from mlm_audit.demo.faults import ALL_FAULTS, inject, parse_selection
from mlm_audit.demo.file_score import MEMBERS as FILE_MEMBERS
from mlm_audit.demo.file_score import file_scorecard
from mlm_audit.demo.history_score import MEMBERS as HISTORY_MEMBERS
from mlm_audit.demo.history_score import history_scorecard
from mlm_audit.demo.mutations.coverage import build_scorecard
from mlm_audit.demo.mutations.coverage import markdown as card_page
from mlm_audit.demo.mutations.trial import scorecard as mutation_scorecard
from mlm_audit.demo.platform import Platform
from mlm_audit.demo.platform_score import MEMBERS as PLATFORM_MEMBERS
from mlm_audit.demo.platform_score import PlatformScore, platform_scorecard
from mlm_audit.demo.schemas.catalogue import SCHEMAS, write_as
from mlm_audit.demo.scorecard import Score, scorecard, tree_scorecard, write_truth
from mlm_audit.demo.variants import VARIANTS, Variant
from mlm_audit.demo.world import DemoSpec
from mlm_audit.demo.write import write_platform
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.money import grouped, plural
from mlm_audit.domain.periods import parse_instant
from mlm_audit.domain.plan import load_plan
from mlm_audit.domain.settings import STANDARD_PLATFORM, Settings

app = App(name="demo")


@app.command
def create(
    *,
    db: Db = None,
    members: int = 2_000,
    months: int = 6,
    seed: int = 1,
    end: Annotated[
        str | None, Parameter(help="End of the platform's history, ISO 8601. The default is 2026-11-24T00:00Z.")
    ] = None,
    faults: Annotated[str, Parameter(help="standard, none, or CODE=N,CODE=N (see `demo faults`).")] = "none",
    platform: Annotated[
        str, Parameter(help=f"The platform whose tables are created: standard, {', '.join(SCHEMAS)}.")
    ] = STANDARD_PLATFORM,
    variant: Annotated[
        str | None, Parameter(help="A legitimate platform that differs from the standard one (see `demo variants`).")
    ] = None,
    truth: Annotated[
        Path | None, Parameter(help="File for the list of injected faults, each with its kind, place and amount.")
    ] = None,
    json: Json = False,
) -> None:
    """Create a demonstration platform in an empty database. The same seed gives the same rows every time."""
    settings = settings_with(db)
    spec = DemoSpec(members=members, months=months, seed=seed)
    if end is not None:
        spec = replace(spec, end=parse_instant(end, settings.tz))
    chosen = _variant(variant)
    selection = _selection(faults, members, platform)
    refuse_unwritable("--truth", truth)
    with progress_bar(quiet=json) as progress:
        progress("simulating", 0, 4)
        plan = load_plan(settings.plan_path)
        build = SCHEMAS[platform].build if platform in SCHEMAS else None
        if build is not None:
            made = build(spec, settings.tz)
        else:
            made = chosen.build(spec, plan, settings.tz) if chosen else build_platform(spec, plan, settings.tz)
        truths = inject(made, selection, ALL_FAULTS, seed, exact=faults != "standard")
        rows = {name: frame.height for name, frame in made.frames.items()}
        if platform == STANDARD_PLATFORM:
            engine = database(settings, create=True)
            upgrade.init(engine)
            write_platform(engine, made, progress)
        else:
            rows = _create_as(platform, settings, made)
    if truth is not None:
        write_truth(truths, truth)
    if json:
        print_json(
            {
                "platform": platform,
                "members": made["users"].height,
                "months": months,
                "seed": seed,
                "rows": rows,
                "faults": selection,
                "injected": len(truths),
            }
        )
        return
    if platform != STANDARD_PLATFORM:
        counts = ", ".join(f"{grouped(count)} rows of {table}" for table, count in rows.items())
        out.print(f"Created {counts}, {plural(len(truths), 'fault')}. Next: mlm-audit platform check {platform}")
        return
    out.print(
        f"Created {rows['users']} members, {rows['orders']} orders, {rows['ledger']} ledger rows, {plural(len(truths), 'fault')}."
    )
    if chosen and chosen.settings:
        needed = " ".join(f"{name}={value}" for name, value in chosen.settings.items())
        out.print(f"Audit it with these settings: {needed}", markup=False, soft_wrap=True)


def _selection(faults: str, members: int, platform: str) -> dict[str, int]:
    """Return the faults to inject. Other platforms than the standard one can hold only some of them."""
    if platform == STANDARD_PLATFORM:
        return parse_selection(faults, ALL_FAULTS, members)
    if platform not in SCHEMAS:
        raise InputError(
            f"--platform {platform}: the demonstration cannot create this platform; use one of standard, {', '.join(SCHEMAS)}"
        )
    possible = {code: ALL_FAULTS[code] for code in SCHEMAS[platform].faults}
    return parse_selection(faults, possible, members)


def _create_as(platform: str, settings: Settings, made: Platform) -> dict[str, int]:
    if settings.database_url is None:
        raise InputError(NO_DATABASE)
    engine = open_engine(settings.database_url.get_secret_value(), create=True)
    try:
        return write_as(platform, engine, made)
    finally:
        engine.dispose()


def _variant(name: str | None) -> Variant | None:
    if name is not None and name not in VARIANTS:
        raise InputError(f"--variant {name}: there is no such variant; `mlm-audit demo variants` lists them")
    return VARIANTS[name] if name else None


@app.command(name="variants")
def list_variants(*, json: Json = False) -> None:
    """List the legitimate platforms that differ from the standard one."""
    if json:
        print_json([{"name": v.name, "about": v.about, "settings": v.settings} for v in VARIANTS.values()])
        return
    for variant in VARIANTS.values():
        out.print(f"[bold]{variant.name:28}[/] {escape(variant.about)}")


@app.command(name="faults")
def list_faults(*, json: Json = False) -> None:
    """List the kinds of fault that can be injected."""
    if json:
        print_json(
            [{"code": f.code, "about": f.about, "found_by": f.found_by, "cause": f.cause} for f in ALL_FAULTS.values()]
        )
        return
    for fault in ALL_FAULTS.values():
        out.print(f"[bold]{fault.code:28}[/] {escape(fault.about)} [dim](found by {fault.found_by})[/]")


@app.command(name="scorecard")
def show_scorecard(
    *,
    seeds: Annotated[
        int, Parameter(help="Number of platforms to use.", validator=validators.Number(gte=1, lte=1_000))
    ] = 10,
    places: Annotated[
        int,
        Parameter(
            help="Number of places per kind of fault, spread over the platforms.",
            validator=validators.Number(gte=1, lte=10_000),
        ),
    ] = 20,
    members: Annotated[int, Parameter(validator=validators.Number(gte=100, lte=1_000_000))] = 2_000,
    markdown: Annotated[Path | None, Parameter(help="Also write the table to this file.")] = None,
    json: Json = False,
) -> int:
    """Inject each kind of fault alone and score the checks: fault found, cause correct, nothing unrelated.

    Exit 1 if not perfect.
    """
    refuse_unwritable("--markdown", markdown)
    of = range(1, seeds + 1)
    books, trees, history = scorecard(of, places, members), tree_scorecard(of, places, members), history_scorecard(of)
    files, platforms = file_scorecard(of), platform_scorecard()
    scores = books + trees + history + files
    table = _head(seeds, places, members) + _sections(books, trees, history, files) + _of_platforms(platforms)
    if markdown is not None:
        markdown.write_text(table, encoding="utf-8")
    if json:
        print_json([score.__dict__ for score in (*scores, *platforms)])
    else:
        out.print(table, markup=False)
    is_missed = any(one.found < one.places for one in platforms)
    return int(is_missed or any(_is_short(score) for score in scores))


def _is_short(score: Score) -> bool:
    is_missed = score.found < score.places or bool(score.unrelated) or score.caused * 100 < score.places * 95
    return is_missed or score.closed < score.remedies


@app.command(name="coverage")
def show_coverage(
    *,
    seeds: Annotated[
        int, Parameter(help="Number of platforms to use.", validator=validators.Number(gte=1, lte=100))
    ] = 1,
    members: Annotated[int, Parameter(validator=validators.Number(gte=100, lte=100_000))] = 1_200,
    share: Annotated[
        float, Parameter(help="Share of all mutations to try, such as 0.1.", validator=validators.Number(gt=0, lte=1))
    ] = 1.0,
    markdown: Annotated[Path | None, Parameter(help="Also write the table to this file.")] = None,
) -> int:
    """Change every column of every table in every way and score the checks.

    Exit 1 when a change is neither found nor declared.
    """
    refuse_unwritable("--markdown", markdown)
    workers = os.cpu_count() or 1
    outcomes = [
        outcome for seed in range(1, seeds + 1) for outcome in mutation_scorecard(members, seed, share, workers)
    ]
    result = build_scorecard(outcomes)
    table = card_page(result, seeds=seeds, members=members, share=share)
    if markdown is not None:
        markdown.write_text(table, encoding="utf-8")
    out.print(table, markup=False)
    for text in (*(f"missed: {case}" for case in result.missed), *(f"stale: {text}" for text in result.stale)):
        out.print(text, markup=False, soft_wrap=True)
    return int(not result.is_perfect)


def _head(seeds: int, places: int, members: int) -> str:
    return (
        "# Scorecard\n\n"
        f"`make scorecard` injected each kind of fault alone into clean platforms of {members} members "
        f"({plural(seeds, 'seed')}, {plural(places, 'place')} in all). *Found*: the expected check found the fault. *Cause*: the check "
        "also named the correct cause. *Unrelated*: breaks that belong to no injected fault; every break on a clean platform would be "
        "one. *Remedies that closed*: the remedies of one place were applied to a copy, and each alternative of a decision was tried "
        "separately; afterwards no break was open, no unaffected wallet had changed and nothing was paid twice. A fault that takes a whole "
        "month or a whole platform has fewer places.\n\n"
    )


def _sections(books: list[Score], trees: list[Score], history: list[Score], files: list[Score]) -> str:
    of_trees = (
        "\n## The trees\n\nEach place was tested separately. *Found*: the check found exactly one issue, with the correct "
        "code. *Cause*: the issue names every id and the correct number of affected members, which the injector counts independently.\n\n"
    )
    of_history = (
        f"\n## The history\n\nOn a platform of {HISTORY_MEMBERS} members for each seed, two runs sealed the closed months and were stored. "
        "Then one record was changed, and the next run had to find it.\n\n"
    )
    of_files = (
        f"\n## The files\n\nThe tree, the ledger and the wallets of a platform of {FILE_MEMBERS} members for each seed were exported, "
        "and one row was changed. `tree check-file` or `reconcile-files` had to find it.\n\n"
    )
    checked = of_trees + _rows(trees) + of_history + _rows(history) + of_files + _rows(files)
    return "## The books\n\n" + _rows(books, remedies=True) + checked


def _of_platforms(scores: list[PlatformScore]) -> str:
    head = (
        f"\n## The platforms\n\nEach kind of fault that a platform can hold was injected alone into a demonstration of {PLATFORM_MEMBERS} "
        "members under the tables of that platform, and read through its mapping. *Other breaks* are of checks that the fault does not "
        "concern by itself, such as a flag that no longer follows from a changed sponsor. The standard platform is in the sections above.\n\n"
        "| platform | fault | places | found | other breaks |\n|---|---|---:|---:|---:|\n"
    )
    rows = [f"| {s.platform} | {s.fault} | {s.places} | {s.found} | {s.unrelated} |" for s in scores]
    return head + "\n".join(rows) + "\n"


def _rows(scores: list[Score], *, remedies: bool = False) -> str:
    head, line = "| fault | places | found | cause | breaks | unrelated |", "|---|---:|---:|---:|---:|---:|"
    rows = [f"| {s.fault} | {s.places} | {s.found} | {s.caused} | {s.breaks} | {s.unrelated} |" for s in scores]
    if remedies:
        head, line = f"{head} remedies that closed |", f"{line}---:|"
        rows = [f"{row} {_closed(score)} |" for row, score in zip(rows, scores, strict=True)]
    return "\n".join((head, line, *rows)) + "\n"


def _closed(score: Score) -> str:
    return (
        f"{score.closed} of {score.remedies}"
        if score.remedies
        else "a person must investigate first"
        if score.places
        else ""
    )
