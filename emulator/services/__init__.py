"""One folder per boto3 client name, all of the same shape (ARCHITECTURE.md)."""
