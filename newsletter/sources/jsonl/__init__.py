"""The source `jsonl`: papers that another program parsed, as lines of JSON."""
