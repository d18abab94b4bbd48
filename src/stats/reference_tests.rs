//! Values of SciPy and NumPy.
