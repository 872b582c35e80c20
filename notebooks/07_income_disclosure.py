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
# # What members earn, and from what
# **Question:** what would an accurate income disclosure state, and does income come from products or from recruiting?

# %% tags=["parameters"]
database = ""  # an SQLAlchemy URL; DATABASE_URL when empty
year = 2026

# %%
import mlm_audit

audit = mlm_audit.connect(database or None)
income = audit.income_disclosure(year)
income

# %% [markdown]
# ## Recruiting or products?

# %%
indicators = audit.pyramid_indicators(str(year))
indicators

# %% [markdown]
# ## Suspicious patterns, and what they do not prove

# %%
odd = audit.suspicious()
odd

# %% [markdown]
# ## Conclusion

# %%
print(income.conclusion)
print(indicators.conclusion)
print(odd.conclusion)
audit.close()
