"""What the grammars share."""


def sentence(text: str) -> str:
    """The text with its first letter as a capital, where its script has any.

    >>> sentence("émile a trois ans")
    'Émile a trois ans'
    """
    return text[:1].upper() + text[1:]
