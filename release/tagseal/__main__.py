"""Run the command line: ``python -m tagseal``."""

import os
import signal

if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))  # while this is loaded, nothing has to be cleaned up

from tagseal.cli import main  # noqa: E402 - the rest of the program

if __name__ == "__main__":
    raise SystemExit(main())
