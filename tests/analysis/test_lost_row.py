"""The row that is to be posted is named only where its record proves the whole difference."""

import polars as pl

from mlm_audit.analysis.wallet import lost_row

BREAKS = {
    "code": ["payout-ledger", "release-ledger"],
    "amount_paisa": [-500, -700],
    "id": ["payout-ledger/31", "release-ledger/5/202610"],
}


def test_one_record_proves_all_of_it() -> None:
    breaks = pl.DataFrame(BREAKS)
    assert "a self_payout of ₹5.00 for member 5, reference SELF_PAYOUT_31" in lost_row(5, 500, breaks)
    assert "a repurchase_commission of ₹7.00 for member 5, reference REPURCHASE_5_202610" in lost_row(5, 700, breaks)


def test_two_lost_rows_are_not_one_of_another_amount() -> None:
    assert lost_row(5, 1_200, pl.DataFrame(BREAKS)) == ""
    assert lost_row(5, -500, pl.DataFrame(BREAKS)) == ""
