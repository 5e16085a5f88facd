"""Map runs: what a distributed Map starts, and the executions that are its children.

Read it in this order: model.py (what a map run is and when it fails), store.py, driver.py (what it does next),
reading.py, objects.py, parsing.py and parquet.py (where items come from), results.py and writing.py (where results
go).
"""
