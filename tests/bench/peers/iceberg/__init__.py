"""The peer without Spark: PyIceberg, with Arrow and NumPy for the work."""
