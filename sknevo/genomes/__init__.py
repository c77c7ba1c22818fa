"""The search spaces, one file per task, read like tables.

- `pipeline` is that of tables: preparation, scaling, feature extraction, model.
"""
