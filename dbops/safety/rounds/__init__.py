"""Each migration up, down and up again on a scratch database: whether it comes back, and what differs."""
