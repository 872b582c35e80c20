"""`mlm-audit eligibility`: why a member was eligible for a month, or was not."""

from cyclopts import App

from mlm_audit.cli.explain import eligibility

app = App(name="eligibility")
app.command(eligibility, name="explain")
