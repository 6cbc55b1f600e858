"""The tools that the published commands run: the real ones, or their stand-ins."""
