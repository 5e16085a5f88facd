"""The parts of validate.py: what a problem is, which fields there are, and the rules by what they are about."""
