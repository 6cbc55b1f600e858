"""This computer: files, git, processes, threads, archives, the build back end."""
