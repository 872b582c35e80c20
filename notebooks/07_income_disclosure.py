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
# **Question:** what would an honest income disclosure say, and does the plan live on products or on recruiting?

# %% tags=["parameters"]
database = ""  # an SQLAlchemy URL; DATABASE_URL when left empty
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
# ## What looks odd, and what that does not prove

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
