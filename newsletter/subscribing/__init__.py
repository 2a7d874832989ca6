"""How readers come, change their minds, and go.

csv_files.py    lists of readers, in and out
wishes.py       what a reader can choose, read from what they typed
wording.py      a topic in a reader's own words
signing_up.py   asking for mail on the page, and the confirmation without which there is none
preferring.py   everything that is known of a reader, for the reader
forgetting.py   leaving, and leaving without a trace, in tables and in files
"""

from newsletter.subscribing.csv_files import COLUMNS, BadRow, Imported, as_text, export_csv, import_csv
from newsletter.subscribing.forgetting import forget, leave

__all__ = ["COLUMNS", "BadRow", "Imported", "as_text", "export_csv", "forget", "import_csv", "leave"]
