"""``ganlab`` and ``python -m ganlab``: Ctrl-C is heard before the command line is imported, which takes a second."""

import sys


def main() -> None:
    """Run the command line, see :func:`ganlab.cli.app.main`."""
    try:
        from ganlab.cli.app import main as command_line

        command_line()
    except KeyboardInterrupt:
        sys.stderr.write("Stopped.\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
