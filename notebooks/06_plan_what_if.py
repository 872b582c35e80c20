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
# # What if the plan had other terms?
# **Question:** under other terms, what would a past month have cost the company, and which members would have received more or less?
# docs/analysts/what-if.md describes what is recomputed and what is not.

# %% tags=["parameters"]
database = ""  # an SQLAlchemy URL; DATABASE_URL when empty
months = "2026-10"
company_percent = "35"
threshold_paisa = 100_000

# %%
import mlm_audit

audit = mlm_audit.connect(database or None)

# %% [markdown]
# ## A larger share for the company

# %%
share = audit.simulate(months=months, company_percent=company_percent)
share

# %% [markdown]
# ## A higher purchase threshold

# %%
threshold = audit.simulate(months=months, monthly_purchase_required_paisa=threshold_paisa)
threshold

# %% [markdown]
# ## Compression: inactive uplines are passed over

# %%
compression = audit.simulate(months=months, compression="standard")
compression

# %% [markdown]
# ## Conclusion

# %%
for name, answer in (("company share", share), ("threshold", threshold), ("compression", compression)):
    print(f"{name}: {answer.conclusion}")
audit.close()
