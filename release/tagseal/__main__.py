"""Run the command line: ``python -m tagseal``."""

import os
import signal

if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))  # while this is loaded, nothing has to be cleaned up
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})

from tagseal.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
