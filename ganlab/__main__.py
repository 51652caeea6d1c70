"""``python -m ganlab``."""

from ganlab.cli import main

main()
