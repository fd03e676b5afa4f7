"""How good a swap is: judges that have no part in it, ground truth, and speed against the seed."""
