"""The ``ganlab`` command: the core's own commands, and how an analysis becomes one."""
