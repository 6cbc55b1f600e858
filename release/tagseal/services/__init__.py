"""One adapter for each thing outside: the only importer of its library, and the border where foreign errors end."""
