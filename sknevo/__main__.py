"""``python -m sknevo``: see `sknevo.cli`."""

import sys

from sknevo.cli import main

# Worker processes import this file, too.
if __name__ == "__main__":
    sys.exit(main())
