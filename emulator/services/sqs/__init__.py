"""Amazon SQS: queues, messages, redrive."""
