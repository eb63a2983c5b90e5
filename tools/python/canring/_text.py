"""Text that anybody may have written, made fit for libcanring and `canring test`."""


def fit(text):
    """NUL ends a text in C, and lone surrogates are no UTF-8: both as Python writes them."""
    return text.replace("\0", r"\x00").encode(errors="backslashreplace").decode()
