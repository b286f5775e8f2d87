"""Under which terms data stand, as people read it."""


def terms(licence: str | None, non_commercial: bool) -> str:
    """A licence, marked where it forbids commercial use; empty where none is stated.

    >>> terms("CC-BY-NC-4.0", True)
    'CC-BY-NC-4.0, non-commercial'
    """
    return f"{licence or ''}{', non-commercial' if non_commercial else ''}".removeprefix(", ")
