"""Tables, figures and the report as text, files and a page."""
