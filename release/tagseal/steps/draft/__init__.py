"""The draft of a release: which one, what is wanted in it, what differs."""
