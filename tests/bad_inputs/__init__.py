"""Bad inputs: one row of the table, one message, one test. ``docs/reference/bad-inputs.md`` is written from them."""
