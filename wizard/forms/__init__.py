"""What a form is: fields, conditions, steps, and the journey through them. No framework."""
