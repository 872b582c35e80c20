"""What must hold: the bulk checks as SQL text, their inputs, causes and states. Data in, findings out; no database, no clock."""
