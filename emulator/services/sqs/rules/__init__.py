"""What SQS allows and how it says no: pure functions of their arguments."""
