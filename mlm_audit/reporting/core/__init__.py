"""What every report shares: page parts, charts, tables, the JSON document and the run folder."""
