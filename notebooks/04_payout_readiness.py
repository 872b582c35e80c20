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
# # Is it safe to pay?
# **Question:** what would the next payout run pay, what does it hold back and why, and do the books allow it?

# %% tags=["parameters"]
database = ""  # an SQLAlchemy URL; DATABASE_URL when left empty
due = "2026-11-30"  # the day of the run

# %%
import mlm_audit

audit = mlm_audit.connect(database or None)
preview = audit.payouts(due=due).preview()
preview

# %% [markdown]
# ## Do the books allow it?
# A platform whose ledger was changed, or whose payouts and ledger disagree, does not pay before that is cleared up.

# %%
run = audit.last_run() or audit.reconcile()
against = run.breaks.filter(run.breaks["code"].is_in(["history-changed", "payout-ledger", "negative-wallet", "instalments"]))
against.select("id", "severity", "amount_paisa", "message").head(20)

# %% [markdown]
# ## Conclusion

# %%
word = "HOLD" if preview.story.verdict == "HOLD" or against.height else "PAY"
print(f"{word}: {preview.conclusion} {against.height} breaks of payouts are open.")
audit.close()
