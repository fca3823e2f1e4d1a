"""How many made-up examples a property is tested with."""

from typing import Any

from hypothesis import settings


def examples(count: int, **options: Any) -> settings:
    """Test with up to `count` examples, or with the share of them that the profile takes."""
    return settings(max_examples=count * settings.default.max_examples // 100, **options)
