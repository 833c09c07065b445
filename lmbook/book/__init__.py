"""The book itself: lessons and what they record, chapters, pages, notebooks, pictures and fonts."""
