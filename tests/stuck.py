"""When a test calls something stuck: after host time that no machine needs that works at all, however busy."""

STUCK_SECONDS = 180.0
