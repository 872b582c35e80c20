"""`mlm-audit evidence`: make and verify packs that prove ledger rows to a party that trusts only a public key."""

import re
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from mlm_audit.cli.common import Db, Id, Json, clock, database, refuse_unwritable, settings_with
from mlm_audit.cli.explain import connect
from mlm_audit.cli.output import EXIT_FAILED, out, print_json
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.periods import parse_month
from mlm_audit.domain.settings import load_settings
from mlm_audit.history import evidence_verify
from mlm_audit.history.evidence import PackScope, Pages, make_pack
from mlm_audit.history.signing_key import key_of, make_key, public_of, rotate_key
from mlm_audit.reporting.core.story_rendering import to_page

app = App(name="evidence")
Output = Annotated[Path, Parameter(name=["--output", "-o"], help="File to write the pack to, such as pack.zip.")]
PublicKey = Annotated[
    str | None, Parameter(help="The public key, 64 hexadecimal digits. The default is this installation's own key.")
]
MemberId = Annotated[Id | None, Parameter(help="Only this member's rows, each with its proof.")]
OrderId = Annotated[Id | None, Parameter(help="Only this order's lines, each with its proof.")]
Reveal = Annotated[
    bool, Parameter(negative="", help="Include personal data in full. The name of the requester is recorded.")
]


@app.command
def pack(
    *,
    month: Annotated[str, Parameter(help="A sealed month, YYYY-MM.")],
    output: Output,
    member: MemberId = None,
    order: OrderId = None,
    reveal: Reveal = False,
    db: Db = None,
    json: Json = False,
) -> None:
    """Make a pack: sealed rows with their proofs, the log, the plan, the checks, the open breaks, an explanation, a signature."""
    if member is not None and order is not None:
        raise InputError("evidence pack: give --member or --order, not both")
    settings = settings_with(db)
    parse_month(month, settings.tz)
    refuse_unwritable("-o", output)
    made = make_pack(
        database(settings), settings, PackScope(month, member, order), clock(), _pages(db, member, order, reveal=reveal)
    )
    try:
        output.write_bytes(made)
    except OSError as error:
        raise InputError(f"-o {output}: the file cannot be written ({error.strerror}); choose another file") from error
    key = public_of(key_of(settings))
    if json:
        print_json({"pack": str(output), "bytes": len(made), "public_key": key})
        return
    out.print(f"{output}, {len(made)} bytes, signed by {key}", markup=False)
    out.print(f"      Verify it anywhere: python evidence_verify.py {output.name} {key}", markup=False)


def _pages(db: str | None, member: int | None, order: int | None, *, reveal: bool) -> Pages:
    """Return a function that renders the HTML pages of a pack, by file name.

    A pack of an order or a member has an explanation. A pack of a member also has the member's page.
    """

    def pages() -> dict[str, str]:
        audit = connect(db)
        try:
            if order is not None:
                return {"explanation.html": to_page(audit.order(order).explain().story)}
            if member is not None:
                asked = audit.member(member, reveal=reveal)
                return {"member.html": to_page(asked.story), "explanation.html": to_page(asked.explain().story)}
            return {}
        finally:
            audit.close()

    return pages


@app.command
def verify(pack: Path, /, *, key: PublicKey = None, json: Json = False) -> int:
    """Verify a pack against a public key, as `evidence_verify.py` in the pack does. Exit code 1 when it is not valid.

    Parameters
    ----------
    pack
        The pack's file.
    """
    if key is not None and not re.fullmatch(r"[0-9a-fA-F]{64}", key):
        raise InputError(f"--key {key[:80]}: this is not a public key; give its 64 hexadecimal digits")
    public = key or public_of(key_of(load_settings()))
    if not pack.is_file():
        raise InputError(f"pack {pack}: there is no such file; give the path of a pack")
    if not json:
        return evidence_verify.main([str(pack), public])
    try:
        print_json({"valid": True, **evidence_verify.verify(pack.read_bytes(), public)})
    except Exception as error:  # noqa: BLE001  (a forged pack may hold anything)
        print_json({"valid": False, "why": str(error)})
        return EXIT_FAILED
    return 0


@app.command
def key(
    *,
    new: Annotated[bool, Parameter(negative="", help="Create the key, if there is none yet.")] = False,
    rotate: Annotated[bool, Parameter(negative="", help="Set the current key aside and create a new one.")] = False,
    json: Json = False,
) -> None:
    """Show, create or rotate the key of this installation. Give the public key to everyone who verifies packs."""
    if new and rotate:
        raise InputError("evidence key: give --new or --rotate, not both")
    settings = load_settings()
    old_key: dict[str, str] = {}
    if rotate:
        found, aside, word = rotate_key(settings, clock())
        old_key = {"old_key_file": str(aside), "signed_by_old": word}
    else:
        found = make_key(settings) if new else key_of(settings)
    data = {"public_key": public_of(found), "key_file": str(settings.evidence_key_file), **old_key}
    if json:
        print_json(data)
        return
    for label, value in data.items():
        out.print(f"{label.replace('_', ' '):14} {value}", markup=False)
