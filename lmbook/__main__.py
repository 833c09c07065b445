"""`python -m lmbook` and the console command `lmbook`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line with the arguments of this process."""
    try:
        from lmbook.cli.app import app
    except ModuleNotFoundError as error:
        print(
            f"The package {error.name} is missing. Run: python -m pip install -r requirements.txt",
            file=sys.stderr,
        )
        sys.exit(2)
    from lmbook.console import let_streams_show_what_they_can

    let_streams_show_what_they_can()
    app(prog_name="lmbook")


if __name__ == "__main__":
    main()
