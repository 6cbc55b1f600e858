"""Run the command line: ``python -m tagseal``."""

from tagseal.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
