"""Database engines: what each can do, as primitives; the workflow is elsewhere."""
