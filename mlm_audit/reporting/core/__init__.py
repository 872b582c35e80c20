"""The parts that all reports share: page parts, charts, tables, the JSON document and the run folder."""
