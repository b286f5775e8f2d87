"""Controls: trainings beside a winning schedule that tell what it won by, and the schedules that they are made of."""
