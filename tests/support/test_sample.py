"""Samples depend on the commit alone, try at least their share, and over many commits everything."""

import math

import pytest

from tests.support import sample


@pytest.fixture
def commit(monkeypatch: pytest.MonkeyPatch) -> object:
    """Sets the commit that decides the samples."""

    def chosen(name: str) -> None:
        monkeypatch.setenv(sample.SEED, name)
        sample.seed.cache_clear()

    yield chosen
    sample.seed.cache_clear()


def test_the_same_commit_tries_the_same(commit: object) -> None:
    commit("abc")  # type: ignore[operator]
    assert sample.tried(range(100), "kills") == sample.tried(range(100), "kills")
    assert sample.tried(range(100), "kills") != sample.tried(range(100), "forests"), (
        "not the same places in each enumeration"
    )


@pytest.mark.parametrize(
    ("many", "share", "count"), [(100, 0.2, 20), (7, 0.2, 2), (3, 0.2, 1), (1, 0.2, 1), (0, 0.2, 0), (10, 1.0, 10)]
)
def test_at_least_the_share_is_tried(many: int, share: float, count: int, commit: object) -> None:
    commit("abc")  # type: ignore[operator]
    found = sample.tried(range(many), "kills", share)
    assert (len(found), found) == (count, sorted(found))


def test_many_commits_try_everything(commit: object) -> None:
    seen = set()
    for number in range(60):
        commit(f"commit {number}")  # type: ignore[operator]
        seen.update(sample.tried(range(50), "kills"))
    assert seen == set(range(50))


def test_a_share_of_all_tests(commit: object, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    commit("abc")  # type: ignore[operator]
    monkeypatch.delenv(sample.SHARE_OF_ALL, raising=False)  # a run on another day sets it for all its tests
    items = [item for item in request.session.items if not sample.share_of(item)][:10]
    assert sample.left_out(items) == []
    monkeypatch.setenv(sample.SHARE_OF_ALL, "0.2")
    assert len(items) - len(sample.left_out(items)) == math.ceil(0.2 * len(items))


def test_the_whole(commit: object) -> None:
    commit(sample.WHOLE)  # type: ignore[operator]
    assert sample.tried(range(100), "kills") == list(range(100))
    assert sample.examples(30) == 30


def test_a_property_is_tried_with_a_fifth_of_its_examples(commit: object) -> None:
    commit("abc")  # type: ignore[operator]
    assert [sample.examples(count) for count in (30, 7, 1)] == [6, 2, 1]
