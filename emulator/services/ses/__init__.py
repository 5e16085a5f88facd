"""Amazon SES, the older API (`ses`), and everything both SES APIs share: identities, messages, delivery, inbox.

Emulated: sending a composed or a raw message, verifying and listing identities, quota and statistics; every accepted
message is stored once and appears in the inbox at once. Not emulated, and refused by name: templates, configuration
sets and their events, receipt rules, sending authorization across accounts.
"""
