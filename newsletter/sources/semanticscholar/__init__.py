"""The enricher `semanticscholar`: what Semantic Scholar knows of papers."""
