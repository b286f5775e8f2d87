"""What a study will cost, before it starts: memory, GPUs, hours, money, energy."""
