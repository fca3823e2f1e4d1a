"""E-mail and its queue, the outbox."""
