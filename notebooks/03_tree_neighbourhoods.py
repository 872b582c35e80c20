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
# **Question:** what is a member's place in the sponsor tree and in the matrix, and are there issues nearby?

# %% tags=["parameters"]
database = ""  # an SQLAlchemy URL; DATABASE_URL when empty
member = 42
depth = 3

# %%
from IPython.display import display

import mlm_audit

audit = mlm_audit.connect(database or None)
audit.member(member)

# %% [markdown]
# ## The matrix: who earns from this member, and from whom this member earns

# %%
audit.tree.around(member, up=depth, down=2)

# %% [markdown]
# ## The sponsor tree: the directs count towards the 3-3 rule

# %%
audit.tree.around(member, up=depth, down=1, tree="sponsor")

# %% [markdown]
# ## The matrix below the member, as a graph for further analysis

# %%
graph = audit.tree.graph(member, depth=depth)
below = len(graph) - 1
print(f"Members within {depth} levels below member {member}: {below}; a full matrix has {sum(3**n for n in range(1, depth + 1))}.")

# %% [markdown]
# ## Conclusion

# %%
print(audit.member(member).conclusion)
audit.close()
