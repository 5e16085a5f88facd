"""The deployment of a stack: one durable job that goes on, a resource at a time, until the stack has settled.

`worker.py` is the job and its phases, `work.py` what it knows of the stack, `steps.py` one step of one resource and its
commit, `order.py` what comes first. A phase is named by the stack's state, so that a restart goes on where it was:

    CREATE_IN_PROGRESS, UPDATE_IN_PROGRESS      forward: make and change what differs
    …COMPLETE_CLEANUP_IN_PROGRESS               delete what nothing refers to any more
    UPDATE_ROLLBACK_IN_PROGRESS                 back to how each resource was before
    ROLLBACK_IN_PROGRESS, DELETE_IN_PROGRESS    delete all
"""
