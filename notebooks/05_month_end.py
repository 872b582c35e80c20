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
# # The end of a month
# **Question:** who was eligible, who became eligible, who lost eligibility and why, and who nearly qualified?

# %% tags=["parameters"]
database = ""  # an SQLAlchemy URL; DATABASE_URL when empty
month = "2026-10"
before = "2026-09"

# %%
import polars as pl

import mlm_audit

audit = mlm_audit.connect(database or None)
eligibility = audit.eligibility(month)
eligibility

# %% [markdown]
# ## Changes, and the conditions that caused them

# %%
changes = eligibility.diff(before)
changes

# %% [markdown]
# ## Near misses: members who met every condition except the purchases

# %%
short = pl.col("required_paisa") - pl.col("purchase_paisa")
near = eligibility.frame.filter(~pl.col("is_eligible") & pl.col("kyc_approved") & pl.col("three_three_met") & (short > 0))
near.with_columns(short.alias("short_paisa")).sort("short_paisa").head(10)

# %% [markdown]
# ## A member who lost eligibility, row by row

# %%
lost = changes.frame.filter(pl.col("change") == "lost it")["member_id"]
eligibility.explain(lost[0]) if lost.len() else "No member lost eligibility."

# %% [markdown]
# ## Conclusion

# %%
print(eligibility.conclusion, changes.conclusion, f"Members who missed only the purchases: {near.height}.")
audit.close()
