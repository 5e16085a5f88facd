"""Node.js functions: the JavaScript that runs in their processes, and the emulator's side of it.

`bootstrap.cjs` and its siblings are ours, not AWS's; they follow what AWS's Node.js runtimes are documented and seen to
do. `environment.py` finds `node`, starts it and speaks with it over the same two channels as with Python.
"""
