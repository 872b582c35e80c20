-- The corrections, and the ledger rows that they name by their keys.
select * from all_ledger
where substr(trim(ref), 1, 9) in ('REVERSAL_', 'RECOVERY_')
union select * from all_ledger
where id in (select {named} from all_ledger where substr(trim(ref), 1, 9) in ('REVERSAL_', 'RECOVERY_'))
