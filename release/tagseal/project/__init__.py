"""The project as it lies there: what it is called, how it is tagged, which workflow releases it."""
