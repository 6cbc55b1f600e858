"""The release notes: the changelog's section first, then instructions that anyone can follow.

``changelog`` finds the section (``rst`` moves it to Markdown), ``render`` fills the templates, ``commands`` reads
the instructions back and understands every word of them, ``page`` holds that no contributor's text hides them.
"""
