"""The execution environments of functions: the side inside the child process, and the engine's side.

`bootstrap`, `virtual_time`, `thread_waits`, `told_dates`, `work`, `own_writers` and `zygote` run in child processes,
are loaded there as the package `_lambda_runtime` and import the standard library only. `environment`, `launcher`,
`logs`, `packages`, `variables` and `wire` run in the emulator; `wire` and `outcomes` are shared by both.
"""
