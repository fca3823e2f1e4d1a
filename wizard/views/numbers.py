"""Numbers in what a page posts."""


def whole_number(text: str) -> int | None:
    """A number of up to nine digits, which any store can hold; None for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
