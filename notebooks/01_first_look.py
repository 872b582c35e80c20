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
# **Question:** do the books agree, and if not, how much is it, since when, and what would one do first?

# %% tags=["parameters"]
database = ""  # an SQLAlchemy URL; DATABASE_URL when left empty
job_id = ""  # a stored run; the last reconciliation when left empty, or a look now when there is none

# %%
import polars as pl

import mlm_audit

audit = mlm_audit.connect(database or None)
run = audit.run(job_id) if job_id else audit.last_run() or audit.reconcile()
run

# %% [markdown]
# ## Which causes, and how much?
# Breaks that merely follow from another one come with it; mend the causes from the top.

# %%
run.tables["causes"]

# %% [markdown]
# ## Whose wallets are off?
# `run.explain(member=…)` shows the rows; `02_investigate_a_break` goes on from there.

# %%
run.breaks.filter(pl.col("code") == "wallet-balance").select("member_id", "amount_paisa", "cause").sort(
    pl.col("amount_paisa").abs(), descending=True
).head(10)

# %% [markdown]
# ## Conclusion

# %%
print(repr(run))
print("Nothing to do." if run.breaks.is_empty() else "Go on with 02_investigate_a_break.")
audit.close()
