"""Container images: built, read as a layout, pushed to a registry."""
