"""Legitimate platforms that are unlike the usual demonstration platform: no check may say anything about them."""

from dataclasses import replace
from pathlib import Path

import pytest

from mlm_audit.checks.catalogue import load_checks
from mlm_audit.checks.trees.check import check_trees
from mlm_audit.demo.platform import Platform
from mlm_audit.demo.scorecard import tree_input
from mlm_audit.demo.variants import VARIANTS, Variant
from mlm_audit.demo.world import DemoSpec
from mlm_audit.domain.findings import CheckStatus
from mlm_audit.domain.plan import load_plan
from mlm_audit.domain.settings import Settings
from mlm_audit.engine.duck import Engine
from tests.conftest import IST, clean_platform


def _settings(variant: Variant) -> Settings:
    return Settings(database_url=None, **{name.lower(): value for name, value in variant.settings.items()})  # type: ignore[arg-type]


def _build(variant: Variant) -> Platform:
    return variant.build(DemoSpec(members=300), load_plan(), IST)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(VARIANTS))
def test_variant_passes(name: str, tmp_path: Path) -> None:
    variant = VARIANTS[name]
    settings, platform = _settings(variant), _build(variant)
    platform.write_snapshot(tmp_path)
    with Engine(tmp_path, load_plan(settings.plan_path), settings, read_at=platform.end) as engine:
        result = engine.run(load_checks())
    assert not [check for check in result.checks if check.status is CheckStatus.NOT_RUN]
    assert result.breaks["message"].to_list() == []


@pytest.mark.parametrize("name", list(VARIANTS))
def test_variant_is_unlike_the_usual_platform(name: str) -> None:
    variant = VARIANTS[name]
    platform, usual = _build(variant), clean_platform(300, 1)
    assert any(not platform[table].equals(usual[table]) for table in usual.frames) or variant.settings.get(
        "TIMEZONE"
    ) == str(IST)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, variant in VARIANTS.items() if variant.trees_pass])
def test_trees_of_a_variant_pass(name: str) -> None:
    variant = VARIANTS[name]
    settings = _settings(variant)
    given = replace(tree_input(_build(variant)), rules=load_plan(settings.plan_path).rules)
    assert check_trees(given).issues == ()
