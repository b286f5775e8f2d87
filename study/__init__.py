"""What is run, where, and with what budget."""
