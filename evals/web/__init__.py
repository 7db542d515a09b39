"""The Evals view of the web page, handed to it by `app.py`."""
