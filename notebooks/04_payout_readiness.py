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
# **Question:** what would the next payout run pay, what would it hold and why, and do the books allow the payment?

# %% tags=["parameters"]
database = ""  # an SQLAlchemy URL; DATABASE_URL when empty
due = "2026-11-30"  # the day of the run

# %%
import mlm_audit

audit = mlm_audit.connect(database or None)
preview = audit.payouts(due=due).preview()
preview

# %% [markdown]
# ## Do the books allow the payment?
# When sealed history was changed, or when payouts and ledger disagree, resolve this before paying.

# %%
run = audit.last_run() or audit.reconcile()
against = run.breaks.filter(run.breaks["code"].is_in(["history-changed", "payout-ledger", "negative-wallet", "instalments"]))
against.select("id", "severity", "amount_paisa", "message").head(20)

# %% [markdown]
# ## Conclusion

# %%
word = "HOLD" if preview.story.verdict == "HOLD" or against.height else "PAY"
print(f"{word}: {preview.conclusion} Open breaks that concern payouts: {against.height}.")
audit.close()
