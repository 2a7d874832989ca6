"""The enricher `openalex`: what OpenAlex knows of papers."""
