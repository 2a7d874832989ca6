"""Research papers in, an e-mail that a researcher is glad to open out.

The folders read as the day's journey; `daily.py` tells it in nine lines. A file imports only from floors below its own
(`pyproject.toml`, section importlinter, draws the floors and a machine checks them).
"""

__version__ = "0.1.0"
