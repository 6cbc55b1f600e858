"""The seal of a release: bundles, list of hashes, kit."""
