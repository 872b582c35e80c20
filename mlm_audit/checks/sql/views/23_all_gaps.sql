-- Every gap between a member's running balance or wallet and the ledger: member and gap.
select member_id, gap_paisa from gaps
union all
select member_id, gap_paisa from wallet_gaps where ledger_id is null
