"""The hooks before a commit and the forms for issues: they parse, they download nothing, and they ask for what is needed."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
FORMS = sorted(path for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml")


def test_hooks_are_local_and_run_what_the_linters_of_make_run() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert [repository["repo"] for repository in config["repos"]] == ["local"]
    hooks = config["repos"][0]["hooks"]
    assert all((hook["language"], hook["pass_filenames"]) == ("system", False) for hook in hooks)
    assert len({hook["id"] for hook in hooks}) == len(hooks)
    for hook in hooks:
        program = ROOT / shlex.split(hook["entry"])[0]
        assert program.is_file(), f"{hook['id']}: there is no {program}"
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    commands = [
        line.strip().replace("$(BIN)", ".venv/bin")
        for target in ("lint", "types", "rooms")
        for line in re.search(rf"^{target}: .*\n((?:\t.*\n)+)", makefile, re.MULTILINE)[1].splitlines()  # type: ignore[index]
    ]
    assert [hook["entry"] for hook in hooks] == commands


@pytest.mark.parametrize("form", FORMS, ids=lambda path: path.stem)
def test_a_form_asks_for_what_a_maintainer_needs(form: Path) -> None:
    page = yaml.safe_load(form.read_text(encoding="utf-8"))
    assert {"name", "description", "body"} <= set(page)
    fields = {part["id"]: part for part in page["body"] if part["type"] != "markdown"}
    assert len(fields) == sum(part["type"] != "markdown" for part in page["body"]), "each field has an id of its own"
    assert {"version", "database", "command"} <= set(fields)
    assert "json" in {part["attributes"].get("render") for part in fields.values()}
    assert "personal data" in form.read_text(encoding="utf-8")
    for field in fields.values():
        assert field["type"] in ("input", "textarea")
        assert field["attributes"]["label"]
        assert field["attributes"]["description"].endswith(".")


def test_there_are_forms_and_vulnerabilities_have_another_way() -> None:
    assert len(FORMS) == 3
    config = (ROOT / ".github" / "ISSUE_TEMPLATE" / "config.yml").read_text(encoding="utf-8")
    assert yaml.safe_load(config) == {"blank_issues_enabled": False, "contact_links": []}
    assert "SECURITY.md" in config
    assert (ROOT / "SECURITY.md").is_file()
