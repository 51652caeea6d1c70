"""``python -m ganlab``."""

from ganlab.cli.app import main

main()
