"""The Amazon States Language as a pure interpreter: no clock, no store, no await.

`validate` judges a definition, `compile_definition` reads it, `Run` moves an execution by one signal.
"""
