"""Tests that share a server run in one process: two servers of Prefect on two processors take four times as long as one."""

import pytest


@pytest.mark.xdist_group("one")
def test_a_group_is_known_to_the_scheduler(request: pytest.FixtureRequest) -> None:
    """pytest-xdist tells the groups apart by what it adds to a test's name, and a release of pytest made it lose that once."""
    if not getattr(request.config.option, "loadgroup", False):
        pytest.skip("the tests are not spread by group")
    assert request.node.nodeid.endswith("@one")
