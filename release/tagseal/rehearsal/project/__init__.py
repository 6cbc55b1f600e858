"""The project as a rehearsal sees it: a clone, its workflow, its prebuilt files."""
