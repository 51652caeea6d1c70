"""Lists of commands: what each is for is said in full, however narrow the terminal."""

from __future__ import annotations

import pytest
from typer.main import get_command

from ganlab.cli import CORE_COMMANDS, app


@pytest.mark.parametrize("group", ["", "data", "checkpoints", "plugins", "synthetic"])
def test_no_summary_in_a_list_of_commands_is_cut(group: str) -> None:
    root = get_command(app)
    command, context = root, root.context_class(root, info_name="ganlab", terminal_width=80)
    if group:
        command = root.get_command(context, group)
        context = command.context_class(command, context, info_name=group)
    text = command.get_help(context)
    listed = text[text.index("Commands:") :]
    assert "..." not in listed
    assert max(map(len, text.splitlines())) <= 80
    words = " ".join(listed.split())
    for name in command.list_commands(context) if group else CORE_COMMANDS:
        sentence = " ".join(command.get_command(context, name).help.split()).partition(". ")[0]
        assert f"{name} {sentence}" in words
