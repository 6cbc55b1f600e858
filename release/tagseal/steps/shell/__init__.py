"""What the steps run in a shell: the published instructions, offline or logged in."""
