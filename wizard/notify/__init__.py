"""Messages: the queue, and e-mail."""
