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
# # Attach a platform
# **Question:** which tables, units and kinds of ledger row make up the wallets of a platform that nobody has mapped yet?
#
# The database is only read. A login that may `SELECT` is enough.

# %% tags=["parameters"]
database = ""  # an SQLAlchemy URL; DATABASE_URL when empty
platform = ""  # a mapping to prove: the name of a shipped one, or a file that ends in .toml; none when empty
file = ""  # where to write the proposed mapping, such as shop.toml; it is only shown when empty

# %%
import mlm_audit

proposal = mlm_audit.inspect(database or None)
proposal

# %% [markdown]
# ## Which kinds of ledger row move the wallets?
# Each bar counts the wallets that are reproduced when one kind counts otherwise than proposed. Where a kind matters, the bar is
# much shorter. Where it is as long, the data do not decide, and a person has to.

# %%
proposal.chart("kinds")

# %% [markdown]
# ## What has to be decided?

# %%
proposal.tables["decisions"]

# %% [markdown]
# ## The proposed file
# Answer each question, remove it from `decide`, and complete what the data do not tell: the currency, the conventions, and what the
# platform does not keep.

# %%
if file:
    print(f"The proposed mapping is in {proposal.write(file)}.")
else:
    print(proposal.text)

# %% [markdown]
# ## Does the mapping reproduce the wallets?

# %%
proof = mlm_audit.prove(platform, database or None) if platform else None
proof

# %% [markdown]
# ## Conclusion

# %%
print(proposal.conclusion)
if proof is None:
    print("Set `platform` to the completed file, and run this notebook again.")
else:
    print(f"{proof.story.verdict}: {proof.conclusion} {proof.story.first}")
