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
# # A first look at the books
# **Question:** do the books agree, and if not, how large is the difference, since when, and what should be done first?

# %% tags=["parameters"]
database = ""  # an SQLAlchemy URL; DATABASE_URL when empty
job_id = ""  # a stored run; when empty, the last reconciliation, or a new dry run when none is stored

# %%
import polars as pl

import mlm_audit

audit = mlm_audit.connect(database or None)
run = audit.run(job_id) if job_id else audit.last_run() or audit.reconcile()
run

# %% [markdown]
# ## Which causes, and how much?
# Breaks that only follow from another break disappear with it. Fix the causes from the top of the list.

# %%
run.tables["causes"]

# %% [markdown]
# ## Which wallets differ from the ledger?
# `run.explain(member=…)` shows the rows; continue with `02_investigate_a_break`.

# %%
run.breaks.filter(pl.col("code") == "wallet-balance").select("member_id", "amount_paisa", "cause").sort(
    pl.col("amount_paisa").abs(), descending=True
).head(10)

# %% [markdown]
# ## Conclusion

# %%
print(repr(run))
print("Nothing to do." if run.breaks.is_empty() else "Continue with 02_investigate_a_break.")
audit.close()
