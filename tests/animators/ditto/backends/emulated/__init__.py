"""A GPU that is not there: its memory is main memory, and its kernels are compiled for the CPU."""
