"""The loopback internet: production names that lead to stand-ins on this machine (design, section 3)."""
