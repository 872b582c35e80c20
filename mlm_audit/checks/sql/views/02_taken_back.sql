-- Ledger rows that corrections reverse in full.
select of_id
from corrections
group by of_id
having sum(amount_paisa) = -max(of_paisa)
