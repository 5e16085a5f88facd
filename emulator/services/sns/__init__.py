"""Amazon SNS: topics, subscriptions, deliveries."""
