"""Kinds of columns: how each is read, whatever the type and the library of a table."""
