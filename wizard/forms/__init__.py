"""The pure core: fields, conditions, flows and the journey through them. No framework."""
