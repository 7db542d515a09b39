"""`python -m rag`: see `rag.cli`."""

from __future__ import annotations

import sys


def main() -> int:
    """Run one command and return its exit code."""
    from rag.interrupt import INTERRUPTED, has_come, watch

    watch()
    try:
        from rag.cli import main

        return main()
    except BaseException:
        if not has_come():
            raise
        sys.stderr.write("Interrupted.\n")
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
