"""What the page is made of: rendering, handlers, layout, and its style and script."""
