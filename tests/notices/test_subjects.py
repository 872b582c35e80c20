"""A mail's subject arrives as it was written, wherever its lines end."""

import email
import email.policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlm_audit.domain.settings import Settings
from mlm_audit.notices import messages

LONGEST_LINE = 78
"""What the standard library's policy of mails allows."""
WORDS = ["₹2,000.00", "+₹1,312.50", "gross,", "net;", "Wallet", "difference", "Reconciliation", "FAIL:", "1", "naïve"]


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=40).map(" ".join))
def test_a_subject_arrives_as_it_was_written(subject: str) -> None:
    mail = messages.new_mail(subject, Settings.model_construct())
    sent = bytes(mail)
    assert email.message_from_bytes(sent, policy=email.policy.default)["Subject"] == subject
    assert max(map(len, sent.splitlines())) <= LONGEST_LINE


@pytest.mark.parametrize("subject", ["=?utf-8?q?hello=0D=0ABcc:_x@y.invalid?=", "x" * 2_000, f"a {'é' * 900}"])
def test_nothing_in_a_subject_ends_its_header(subject: str) -> None:
    mail = messages.new_mail(subject, Settings.model_construct())
    mail["X-Last"] = "still there"
    sent = bytes(mail)
    read = email.message_from_bytes(sent, policy=email.policy.default)
    assert (read["Bcc"], read["X-Last"]) == (None, "still there")
    assert max(map(len, sent.splitlines())) <= LONGEST_LINE
