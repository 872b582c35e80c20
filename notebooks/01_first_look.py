# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # A first look at a reconciliation
# What is wrong, how much of it, and what one would do first: from the files that a run leaves behind.

# %% tags=["parameters"]
run_folder = ""  # the newest run of `make demo` when left empty

# %%
import json
from pathlib import Path

import polars as pl

folder = Path(run_folder) if run_folder else max(Path("demo/runs").glob("reconciliation-*"), key=lambda path: path.stat().st_mtime)
result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
breaks = pl.read_parquet(folder / "breaks.parquet")
print(result["verdict"], result["counts"])

# %% [markdown]
# ## Does the proof close?
# From the ledger's total to the wallets' total, by cause; the residual must be zero.

# %%
bridge = pl.DataFrame(result["bridge"]["lines"], schema={"cause": pl.String, "members": pl.Int64, "amount_paisa": pl.Int64})
assert result["bridge"]["residual_paisa"] == 0
print(bridge)

# %% [markdown]
# ## Which causes, and how much?

# %%
by_cause = (
    breaks.group_by("cause", "severity").agg(pl.len().alias("breaks"), pl.col("amount_paisa").abs().sum()).sort("amount_paisa", descending=True)
)
print(by_cause)

# %% [markdown]
# ## The members with the most at stake

# %%
members = breaks.filter(pl.col("member_id").is_not_null()).group_by("member_id").agg(pl.col("code"), pl.col("amount_paisa").abs().sum())
print(members.sort("amount_paisa", descending=True).head(10))
