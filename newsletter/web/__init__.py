"""The web page: read, subscribe, choose, leave. GET shows, POST acts; nothing here decides.

app.py          the application: every router, one lifespan
desk.py         what a request needs: store, tokens, pages, clock
pages.py        Jinja2 pages of templates/web
security.py     headers, foreign origins, sizes
reading.py      editions, topics, papers, search
feeds.py        Atom, sitemap, robots; assets.py: the style sheet, the icon
showing.py      what pages say, in the e-mail's words; shelf.py keeps public pages until the store changes
private.py      pages that a token opens; forms.py reads forms, limiting.py counts sign-ups
signing_up.py   subscribe and confirm; answering.py sends the message once the page has answered
preferences.py  what a reader may see and change
leaving.py      one click, and a page with a button; together.py: many of them are one write
opinions.py     more like this, less like this
api/            the JSON API
bearer.py       the operator's token; windows.py counts by network
operating.py    is it alive, is it ready, how is it doing
"""
