"""Every notice: text and HTML from one context, within what mail programs take."""

import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from mlm_audit.notices.catalogue import notice_kind, notice_kinds
from mlm_audit.notices.messages import contents
from mlm_audit.reporting.core.html import templates_dir
from tests.cli.test_commands import document, mlm, refused

VOID = {"meta", "br", "img"}


class Nested(HTMLParser):
    """Fails when a tag is closed that is not the innermost open one."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("part", ["notice.toml", "sample.json", "subject.txt.j2", "body.txt.j2", "body.html.j2"])
def test_a_folder_that_lacks_a_part(part: str, tmp_path: Path) -> None:
    shutil.copytree(templates_dir() / "notices", tmp_path / "notices")
    assert notice_kinds(tmp_path / "notices").keys() == notice_kinds().keys()
    (tmp_path / "notices" / "tree-alert" / part).unlink()
    notice_kinds.cache_clear()
    with pytest.raises(LookupError, match=rf"notice tree-alert: its folder .* lacks {re.escape(part)}"):
        notice_kinds(tmp_path / "notices")


def test_a_declaration_that_lacks_a_key(tmp_path: Path) -> None:
    shutil.copytree(templates_dir() / "notices", tmp_path / "notices")
    (tmp_path / "notices" / "tree-alert" / "notice.toml").write_text('to = "everybody"\nis_alert = true\n')
    with pytest.raises(LookupError, match="notice tree-alert: notice.toml must set `to`"):
        notice_kinds(tmp_path / "notices")


@pytest.mark.parametrize("kind", notice_kinds())
def test_html_that_mail_programs_take(kind: str) -> None:
    subject, text, html = contents(kind, "Asha", [notice_kind(kind).sample] * 2, "Asia/Kolkata")
    assert "\n" not in subject
    assert len(subject) < 150
    assert text.strip()
    page = Nested()
    page.feed(html)
    assert page.open == []
    assert len(html) < 102_000
    assert not re.search(r"<(script|svg|link|iframe|style)|url\(|var\(", html)
    assert not re.search(r"https?://", re.sub(r'<a href="https://books\.example\.invalid/[^"]*"', "", html)), (
        "only a link to the console"
    )
    words = set(re.findall(r"[₹\w.,-]+", re.sub(r"<[^>]+>", " ", html)))
    amounts = set(re.findall(r"₹[\d.,]+\d", text))
    assert amounts <= {word.rstrip(".,") for word in words}, "what the text says, the HTML says"


@pytest.mark.parametrize("kind", notice_kinds())
def test_hostile_values_are_escaped(kind: str) -> None:
    evil = "<img src=x onerror=alert(1)>"
    hostile = {key: evil if isinstance(value, str) else value for key, value in notice_kind(kind).sample.items()}
    _, _, html = contents(kind, evil, [hostile], "Asia/Kolkata")
    assert "<img src=x" not in html


def test_the_preview_names_what_a_folder_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tree-alarm").mkdir()
    monkeypatch.setattr("mlm_audit.cli.mail.notice_kinds", lambda: notice_kinds(tmp_path))
    assert "tree-alarm lacks notice.toml, sample.json, " in refused("mail", "preview", "tree-alarm")


def test_preview_and_test(tmp_path: Path) -> None:
    page = tmp_path / "mail.html"
    assert "was credited to your wallet" in mlm("mail", "preview", "payout-credited", "--html", page).stdout
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    mlm("mail", "preview", "tree-alert", "--html", page)
    assert 'src="data:image/png;base64,' in page.read_text(encoding="utf-8"), (
        "a picture for the eye, though no mail may have one so"
    )
    assert "the notices are" in refused("mail", "preview", "gremlins")
    assert "no recipient is named" in refused("mail", "test")
    assert "plain addresses" in refused("mail", "test", "--to", "a@b.invalid, c@@d.invalid")
    assert document("mail", "test", "--to", "ops@example.invalid")["channel"] == "eml"
    assert len(list(Path("outbox").glob("*.eml"))) == 1
    down = mlm("mail", "test", "--to", "ops@example.invalid", env={"EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": "9"})
    assert (down.returncode, "cannot be used" in down.stderr) == (1, True)
