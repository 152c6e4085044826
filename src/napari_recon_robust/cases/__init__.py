"""What is saved of a comparison, and how it is made again."""
