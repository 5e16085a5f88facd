"""Amazon SES API v2 (`sesv2`): sending simple and raw messages, identities, the account.

Messages and identities are those of `ses`: what one API creates the other sees. Not emulated, and refused by name:
templates, bulk sending, configuration sets, contact lists, tenants, suppression list.
"""
