"""Text that anybody may have written, made fit for libcanring and `canring test`."""


def fit(text):
    """NUL ends a text in C, and lone surrogates are no UTF-8: both as Python writes them."""
    return text.replace("\0", r"\x00").encode(errors="backslashreplace").decode()


def words_of(value, what="exception"):
    """str() of anything that a test made, also where that raises."""
    try:
        return str(value)
    except BaseException:  # as tracebacks have it
        return f"<{what} str() failed>"
