-- Every place where a member's running balance or wallet parts from the ledger: member and gap.
select member_id, gap_paisa from gaps
union all
select member_id, gap_paisa from wallet_gaps where ledger_id is null
