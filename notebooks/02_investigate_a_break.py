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
# **Question:** why is it off, since when, whose fault is it, who else has it, and what do we do?
# Every figure is followed down to the rows that lead to it.

# %% tags=["parameters"]
database = ""  # an SQLAlchemy URL; DATABASE_URL when left empty
job_id = ""  # a stored run; the last reconciliation when left empty, or a look now when there is none
member = 0  # a member to look at; the wallets that are off by most when 0
most = 3  # how many wallets and orders are looked at

# %%
import polars as pl
from IPython.display import display

import mlm_audit

audit = mlm_audit.connect(database or None)
run = audit.run(job_id) if job_id else audit.last_run() or audit.reconcile()
run

# %% [markdown]
# ## The wallets
# The timeline's amounts and the places where wallet and ledger part add up to the wallet, to the paisa.

# %%
off = run.breaks.filter(pl.col("code") == "wallet-balance").sort(pl.col("amount_paisa").abs(), descending=True)
members = [member] if member else off["member_id"].head(most).to_list()
for number in members:
    display(run.explain(member=number))
print(f"{off.height} wallets are off; {len(members)} are shown.")

# %% [markdown]
# ## The orders
# What the plan gives adds up to the commissionable amount; each line shows who got it and from which row.

# %%
known = audit.sql("select id from orders")["id"]
of_orders = run.breaks.filter(pl.col("order_id").is_in(known.implode()) & (pl.col("cause") != "follows-from-order-line"))
if member:
    of_orders = of_orders.filter(pl.col("member_id") == member)
worst = of_orders.sort(pl.col("amount_paisa").abs(), descending=True, nulls_last=True)["order_id"].unique(maintain_order=True)
for number in worst.head(most):
    display(audit.order(number).explain())
print(f"{worst.len()} orders have breaks; {min(worst.len(), most)} are shown.")

# %% [markdown]
# ## Who else has the same cause?

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
