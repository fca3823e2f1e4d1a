"""What a forked server has imported already.

It also starts with a frozen garbage collector: a server collects garbage once when it starts, which
then takes as long as its own objects need.
"""

import gc

import flask.cli  # noqa: F401
import flask_limiter.commands  # noqa: F401  # a plugin of every command

import wizard.ops.serve  # noqa: F401

gc.freeze()
