"""Verifies an evidence pack of mlm-audit. It needs only Python 3.10 or newer: no database, network or installation.

    python evidence_verify.py pack.zip PUBLIC_KEY        (64 hexadecimal digits, from `mlm-audit evidence key`)

For a valid pack, the program prints what is proven, the head of the log and what is not proven, and exits with code 0.
Otherwise it prints which check failed and exits with code 1. It checks, in this order:

1. The file is, byte for byte, the archive that its contents produce.
2. The manifest is signed by the key that you were given, not by a key from the pack.
3. The manifest lists every file in the pack with its SHA-256, and the pack has no other files.
4. The log of sealed months is complete: each entry has the hash of the one before, and the seal is the month's last
   seal. A pack of format 1 with a log that only a later version can have written is not valid.
5. Every ledger row in the pack leads to the sealed Merkle root of its month, from its place among the sealed number of
   rows. The side of each sibling follows from the place, so that a row proves nothing at the place of another row.
6. The rows are complete. For a month, its count and sum prove this; for a member, the sealed sums per member and kind.
   For an order, nobody can prove that there are no other rows, and the output says so.

docs/operators/history.md of mlm-audit explains how a row is hashed and what this program cannot prove.
"""

import csv
import hashlib
import io
import json
import sys
import zipfile
from typing import Any

DATE = (1980, 1, 1, 0, 0, 0)
FIRST_COLUMNS = [
    *("id", "user_id", "type", "amount_paisa", "reference_id"),
    *("ref", "balance_after_paisa", "level_depth", "created_at"),
]
"""The columns of seals of format 1, which do not name them."""
LEAF_PREFIXES = {1: b"row\n", 2: b"\x00"}
"""Format of a seal → the prefix hashed before a row. A node has the prefix 0x01."""
NEWEST = 2
FIRST_KINDS = {"sealed", "expired", "rebuilt", "restarted"}
"""The kinds of entry in the version that made packs of format 1."""
NEEDED = {"manifest.json", "signature.json", "log.jsonl", "rows.jsonl", "sums.csv"}


class BrokenError(Exception):
    """The pack fails a check. The message says which one."""


def verify(data: bytes, public_key: str) -> dict[str, Any]:
    """Return what a pack proves as a dictionary. Raise BrokenError when any check fails.

    `data` is the pack as bytes; `public_key` is hexadecimal.
    """
    files = contents(data)
    signed_by(files, public_key)
    manifest = json.loads(files["manifest.json"])
    if manifest["format"] not in (1, NEWEST):
        raise BrokenError(
            f"the pack has format {manifest['format']!r}, which this program does not know; use a newer one"
        )
    named(files, manifest)
    seal = sealed(files["log.jsonl"], manifest)
    rows = [json.loads(line) for line in files["rows.jsonl"].splitlines()]
    proven(rows, seal, manifest)
    complete = completeness(rows, seal, manifest["about"], files["sums.csv"])
    total = sum(row["row"][place(seal, "amount_paisa")] or 0 for row in rows)
    return {
        "about": manifest["about"],
        "rows": len(rows),
        "sum_paisa": total,
        "month": seal["month"],
        "complete": complete,
        "format": manifest["format"],
        "entries": len(files["log.jsonl"].splitlines()),
        "head": manifest["head"],
        "not_proven": not_proven(manifest["format"], seal, manifest["about"]),
    }


def not_proven(number: int, seal: dict[str, Any], about: dict[str, int]) -> list[str]:
    """Return what even a valid pack does not prove."""
    found = ["that the rows were correct when they were sealed"]
    found.append("that the log is the only one: compare its head with a copy that was stored elsewhere on that day")
    if "order" in about:
        found.append("that the order has no other rows")
    if form(seal) == 1:
        found.append(
            "which columns the ledger had: a month sealed in format 1 does not name them, and does not hash rows as in RFC 6962"
        )
    if number == 1:
        found.append("that the pack was made before format 1 was replaced: prefer a pack of format 2")
    return found


def contents(data: bytes) -> dict[str, bytes]:
    """Return the files of the archive. Raise BrokenError unless these files produce exactly this archive.

    This detects every change to the archive outside its files. A missing required file also raises BrokenError.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
            if len(names) != len(set(names)):
                raise BrokenError("the pack contains a file twice")
            files = {name: archive.read(name) for name in names}
    except BrokenError:
        raise
    except Exception as error:  # a damaged archive can raise any error
        raise BrokenError(f"the pack is not a readable archive: {error}") from error
    if archive_of(files) != data:
        raise BrokenError("the pack is not, byte for byte, the archive that its files produce")
    if NEEDED - set(files):
        raise BrokenError(f"the pack lacks {', '.join(sorted(NEEDED - set(files)))}")
    return files


def archive_of(files: dict[str, bytes]) -> bytes:
    """Return the archive that these files produce: sorted by name, uncompressed, with one fixed date."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, DATE)
            info.create_system = 3
            info.external_attr = 0o644 << 16
            archive.writestr(info, files[name])
    return made.getvalue()


def signed_by(files: dict[str, bytes], public_key: str) -> None:
    """Raise BrokenError unless the manifest is signed by this key."""
    try:
        signature = json.loads(files["signature.json"])
        key, mark = bytes.fromhex(signature["key"]), bytes.fromhex(signature["signature"])
        wanted = bytes.fromhex(public_key)
    except (ValueError, KeyError, TypeError) as error:
        raise BrokenError(f"the key or the signature cannot be read: {error}") from error
    if key != wanted:
        raise BrokenError(f"the pack is signed by another key: {key.hex()}")
    if not ed25519_verify(wanted, mark, files["manifest.json"]):
        raise BrokenError("the signature does not match this manifest")


def named(files: dict[str, bytes], manifest: dict[str, Any]) -> None:
    """Raise BrokenError unless the manifest lists exactly the files of the pack, with their digests."""
    listed = manifest["files"]
    there = set(files) - {"manifest.json", "signature.json"}
    if set(listed) != there:
        raise BrokenError(f"the manifest and the pack have different files: {', '.join(sorted(set(listed) ^ there))}")
    for name, digest in listed.items():
        if hashlib.sha256(files[name]).hexdigest() != digest:
            raise BrokenError(f"{name} does not match its digest in the manifest")


def sealed(log: bytes, manifest: dict[str, Any]) -> dict[str, Any]:
    """Return the last seal of the month. Raise BrokenError unless every log entry follows from the one before."""
    before = "0" * 64
    seal: dict[str, Any] | None = None
    for number, line in enumerate(log.splitlines(), start=1):
        entry = json.loads(line)
        content = {name: value for name, value in entry.items() if name != "hash"}
        digest = hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
        if entry["number"] != number or entry["before"] != before or entry["hash"] != digest:
            raise BrokenError(f"entry {number} of the log is not valid")
        if manifest["format"] == 1 and (entry["kind"] not in FIRST_KINDS or "format" in entry["body"]):
            raise BrokenError(f"the pack claims format 1, but entry {number} of its log was written by a later version")
        before = digest
        if entry["kind"] in ("sealed", "rebuilt") and entry["body"]["month"] == manifest["month"]:
            seal = entry["body"]
    if before != manifest["head"]:
        raise BrokenError("the log's last hash is not the one in the manifest")
    if seal is None:
        raise BrokenError("the log has no seal for the month")
    if form(seal) not in LEAF_PREFIXES:
        raise BrokenError(
            f"the month was sealed in format {form(seal)!r}, which this program does not know; use a newer one"
        )
    if manifest["columns"] != columns(seal):
        raise BrokenError("the manifest names other columns than the seal")
    return seal


def form(seal: dict[str, Any]) -> Any:
    """Return the format of a seal. Seals of format 1 do not name it."""
    return seal.get("format", 1)


def columns(seal: dict[str, Any]) -> list[str]:
    """Return the columns of a seal in order. Seals of format 1 do not name them."""
    return [name for name, _ in seal["columns"]] if "columns" in seal else FIRST_COLUMNS


def place(seal: dict[str, Any], name: str) -> int:
    """Return the position of a column in a row."""
    return columns(seal).index(name)


def proven(rows: list[dict[str, Any]], seal: dict[str, Any], manifest: dict[str, Any]) -> None:
    """Raise BrokenError unless each row leads to the sealed root, by its own proof or with all rows of the month."""
    about = manifest["about"]
    leaves = [leaf(row["row"], seal) for row in rows]
    if "member" not in about and "order" not in about:
        if root(leaves).hex() != seal["root"]:
            raise BrokenError("the rows of the month do not lead to its sealed root")
        return
    places = [row["place"] for row in rows]
    if any(type(number) is not int or not 0 <= number < seal["rows"] for number in places):
        raise BrokenError("a row has a place that does not exist in the month")
    if places != sorted(set(places)):
        raise BrokenError("a row appears twice or is out of order")
    for row, own in zip(rows, leaves, strict=True):
        number = row["row"][place(seal, "id")]
        if climbed(own, row, seal["rows"], manifest["format"]).hex() != seal["root"]:
            raise BrokenError(f"ledger row {number} does not lead to the sealed root from its place")
        if "member" in about and row["row"][place(seal, "user_id")] != about["member"]:
            raise BrokenError(f"ledger row {number} belongs to another member")
        if "order" in about and row["row"][place(seal, "reference_id")] != about["order"]:
            raise BrokenError(f"ledger row {number} belongs to another order")


def climbed(hashed: bytes, row: dict[str, Any], count: int, number: int) -> bytes:
    """Return the root that a row and its siblings lead to, from its place among `count` rows.

    In format 1, each sibling also states its side. Raise BrokenError when the proof does not fit the place.
    """
    proof, at = list(row["proof"]), row["place"]
    while count > 1:
        if at ^ 1 < count:
            if not proof:
                raise BrokenError("a proof is too short for the place of its row")
            step, side = proof.pop(0), "left" if at % 2 else "right"
            if number == 1 and step[0] != side:
                raise BrokenError("a proof does not belong to the place of its row")
            beside = bytes.fromhex(step[1] if number == 1 else step)
            pair = (beside, hashed) if side == "left" else (hashed, beside)
            hashed = hashlib.sha256(b"\x01" + pair[0] + pair[1]).digest()
        at, count = at // 2, (count + 1) // 2
    if proof:
        raise BrokenError("a proof is too long for the place of its row")
    return hashed


def leaf(values: list[Any], seal: dict[str, Any]) -> bytes:
    """Return the hash of a row: for each column `-` for null, else the length of its text, a colon, and the text."""
    if len(values) != len(columns(seal)):
        raise BrokenError(f"a row has {len(values)} columns instead of {len(columns(seal))}")
    text = "".join("-" if value is None else f"{len(str(value).encode())}:{value}" for value in values)
    return hashlib.sha256(LEAF_PREFIXES[form(seal)] + text.encode()).digest()


def root(level: list[bytes]) -> bytes:
    """Return the root of the Merkle tree over hashes of rows."""
    while len(level) > 1:
        pairs = [hashlib.sha256(b"\x01" + level[n] + level[n + 1]).digest() for n in range(0, len(level) - 1, 2)]
        level = pairs + level[len(pairs) * 2 :]
    return level[0] if level else hashlib.sha256(b"").digest()


def completeness(rows: list[dict[str, Any]], seal: dict[str, Any], about: dict[str, int], sums: bytes) -> str:
    """Return whether the rows are proven to be complete, and how. Raise BrokenError when they do not match the seal."""
    amount, kinds = place(seal, "amount_paisa"), place(seal, "type")
    count, total = len(rows), sum(row["row"][amount] or 0 for row in rows)
    if "order" in about:
        return "not proven: the seal has no sums per order"
    if "member" not in about:
        if (count, total) != (seal["rows"], seal["sum_paisa"]):
            raise BrokenError(
                f"the count or the sum of the rows differs from the seal, which has a count of {seal['rows']}"
            )
        return "proven by the sealed count and sum"
    if hashlib.sha256(sums).hexdigest() != seal["sums_sha256"]:
        raise BrokenError("the sums are not the sealed sums")
    mine: dict[str, tuple[int, int]] = {}
    for row in csv.DictReader(io.StringIO(sums.decode())):
        if row["user_id"] == str(about["member"]):
            mine[row["type"]] = (int(row["rows"]), int(row["sum_paisa"]))
    here: dict[str, tuple[int, int]] = {}
    for row in rows:
        kind = row["row"][kinds] or ""
        before = here.get(kind, (0, 0))
        here[kind] = (before[0] + 1, before[1] + (row["row"][amount] or 0))
    if mine != here:
        raise BrokenError("the member's rows are not all of the member's rows in the sealed month")
    return "proven by the sealed sums of the member"


# Ed25519 as in RFC 8032, verification only. Points are (X, Y, Z, T), x = X/Z, y = Y/Z, x*y = T/Z.
Point = tuple[int, int, int, int]
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
BASE_Y = 4 * pow(5, P - 2, P) % P


def add(a: Point, b: Point) -> Point:
    """Return the sum of two points."""
    m, n = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    c, d = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = n - m, d - c, d + c, n + m
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(scalar: int, point: Point) -> Point:
    """Return the product of a scalar and a point."""
    result = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point, scalar = add(point, point), scalar >> 1
    return result


def point_of(data: bytes) -> Point | None:
    """Return the point that 32 bytes encode; None when they encode none."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


def ed25519_verify(public: bytes, signature: bytes, message: bytes) -> bool:
    """Return whether the signature of the message was made with the key."""
    if len(public) != 32 or len(signature) != 64:
        return False
    key, first, scalar = point_of(public), point_of(signature[:32]), int.from_bytes(signature[32:], "little")
    base = point_of(BASE_Y.to_bytes(32, "little"))
    if key is None or first is None or base is None or scalar >= L:
        return False
    digest = hashlib.sha512(signature[:32] + public + message).digest()
    left, right = times(scalar, base), add(first, times(int.from_bytes(digest, "little") % L, key))
    return not ((left[0] * right[2] - right[0] * left[2]) % P or (left[1] * right[2] - right[1] * left[2]) % P)


def main(arguments: list[str]) -> int:
    """Verify the pack that the arguments name, and return the exit code."""
    if len(arguments) != 2:
        sys.stderr.write("usage: python evidence_verify.py pack.zip PUBLIC_KEY\n")
        return 2
    try:
        with open(arguments[0], "rb") as file:
            found = verify(file.read(), arguments[1])
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except Exception as error:  # a forged pack may contain anything
        print(f"NOT VALID: {error if isinstance(error, BrokenError) else f'it cannot be read ({error!r})'}")
        return 1
    about = ", ".join(f"{name} {number}" for name, number in found["about"].items()) or "the whole month"
    rows = "1 ledger row" if found["rows"] == 1 else f"{found['rows']} ledger rows"
    print(f"valid: {rows} of {found['month']}, {found['sum_paisa']} paisa, {about}")
    print("completeness: " + found["complete"])
    print(f"head of the log: {found['head']} at entry {found['entries']}")
    print(f"format {found['format']}; the pack does not prove " + "; ".join(found["not_proven"]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
