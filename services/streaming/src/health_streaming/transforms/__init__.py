"""What the tables of the transformed zone are made of: pure functions from DataFrames to DataFrames, and their list."""
