"""`mlm-audit eligibility`: why a member was eligible for a month, or was not."""

from cyclopts import App

from mlm_audit.cli.explain import eligibility

app = App(name="eligibility", help="Why a member was eligible for a month, or was not.")
app.command(eligibility, name="explain")
