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
# # Neighbourhoods in the trees
# **Question:** where does a member stand, in the sponsor tree and in the matrix, and is anything wrong around them?

# %% tags=["parameters"]
database = ""  # an SQLAlchemy URL; DATABASE_URL when left empty
member = 42
depth = 3

# %%
from IPython.display import display

import mlm_audit

audit = mlm_audit.connect(database or None)
audit.member(member)

# %% [markdown]
# ## In the matrix: who earns from this member, and from whom this member earns

# %%
audit.tree.around(member, up=depth, down=2)

# %% [markdown]
# ## In the sponsor tree: the directs count for the 3-3 rule

# %%
audit.tree.around(member, up=depth, down=1, tree="sponsor")

# %% [markdown]
# ## The matrix below, as a graph for further questions

# %%
graph = audit.tree.graph(member, depth=depth)
below = len(graph) - 1
print(f"{below} members within {depth} levels below member {member}; a full matrix would have {sum(3**n for n in range(1, depth + 1))}.")

# %% [markdown]
# ## Conclusion

# %%
print(audit.member(member).conclusion)
audit.close()
