"""The source `arxiv`: what arXiv announces."""
