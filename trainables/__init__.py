"""What one trial does: data, batch mixing, encoders, training and evaluation."""
