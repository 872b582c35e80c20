# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Investigating what a reconciliation found
# **Question:** what caused each difference, since when, who else is affected, and what should be done?
# Every figure is traced to the rows behind it.

# %% tags=["parameters"]
database = ""  # an SQLAlchemy URL; DATABASE_URL when empty
job_id = ""  # a stored run; when empty, the last reconciliation, or a new dry run when none is stored
member = 0  # a member to explain; when 0, the wallets with the largest differences
most = 3  # the largest number of wallets and orders to explain

# %%
import polars as pl
from IPython.display import display

import mlm_audit

audit = mlm_audit.connect(database or None)
run = audit.run(job_id) if job_id else audit.last_run() or audit.reconcile()
run

# %% [markdown]
# ## The wallets
# The amounts and the gaps of the timeline add up to the wallet, to the paisa.

# %%
off = run.breaks.filter(pl.col("code") == "wallet-balance").sort(pl.col("amount_paisa").abs(), descending=True)
members = [member] if member else off["member_id"].head(most).to_list()
for number in members:
    display(run.explain(member=number))
print(f"Wallets that differ from the ledger: {off.height}; explained above: {len(members)}.")

# %% [markdown]
# ## The orders
# The planned amounts add up to the commissionable amount; each line shows who received it, and in which rows.

# %%
known = audit.sql("select id from orders")["id"]
of_orders = run.breaks.filter(pl.col("order_id").is_in(known.implode()) & (pl.col("cause") != "follows-from-order-line"))
if member:
    of_orders = of_orders.filter(pl.col("member_id") == member)
worst = of_orders.sort(pl.col("amount_paisa").abs(), descending=True, nulls_last=True)["order_id"].unique(maintain_order=True)
for number in worst.head(most):
    display(audit.order(number).explain())
print(f"Orders with breaks: {worst.len()}; explained above: {min(worst.len(), most)}.")

# %% [markdown]
# ## Which other members have the same cause?

# %%
for one in run.tables["causes"].iter_rows(named=True):
    print(f"{one['breaks']:5} {one['worst']:9} {one['cause']}: {one['do']}. Members: {one['members']}")

# %% [markdown]
# ## Conclusion

# %%
print(repr(run))
for number in members:
    print(f"Member {number}: {run.explain(member=number).story.first}")
for number in worst.head(most):
    print(f"Order {number}: {audit.order(number).explain().story.first}")
audit.close()
