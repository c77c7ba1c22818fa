"""The search spaces, one file or folder per task, read like tables.

- `pipeline` is that of tables: preparation, scaling, feature extraction, model.
"""
