"""What a composed message will look like, before anybody gets it.

`page` makes one self-contained HTML file of a message: the inbox lines, the mail as the common clients draw it, its
text part, its headers and parts, its weight, what the lint found, and its links.
"""
