"""What follows here from IAM, which is delegated: the secrets of access keys, by which signatures are verified.

Emulated: requests to methods, routes and function URLs with AWS_IAM are verified if their access key was made by
CreateAccessKey. Keys that nobody has made here sign what they like, so that no user need be made to try an API. Not
emulated: what a user's policies allow.
"""
