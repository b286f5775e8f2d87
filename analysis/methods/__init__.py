"""How the numbers came about, to paste into a paper: a paragraph from the records, and its references."""
