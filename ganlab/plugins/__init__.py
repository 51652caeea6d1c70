"""Who brought what: plugins found, checked and loaded."""

from ganlab.plugins.hosting import COMMAND_HOOKS, PROVIDER_HOOKS, PluginHost, host, import_file

__all__ = ["COMMAND_HOOKS", "PROVIDER_HOOKS", "PluginHost", "host", "import_file"]
