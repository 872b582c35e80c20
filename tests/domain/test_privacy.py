"""Personal data in other people's texts is masked; figures that are none stay."""

import pytest

from mlm_audit.domain.payouts import Hold, known_reason
from mlm_audit.domain.privacy import mask_email, mask_personal, one_line


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("550 <ravi.kumar@example.com>: no", "550 <***@***>: no"),
        ("row (1, ABCDE1234F, +91 98765 43210)", "row (1, **********, **********)"),
        ("account 123456789012", "account **********"),
        ("instalment 4711 of 12,34,567.89", "instalment 4711 of 12,34,567.89"),
    ],
)
def test_mask_personal(text: str, masked: str) -> None:
    assert mask_personal(text) == masked


@pytest.mark.parametrize(
    ("address", "masked"),
    [
        ("ravi@example.com", "ra***@example.com"),
        ("abc@x.com", "a***@x.com"),
        ("ab@x.com", "a***@x.com"),
        ("a@x.com", "***@x.com"),
        ("no address", "***"),
        ("", ""),
    ],
)
def test_no_more_than_half_of_a_short_name_is_shown(address: str, masked: str) -> None:
    assert mask_email(address) == masked


def test_what_steers_a_terminal_or_turns_text_around_is_gone() -> None:
    evil = "a\x1b[31mb\u202ec\u2066d\u200ee\u061cf\ng\u2028h"
    assert one_line(evil) == "a [31mb c d e f g h"


def test_a_reason_in_somebody_s_own_words_is_not_shown() -> None:
    assert [known_reason(hold.value) for hold in Hold] == [hold.value for hold in Hold]
    assert known_reason("technical: no route to 123456789012") == "technical: no route to **********"
    assert "Priya" not in known_reason("Bank rejected Priya")
