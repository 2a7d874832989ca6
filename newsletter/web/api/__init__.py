"""The JSON API, below /api/v1; its OpenAPI document is at /api/v1/openapi.json, and told in docs/api.md.

problems.py     what went wrong, as JSON (RFC 9457)
paging.py       days, cursors and limits of lists
routes.py       routes that take JSON and count who reads
papers.py       papers as JSON; reading.py: papers, editions, topics, for everybody
joining.py      sign up
records.py      subscribers, deliveries, suppressions, batches, for the operator
collecting.py   collect now; previewing.py: what a reader would get
bouncing.py     bounces that providers tell
document.py     the OpenAPI document
"""
