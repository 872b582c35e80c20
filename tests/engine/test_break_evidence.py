"""Evidence is the same text from every engine."""

import json
from dataclasses import replace
from pathlib import Path

from mlm_audit.checks.catalogue import load_checks
from mlm_audit.domain.plan import load_plan
from mlm_audit.engine.duck import Engine
from tests.conftest import NOW, clean_platform, settings_for

FACTS = """
select
    1 as member_id,
    [{'table': 'users', 'id': 1}] as evidence,
    {'order_ids': [3, 2], 'open_order_ids': []::BIGINT[], 'paid_to_id': null::BIGINT, 'nodes': 2} as facts
"""


def test_empty_lists_and_nulls_are_left_out(tmp_path: Path) -> None:
    """Where no row qualifies for a list, DuckDB gives null and Spark an empty list."""
    check = replace(next(iter(load_checks())), sql=FACTS, message="Member 1.")
    clean_platform().write_snapshot(tmp_path)
    with Engine(tmp_path, load_plan(), settings_for(), read_at=NOW) as engine:
        [evidence] = engine.run([check]).breaks["evidence"]
    assert json.loads(evidence) == [{"table": "users", "id": 1, "facts": {"nodes": 2, "order_ids": [2, 3]}}]
