"""The package index: where it is (``sites``), what it has (``client``), and what goes there (``uploads``)."""
