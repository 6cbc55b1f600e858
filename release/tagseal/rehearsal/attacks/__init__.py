"""Attacks that a rehearsed release must withstand."""
