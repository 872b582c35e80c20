"""The options of `tree check-file` may stand in a TOML file. They mean the same there as on the command line."""

from pathlib import Path

import pytest

from tests.cli.test_commands import document, refused

ROWS = "node;route\n1;1\n2;1.2\n3;1.2.3\n4;9.4\n"
OPTIONS = """[tree]
map = { id = "node", path = "route" }
separator = "."
delimiter = "semicolon"
skip-lines = 0
root-value = ["0"]
whole-ids = true
"""
GIVEN = ["--id", "node", "--path", "route", "--separator", ".", "--delimiter", "semicolon", "--skip-lines", "0"]
GIVEN += ["--root-value", "0", "--whole-ids"]


@pytest.fixture
def tree(tmp_path: Path) -> str:
    (tmp_path / "tree.csv").write_text(ROWS)
    return str(tmp_path / "tree.csv")


def options(tmp_path: Path, text: str) -> list[str]:
    (tmp_path / "tree.toml").write_text(text)
    return ["--options", str(tmp_path / "tree.toml")]


def test_a_file_means_the_same_as_the_command_line(tree: str, tmp_path: Path) -> None:
    given = document("tree", "check-file", tree, *GIVEN)
    from_file = document("tree", "check-file", tree, *options(tmp_path, OPTIONS))
    assert given["findings"] == from_file["findings"] != []
    both = document("tree", "check-file", tree, *options(tmp_path, OPTIONS), *GIVEN)
    assert both["findings"] == given["findings"]
    edges = '[tree]\nmap = { id = "node", parent = "route" }\nedges = true\ndelimiter = ";"\n'
    (tmp_path / "tree.csv").write_text("node;route\n2;1\n3;2\n")
    assert document("tree", "check-file", tree, *options(tmp_path, edges))["findings"] == []


@pytest.mark.parametrize(
    ("text", "more", "said"),
    [
        (OPTIONS, ["--path", "other"], "--path other: "),
        (OPTIONS, ["--root-value", "NULL"], "states it as ['0']; give it once"),
        ("[tree]\nmap = { path = 'route' }\n", [], "name the column of the node's id with --id COLUMN"),
        ("[tree]\nmap = { node = 'route' }\n", [], "tree.map.node is not an option; map names the columns id, parent"),
        ("[tree]\nid = 'node'\n", [], "tree.id is not an option"),
        ("[tree]\nedges = 'yes'\n", [], "tree.edges is 'yes'; it has to be true or false"),
        ("[tree]\nroot-value = '0'\n", [], "tree.root-value is '0'; it has to be a list of texts"),
        ("[tree]\nroot-value = [0]\n", [], "it has to be a list of texts"),
        ("[tree]\nskip-lines = true\n", [], "tree.skip-lines is True; it has to be a text"),
        ("[tree]\nmap = { id = 5 }\n", [], "tree.map.id is 5; it has to be a text"),
        ("[tree]\nmap = 'node'\n", [], "tree.map is a table of columns by role"),
        ("[ledger]\n", [], "it needs one table, which is called tree"),
        ("[tree]\n[ledger]\n", [], "it needs one table, which is called tree"),
        ("tree", [], "it cannot be read"),
    ],
)
def test_what_a_file_may_not_say(tree: str, tmp_path: Path, text: str, more: list[str], said: str) -> None:
    assert said in refused("tree", "check-file", tree, *options(tmp_path, text), *more)
