"""Development tools that are not part of the served package."""

import wizard  # noqa: F401  so that Ctrl-C is quiet before the imports of the tool that is run
