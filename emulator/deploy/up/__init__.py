"""`emulator up`: a project as it lies on this machine, deployed to an emulator, and deployed again when it changes.

A client like any other: it reads files, asks CloudFormation and S3 over HTTP, and prints. In the order of a deployment:

    project     what PATH means: a template, an OpenAPI file, a folder that CDK has written
    sources     from each of those to templates (openapi, assembly)
    packaging   local files of a template → a folder that functions run from, or an object in S3
    dependencies  what functions require, installed into a cache
    checking    what is wrong with a template, and where; what lint finds
    stacks      create or change a stack, and what failed
    endpoints   what is there now: URLs, routes, functions, queues
    screen      how all of it is printed
    env_files   KEY=VALUE of the command line and of files
    session     all of the above once, and again after a change
    running     an emulator of its own around a session, or one that runs already

`commands` is how the command line asks for it. docs/deploy.md is for users.
"""
