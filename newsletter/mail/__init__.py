"""Mail: a digest's parts become bytes (`mime`), the bytes go out (`smtp`), or into a folder (`local`).

`headers` writes single header fields, `tokens` signs the links that act for a reader. The modules are imported one by
one, so that nobody pays for an SMTP server who only wants a preview.
"""
