"""`mlm-audit eligibility`: explain why a member was or was not eligible for a month."""

from cyclopts import App

from mlm_audit.cli.explain import eligibility

app = App(name="eligibility")
app.command(eligibility, name="explain")
