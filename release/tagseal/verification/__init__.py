"""What a stranger runs: needs no token, no CI and no configuration, and reads none."""
